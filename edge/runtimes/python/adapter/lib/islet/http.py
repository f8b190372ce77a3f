"""Connections to elsewhere, for `http.client` and what is built on it: by `fetch`, as there are no sockets."""
import http.client
import io

from pyodide.ffi import run_sync, to_js


class _Socketless(io.BytesIO):
    """Stands for a socket whose answer is there already."""

    def makefile(self, *_, **__):
        return self


class _Fetching:
    """What sends a request of an `HTTPConnection`, in the place of a socket."""

    def connect(self):
        self.sock = _Socketless()

    def putrequest(self, method, url, *args, **kwargs):
        self._asked = (method, url)
        self._pairs = []
        self._body = bytearray()
        super().putrequest(method, url, *args, **kwargs)

    def putheader(self, header, *values):
        name = header if isinstance(header, str) else header.decode("latin-1")
        for value in values:
            self._pairs.append((name, value.decode("latin-1") if isinstance(value, bytes) else str(value)))
        super().putheader(header, *values)

    def endheaders(self, message_body=None, **_):
        self._HTTPConnection__state = "Request-sent"
        self._buffer.clear()
        if message_body is not None:
            self.send(message_body)

    def send(self, data):
        if hasattr(data, "read"):
            data = data.read()
        if isinstance(data, (bytes, bytearray, memoryview)):
            self._body += data
        else:
            for piece in data:
                self._body += piece

    def getresponse(self):
        self.sock = _Socketless(run_sync(self._fetch()))
        return super().getresponse()

    async def _fetch(self):
        from js import Object, fetch

        method, url = self._asked
        skipped = ("host", "connection", "content-length", "transfer-encoding", "accept-encoding")
        headers = [[name, value] for name, value in self._pairs if name.lower() not in skipped]
        scheme = "https" if isinstance(self, http.client.HTTPSConnection) else "http"
        port = "" if self.port == self.default_port else f":{self.port}"
        absolute = url if "://" in url else f"{scheme}://{self.host}{port}{url}"
        options = {"method": method, "headers": headers, "redirect": "manual"}
        if self._body:
            options["body"] = bytes(self._body)
        try:
            response = await fetch(absolute, to_js(options, dict_converter=Object.fromEntries))
            body = (await response.bytes()).to_bytes()
        except Exception as error:
            raise ConnectionError(f"{absolute} cannot be reached: {error}") from None
        lines = [f"HTTP/1.1 {response.status} {response.statusText or 'Unknown'}"]
        for name, value in response.headers:
            if name not in ("content-encoding", "content-length", "transfer-encoding"):
                lines.append(f"{name}: {value}")
        lines.append(f"content-length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


def install():
    http.client.HTTPConnection = type("HTTPConnection", (_Fetching, http.client.HTTPConnection), {})
    base = http.client.HTTPConnection
    if hasattr(http.client, "HTTPSConnection"):
        http.client.HTTPSConnection = type(
            "HTTPSConnection", (base,), {"default_port": 443, "__init__": _https_init(base)}
        )
    else:
        http.client.HTTPSConnection = type("HTTPSConnection", (base,), {"default_port": 443})


def _https_init(base):
    def init(self, host, port=None, *_, context=None, **options):
        base.__init__(self, host, port, **options)

    return init
