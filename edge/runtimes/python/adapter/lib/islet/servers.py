"""The servers that a program may start itself: the platform is the server, and takes the application that they get."""
from islet.imports import when_imported


class Serving(BaseException):
    """Ends a program where it would serve for ever."""

    def __init__(self, application, interface):
        super().__init__()
        self.application = application
        self.interface = interface


def _serve(application, interface):
    if isinstance(application, str):
        from islet.boot import load_object

        module, _, name = application.partition(":")
        application = load_object(module, name or "app")
    raise Serving(application, interface)


def _werkzeug(module):
    def run_simple(hostname, port, application, *_, **__):
        _serve(application, "wsgi")

    module.run_simple = run_simple


def _uvicorn(module):
    def run(app, *_, factory=False, **__):
        if factory:
            from islet.boot import load_object

            if isinstance(app, str):
                app = load_object(*app.split(":", 1))
            app = app()
        _serve(app, "asgi")

    module.run = run


def _waitress(module):
    module.serve = lambda app, *_, **__: _serve(app, "wsgi")


def _wsgiref(module):
    class Server:
        def __init__(self, application):
            self._application = application
            self.server_port = 5000

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def serve_forever(self, *_):
            _serve(self._application, "wsgi")

    module.make_server = lambda host, port, app, *_, **__: Server(app)


def _django(module):
    def run(self, *_, **__):
        _serve(self.get_handler(**{"use_static_handler": False, "insecure_serving": False}), "wsgi")

    module.Command.run = run


def install():
    when_imported("werkzeug.serving", _werkzeug)
    when_imported("uvicorn.main", _uvicorn)
    when_imported("waitress", _waitress)
    when_imported("wsgiref.simple_server", _wsgiref)
    when_imported("django.core.management.commands.runserver", _django)
