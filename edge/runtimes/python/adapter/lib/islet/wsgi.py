"""WSGI (PEP 3333) over an exchange of the adapter."""
import io
import json
import sys
from urllib.parse import unquote_to_bytes

from pyodide.ffi import run_sync, to_js


class Wsgi:
    def __init__(self, application):
        self._application = application

    def start(self):
        return None

    async def stop(self):
        pass

    async def serve(self, exchange):
        fields = json.loads(exchange.fields)
        body = bytearray()
        while (piece := await exchange.read()) is not None:
            body += piece.to_bytes()
        response = _Response(exchange)
        result = self._application(_environ(fields, bytes(body)), response.start)
        try:
            for piece in result:
                if piece:
                    response.begin()
                    if not await exchange.write(to_js(piece)):
                        break
            response.begin()
        except BaseException:
            if not response.started:
                exchange.start(500, '[["content-type", "text/plain"]]')
                await exchange.write(to_js(b"Internal Server Error\n"))
            raise
        finally:
            if hasattr(result, "close"):
                result.close()


class _Response:
    def __init__(self, exchange):
        self._exchange = exchange
        self._head = None
        self.started = False

    def start(self, status, headers, exc_info=None):
        if exc_info and self.started:
            raise exc_info[1].with_traceback(exc_info[2])
        if self._head is not None and not exc_info:
            raise AssertionError("start_response was called twice")
        self._head = (int(status.split(" ", 1)[0]), headers)
        return self._write

    def begin(self):
        """Sends the head, at the first piece of the body, as until then the app may change it."""
        if self.started:
            return
        if self._head is None:
            raise AssertionError("The application has not called start_response")
        self.started = True
        status, headers = self._head
        self._exchange.start(status, json.dumps([[name, value] for name, value in headers]))

    def _write(self, data):
        self.begin()
        run_sync(self._exchange.write(to_js(data)))


class FileWrapper:
    """`wsgi.file_wrapper`: the pieces of a file."""

    def __init__(self, file, size=65536):
        self._file = file
        self._size = size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self):
        while piece := self._file.read(self._size):
            yield piece


def _environ(fields, body):
    environ = {
        "REQUEST_METHOD": fields["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(fields["path"]).decode("latin-1"),
        "QUERY_STRING": fields["query"],
        "RAW_URI": fields["path"] + ("?" + fields["query"] if fields["query"] else ""),
        "SERVER_NAME": fields["host"],
        "SERVER_PORT": str(fields["port"]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "Islet",
        "REMOTE_ADDR": fields["client"],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": fields["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    for name, value in fields["headers"]:
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ
