"""Runs pip, which installs an app's packages into /site. No code of the app's or of a package's runs here."""
import compileall
import io
import json
import os
import py_compile
import sys
import traceback

sys.path[:0] = ["/driver", "/driver/pip.whl"]
# What scripts of packages begin with; by default it is the name of a file of the host's.
sys.executable = "/usr/bin/python3"

import pip._vendor.requests.adapters as adapters
from js import hostFetch
from pip._internal.cli.main import main
from pip._internal.exceptions import InstallationError
from pip._internal.models.index import PyPI
from pip._internal.req import req_file
from pip._internal.utils.hashes import Hashes
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.urllib3.response import HTTPResponse
from pyodide.ffi import run_sync

import locks
import sdists

# Packages that other packages ask for to be faster, and do without.
OMITTED = {"uvloop", "httptools", "watchfiles", "hiredis", "gevent", "eventlet", "greenlet", "meinheld"}

# The time zones that a system has and WebAssembly has not, where the app does not bring them.
TIME_ZONES = "tzdata==2026.6 --hash=sha256:0a10eec6e13ef16b627fabed9a5f2ba61a62b1c67f327305f4e7e412a70b4aec"

# The first serves Pyodide's own build of CPython, the second is its name from before it was standardised.
PLATFORMS = ("pyemscripten_2026_0_wasm32", "pyodide_2026_0_wasm32")


def send(self, request, **_):
    """Sends a request of pip's by the host, which looks at where it goes."""
    if sdists.is_converted(request.url):
        try:
            body = sdists.convert(request.url, lambda url: _get(url, {})[2])
        except sdists.Native as native:
            print(f"NATIVE {native}", file=sys.stderr)
            raise InstallationError(f"{native} has native code") from None
        status, headers = 200, [["content-type", "application/zip"]]
    else:
        status, headers, body = _get(request.url, dict(request.headers))
        if status == 200 and "json" in dict(headers).get("content-type", ""):
            body = sdists.offer(body, request.url, PLATFORMS)
    kept = [(name, value) for name, value in headers if name not in ("content-encoding", "content-length", "transfer-encoding")]
    raw = HTTPResponse(body=io.BytesIO(body), headers=kept, status=status, preload_content=False)
    return self.build_response(request, raw)


def _get(url, headers):
    answer = run_sync(hostFetch(url, json.dumps(headers)))
    if answer.error:
        raise adapters.ConnectionError(answer.error)
    return answer.status, json.loads(answer.headers), answer.body.to_bytes()


def is_omitted(text):
    return canonicalize_name(Requirement(text).name) in OMITTED


def omit_requirements():
    parse = req_file.parse_requirements

    def parse_requirements(*args, **options):
        for parsed in parse(*args, **options):
            try:
                omitted = not parsed.is_editable and is_omitted(parsed.requirement.split(" --")[0])
            except Exception:
                omitted = False  # not one that has a name; pip says what is wrong with it
            if not omitted:
                yield parsed

    import pip._internal.cli.req_command as req_command

    req_file.parse_requirements = req_command.parse_requirements = parse_requirements
    from pip._internal.metadata.importlib import Distribution

    dependencies = Distribution.iter_dependencies

    def iter_dependencies(self, extras=()):
        for requirement in dependencies(self, extras):
            if canonicalize_name(requirement.name) not in OMITTED:
                yield requirement

    Distribution.iter_dependencies = iter_dependencies


def check_converted():
    """What was made of a source distribution is checked by the hash of the source distribution."""
    check = Hashes.check_against_chunks

    def check_against_chunks(self, chunks):
        data = b"".join(chunks)
        expected = sdists.source_hash(data)
        if expected is None:
            return check(self, iter([data]))
        if self and not self.is_hash_allowed("sha256", expected):
            self._raise({"sha256": type("Got", (), {"hexdigest": lambda _: expected})()})

    Hashes.check_against_chunks = check_against_chunks


def trusted():
    """Hosts that pip's own configuration names, or pip itself by default."""
    from pip._internal.configuration import Configuration

    configuration = Configuration(isolated=False)
    configuration.load()
    values = [PyPI.simple_url, f"https://{PyPI.file_storage_domain}/"]
    for key, value in configuration.items():
        pairs = value.items() if isinstance(value, dict) else [(key, value)]
        for name, text in pairs:
            if name.split(".", 1)[-1] in ("index-url", "extra-index-url", "trusted-host"):
                values += [part if "//" in part else f"https://{part}/" for part in str(text).split()]
    return json.dumps(values)


def compile_packages(place):
    """Compiles /site, as compiling while an app starts takes longer than all else; `place` is where the app has it."""
    compileall.compile_dir(
        "/site",
        quiet=2,
        stripdir="/site",
        prependdir=place,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def install(kind):
    """Installs what the file of the app's that is in /app pins. Returns pip's exit code."""
    adapters.HTTPAdapter.send = send
    omit_requirements()
    check_converted()
    arguments = [
        "install",
        *("--target", "/site", "--only-binary", ":all:", "--implementation", "cp"),
        *("--python-version", "3.14", "--abi", "cp314", "--abi", "abi3", "--abi", "none"),
        *(word for platform in (*PLATFORMS, "any") for word in ("--platform", platform)),
        *("--no-cache-dir", "--no-compile", "--disable-pip-version-check", "--no-input", "--no-warn-script-location"),
        *("--progress-bar", "off", "--no-color", "--root-user-action", "ignore"),
    ]
    os.chdir("/app")
    if kind == "requirements.txt":
        wanted, options = "requirements.txt", []
    else:
        wanted = "/locked.txt"
        text, pins = locks.requirements(kind, OMITTED)
        options = ["--no-deps"] if pins else []
        with open(wanted, "w") as file:
            file.write(text)
    try:
        return main([*arguments, *options, "-r", wanted, *_time_zones(wanted)])
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1


def _time_zones(wanted):
    """Asks for time zones too, with a hash where the app's own packages have theirs: pip wants all or none."""
    with open(wanted) as file:
        text = file.read()
    if "tzdata" in text:
        return []
    with open("/time-zones.txt", "w") as file:
        file.write(TIME_ZONES if "--hash" in text else TIME_ZONES.split(" ")[0])
    return ["-r", "/time-zones.txt"]
