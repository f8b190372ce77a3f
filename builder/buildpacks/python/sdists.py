"""Wheels of packages that publish none for WebAssembly, made of source distributions that are Python alone.

A source distribution is not run: setuptools has written into it what its modules are (`top_level.txt`), and they are
taken as they are.
"""
import base64
import hashlib
import io
import json
import posixpath
import re
import tarfile
import zipfile
from urllib.parse import urljoin, urlsplit

from pip._vendor.packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

# Packages that do without the machine code that they bring.
OPTIONAL = {
    *("markupsafe", "pyyaml", "wrapt", "msgpack", "simplejson", "tornado", "zope-interface", "coverage", "sqlalchemy"),
    *("ruamel-yaml", "pyrsistent", "persistent", "multidict", "frozenlist", "yarl", "propcache", "peewee", "mypy"),
}
MACHINE_CODE = re.compile(r"\.(c|cc|cpp|cxx|pyx|rs|go|f|f90|m)$")
# Most bytes of a source distribution's files.
MOST = 256 * 1024**2

_suffix = ".islet/"
_sources = {}


class Native(Exception):
    """A package has machine code, and no wheel for WebAssembly."""


def offer(body, url, platforms):
    """Adds to a project's page of the index (PEP 691) wheels that stand for its source distributions."""
    page = json.loads(body)
    if "files" not in page:
        return body
    served = set()
    for file in page["files"]:
        try:
            _, version, _, tags = parse_wheel_filename(file["filename"])
        except ValueError:
            continue
        if any(tag.platform == "any" and tag.interpreter in ("py3", "py314", "cp314") or tag.platform in platforms for tag in tags):
            served.add(version)
    for file in list(page["files"]):
        if not file["filename"].endswith(".tar.gz") or file.get("yanked"):
            continue
        try:
            name, version = parse_sdist_filename(file["filename"])
        except ValueError:
            continue
        if version in served:
            continue
        wheel = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        sha256 = file["hashes"].get("sha256", "")
        source = urljoin(url, file["url"]).split("#")[0]
        page["files"].append(
            {
                "filename": wheel,
                "url": f"{source}{_suffix}{sha256}/{wheel}",
                "hashes": {"sha256": sha256} if sha256 else {},
                "requires-python": file.get("requires-python"),
            }
        )
    return json.dumps(page).encode()


def is_converted(url):
    return _suffix in url


def source_hash(wheel):
    """The hash of what a wheel was made of; None when it came as it is."""
    return _sources.get(hashlib.sha256(wheel).hexdigest())


def convert(url, get):
    """The bytes of a wheel that `offer` has named."""
    source, _, rest = url.partition(_suffix)
    sha256, wheel = rest.split("/")
    data = get(source)
    found = hashlib.sha256(data).hexdigest()
    what = posixpath.basename(urlsplit(source).path)
    if sha256 and found != sha256:
        raise ValueError(f"{what} is not what the index says: its SHA-256 is {found}, and should be {sha256}")
    made = _wheel(data, wheel, what)
    _sources[hashlib.sha256(made).hexdigest()] = found
    return made


def _wheel(data, filename, what):
    files = _read(data, what)
    name, version = filename.split("-")[:2]
    native = sorted(path for path in files if MACHINE_CODE.search(path) and not re.match(r"(tests?|docs?|examples?)/", path))
    if native and canonicalize_name(name) not in OPTIONAL:
        raise Native(f"{canonicalize_name(name)} {version}")
    info = next((posixpath.dirname(path) for path in files if path.endswith(".egg-info/top_level.txt")), None)
    if info is not None:
        modules = files[f"{info}/top_level.txt"].decode().split()
        root = posixpath.dirname(info)
    else:
        modules, root = [name.lower()], "src" if any(path.startswith("src/") for path in files) else ""
    kept = {}
    for path, content in files.items():
        relative = path[len(root) + 1 :] if root and path.startswith(f"{root}/") else path if not root else None
        if relative is None or MACHINE_CODE.search(relative):
            continue
        if any(relative == f"{module}.py" or relative.startswith(f"{module}/") for module in modules):
            kept[relative] = content
    if not kept:
        raise Native(f"{canonicalize_name(name)} {version}")
    directory = f"{name}-{version}.dist-info"
    kept[f"{directory}/METADATA"] = files.get("PKG-INFO") or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    if info is not None and b"Requires-Dist" not in kept[f"{directory}/METADATA"].split(b"\n\n")[0]:
        kept[f"{directory}/METADATA"] = _with_requires(kept[f"{directory}/METADATA"], files.get(f"{info}/requires.txt", b""))
    if info is not None and f"{info}/entry_points.txt" in files:
        kept[f"{directory}/entry_points.txt"] = files[f"{info}/entry_points.txt"]
    kept[f"{directory}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: islet\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in kept.items())
    kept[f"{directory}/RECORD"] = f"{record}{directory}/RECORD,,\n".encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in sorted(kept.items()):
            # The same source makes the same wheel.
            archive.writestr(zipfile.ZipInfo(path), content)
    return out.getvalue()


def _read(data, what):
    files = {}
    size = 0
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            path = posixpath.normpath(member.name).partition("/")[2]
            if not member.isfile() or not path or ".." in path.split("/"):
                continue
            size += member.size
            if size > MOST:
                raise ValueError(f"{what} unpacks to more than {MOST // 1024**2} MB")
            files[path] = archive.extractfile(member).read()
    return files


def _with_requires(metadata, requires):
    """Adds what egg-info says of dependencies (`name>=1`, below `[extra:marker]`) to metadata that leaves it out."""
    lines, condition = [], ""
    for line in requires.decode().splitlines():
        section = re.fullmatch(r"\[([^:\]]*)(?::(.*))?\]", line.strip())
        if section:
            extra = f"extra == '{section[1]}'" if section[1] else ""
            condition = " and ".join(part for part in (extra, f"({section[2]})" if section[2] else "") if part)
        elif line.strip():
            lines.append(f"Requires-Dist: {line.strip()}{' ; ' + condition if condition else ''}")
    head, separator, body = metadata.partition(b"\n\n")
    return head.rstrip() + b"\n" + "".join(f"{line}\n" for line in lines).encode() + b"\n" + (body if separator else b"")


def _digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
