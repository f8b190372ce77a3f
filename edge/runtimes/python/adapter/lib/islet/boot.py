"""Starts what a process type runs, and serves requests by it."""
import importlib
import inspect
import json
import logging
import os
import runpy
import sys
import traceback

from islet import hashes, http, servers, threads
from islet.asgi import Asgi
from islet.wsgi import Wsgi

_application = None
_prepared = False


async def serve(exchange):
    try:
        await _application.serve(exchange)
    except BaseException:  # a server outlives what an app raises
        traceback.print_exc()
        sys.stderr.flush()


async def stop():
    if _application is not None:
        await _application.stop()


def prepare():
    """Changes what works otherwise here, before an app or its packages are imported."""
    global _prepared
    if _prepared:
        return
    _prepared = True
    threads.install()
    http.install()
    hashes.install()
    servers.install()


def boot(text):
    """Loads what the process type runs. Returns the exit code of a program that has ended by itself."""
    global _application
    start = json.loads(text)
    sys.stdout.reconfigure(line_buffering=True)
    # There is an event loop always, below what is not asynchronous too; Django would take that for a mistake.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    prepare()
    try:
        application, interface = load(start)
    except servers.Serving as serving:
        application, interface = serving.application, serving.interface
    except SystemExit as ended:
        return _code(ended)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        return 1
    if application is None:
        return 0
    if interface == "auto":
        interface = "asgi" if _is_asgi(application) else "wsgi"
    _application = Asgi(application) if interface == "asgi" else Wsgi(application)
    return _application.start()


def load(start):
    kind = start["kind"]
    if kind == "application":
        if start["directory"]:
            sys.path.insert(0, os.path.abspath(start["directory"]))
        return load_object(start["module"], start["object"]), start["interface"]
    if kind == "module":
        sys.argv = [start["module"], *start["args"]]
        runpy.run_module(start["module"], run_name="__main__", alter_sys=True)
        return None, None
    if kind == "code":
        sys.argv = ["-c", *start["args"]]
        exec(compile(start["code"], "<string>", "exec"), vars(sys.modules["__main__"]))
        return None, None
    sys.argv = [start["file"], *start["args"]]
    sys.path.insert(0, os.path.dirname(os.path.abspath(start["file"])))
    runpy.run_path(start["file"], run_name="__main__")
    return None, None


def load_object(module, expression):
    """`app`, `create_app()` or `site.app`, in a module, as Gunicorn reads it; without one, what Flask finds."""
    if not expression:
        from flask.cli import locate_app

        return locate_app(module, None)
    loaded = importlib.import_module(module)
    if "(" in expression:
        return eval(expression, vars(loaded))
    found = loaded
    for name in expression.split("."):
        found = getattr(found, name)
    return found


def _is_asgi(application):
    if inspect.isclass(application):
        return hasattr(application, "__await__")
    if inspect.iscoroutinefunction(application):
        return True
    return inspect.iscoroutinefunction(getattr(application, "__call__", None))


def _code(ended):
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    print(ended.code, file=sys.stderr)
    return 1
