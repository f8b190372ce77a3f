"""Changes modules of an app's packages once they are imported, and costs nothing where they are not."""
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.util import find_spec

_changes = {}


def when_imported(name, change):
    if name in sys.modules:
        change(sys.modules[name])
    else:
        _changes[name] = change


class _Finder(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        change = _changes.pop(name, None)
        if change is None:
            return None
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, change)
        return spec


class _Loader(Loader):
    def __init__(self, loader, change):
        self._loader = loader
        self._change = change

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        self._change(module)


sys.meta_path.insert(0, _Finder())
