"""Finds out which modules of packages an app imports, and imports them without it: see packages-program.ts."""
import importlib
import json
import os
import sys
import sysconfig

SITE_PACKAGES = "/tmp/app/.heroku/python/lib/python3.14/site-packages/"

# Functions whose answers are another process's own: by module, or class, and name.
CLOCKS = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"}
DATES = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
RANDOM = {"urandom", "getrandom", "getrandbits", "seed"}

# Functions that tell things of one process apart by random numbers, and nothing else.
KNOWN = {("opentelemetry.context", "create_key")}


def learn(text):
    """Loads what a process type runs. Returns JSON: the modules of packages that it has imported, the first first."""
    from islet import boot, servers

    before = set(sys.modules)
    environment = dict(os.environ)
    error = None
    try:
        boot.load(json.loads(text))
    except servers.Serving:
        pass
    except BaseException as raised:
        # It may miss what only its own dyno has. What it had imported until then counts.
        error = f"{type(raised).__name__}: {raised}"
    names = [name for name, module in list(sys.modules.items()) if name not in before and _is_shared(module)]
    set_by_app = [name for name, value in os.environ.items() if environment.get(name) != value]
    return json.dumps({"modules": names, "set": set_by_app, "error": error})


def _is_shared(module):
    """Whether it is of a package, or of the standard library."""
    spec = getattr(module, "__spec__", None)
    origin = getattr(spec, "origin", None)
    if origin is None:
        # A namespace package, which may have parts in several places.
        return False
    return origin in ("built-in", "frozen") or origin.startswith((SITE_PACKAGES, sysconfig.get_path("stdlib"))) or ".zip/" in origin


class Environment(dict):
    """What `os.environ` keeps its variables in; remembers which were asked for."""

    asked = set()
    everything = False

    def __getitem__(self, name):
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name):
        self.asked.add(name)
        return super().__contains__(name)

    def __delitem__(self, name):
        self.asked.add(name)
        super().__delitem__(name)


def _noted(name):
    def method(self, *args):
        Environment.everything = True
        return getattr(dict, name)(self, *args)

    return method


for _name in ("__iter__", "keys", "values", "items", "copy"):
    setattr(Environment, _name, _noted(_name))


class Watch:
    """Says by its `reason` what modules do as they are imported that another process is not to share."""

    def __init__(self):
        self.reason = None

    def __call__(self, frame, event, function):
        if event != "c_call" or self.reason:
            return
        name = getattr(function, "__name__", "")
        if name in CLOCKS and getattr(function, "__module__", "") == "time" or getattr(function, "__qualname__", "") in DATES:
            self._note(frame, "reads the clock")
        elif name in RANDOM or name == "random" and type(getattr(function, "__self__", None)).__name__ == "Random":
            self._note(frame, "draws random numbers")

    def _note(self, frame, what):
        """Blames the module that is imported, where that is of a package; the standard library's own are known."""
        while frame is not None and frame.f_code.co_name != "<module>":
            if (frame.f_globals.get("__name__"), frame.f_code.co_name) in KNOWN:
                return
            frame = frame.f_back
        if frame is not None and frame.f_code.co_filename.startswith(SITE_PACKAGES):
            self.reason = f"{frame.f_globals.get('__name__')} {what} as it is imported"


def take(text):
    """Imports modules as a new process would. Returns JSON: those that cannot be imported alone, and what was noted."""
    order = json.loads(text)
    inner = os.environ._data
    environment = Environment(inner)
    os.environ._data = environment
    Environment.asked, Environment.everything = set(), False
    files = _files()
    watch = Watch()
    failed = []
    sys.setprofile(watch)
    try:
        for name in order["modules"]:
            if name in sys.modules:
                continue
            try:
                importlib.import_module(name)
            except BaseException:
                failed.append(name)
    finally:
        sys.setprofile(None)
    os.environ._data = inner
    now = {name: dict.__getitem__(environment, name) for name in dict.keys(environment)}
    before = {name.decode(): value.decode() for name, value in inner.items()}
    after = {name.decode(): value.decode() for name, value in now.items()}
    changes = {name: value for name, value in after.items() if before.get(name) != value}
    asked = sorted(name.decode() for name in Environment.asked if isinstance(name, bytes))
    inner.clear()
    inner.update(now)
    reason = watch.reason
    if Environment.everything:
        reason = reason or "a package reads the whole environment as it is imported"
    if any(name not in after for name in before):
        reason = reason or "a package deletes variables of the environment as it is imported"
    made = [path for path in _files() if path not in files]
    if made:
        reason = reason or f"a package writes {made[0]} as it is imported"
    clash = sorted(set(asked) & set(order["set"]))
    if clash:
        reason = reason or f"the app sets {clash[0]}, which a package reads as it is imported"
    return json.dumps(
        {
            "failed": failed,
            "reason": reason,
            "environment": {name: before.get(name) for name in asked},
            "changes": changes,
            "count": len(sys.modules),
        }
    )


def _files():
    found = set()
    for top in ("/tmp", "/home", "/root", "/var", "/usr"):
        for directory, _, names in os.walk(top):
            found.update(os.path.join(directory, name) for name in names)
    return found
