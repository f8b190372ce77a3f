"""What the lock files of uv, Poetry and Pipenv pin, as lines for pip with their hashes."""
import json
import tomllib

from pip._vendor.packaging.markers import Marker, default_environment
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name


def requirements(kind, omitted):
    """The text of a requirements.txt for the lock of that name in /app, and whether it pins everything."""
    lines = {"uv.lock": _uv, "poetry.lock": _poetry, "Pipfile.lock": _pipenv, "pyproject.toml": _pyproject}[kind]()
    kept = [line for line in lines if canonicalize_name(Requirement(line.split(" --")[0]).name) not in omitted]
    return "".join(f"{line}\n" for line in kept), kind != "pyproject.toml"


def _load(name):
    with open(f"/app/{name}", "rb") as file:
        return tomllib.load(file)


def _applies(marker, extra=""):
    return not marker or Marker(marker).evaluate({**default_environment(), "extra": extra})


def _line(name, version, hashes):
    return " ".join([f"{name}=={version}", *(f"--hash={value}" for value in sorted(set(hashes)))])


def _uv():
    packages = {}
    for package in _load("uv.lock").get("package", []):
        packages.setdefault(package["name"], []).append(package)
    roots = [
        package
        for versions in packages.values()
        for package in versions
        if package.get("source", {}).get("editable") == "." or package.get("source", {}).get("virtual") == "."
    ]
    found = {}
    waiting = [dependency for root in roots for dependency in root.get("dependencies", [])]
    seen = set()
    while waiting:
        dependency = waiting.pop()
        if not _applies(dependency.get("marker")):
            continue
        for package in packages.get(dependency["name"], []):
            if "version" in dependency and package.get("version") != dependency["version"]:
                continue
            found[package["name"]] = package
            for extra in ("", *dependency.get("extra", [])):
                if (package["name"], extra) in seen:
                    continue
                seen.add((package["name"], extra))
                waiting += package.get("optional-dependencies", {}).get(extra, []) if extra else package.get("dependencies", [])
    return [_line(name, package["version"], _uv_hashes(package)) for name, package in sorted(found.items())]


def _uv_hashes(package):
    if "registry" not in package.get("source", {}):
        raise SystemExit(f"uv.lock takes {package['name']} from elsewhere than a package index.")
    files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    return [file["hash"] for file in files]


def _poetry():
    packages = {canonicalize_name(package["name"]): package for package in _load("poetry.lock").get("package", [])}
    pyproject = _load("pyproject.toml")
    wanted = [canonicalize_name(name) for name in pyproject.get("tool", {}).get("poetry", {}).get("dependencies", {})]
    wanted += [canonicalize_name(Requirement(line).name) for line in pyproject.get("project", {}).get("dependencies", [])]
    found = set()
    while wanted:
        name = wanted.pop()
        package = packages.get(name)
        if package is None or name in found:
            continue
        marker = package.get("markers")
        if isinstance(marker, dict):
            marker = marker.get("main")
        if not _applies(marker):
            continue
        found.add(name)
        for dependency, asked in package.get("dependencies", {}).items():
            asked = asked if isinstance(asked, list) else [asked]
            if any(not isinstance(one, dict) or _applies(one.get("markers")) and not one.get("optional") for one in asked):
                wanted.append(canonicalize_name(dependency))
    return [
        _line(name, packages[name]["version"], [file["hash"] for file in packages[name].get("files", [])])
        for name in sorted(found)
    ]


def _pipenv():
    with open("/app/Pipfile.lock") as file:
        packages = json.load(file).get("default", {})
    for name, package in packages.items():
        if "version" not in package:
            raise SystemExit(f"Pipfile.lock takes {name} from elsewhere than a package index.")
    return [
        _line(name, package["version"].removeprefix("=="), package.get("hashes", []))
        for name, package in sorted(packages.items())
        if _applies(package.get("markers"))
    ]


def _pyproject():
    return _load("pyproject.toml").get("project", {}).get("dependencies", [])
