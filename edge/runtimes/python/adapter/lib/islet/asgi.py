"""ASGI 3 (asgi.readthedocs.io: HTTP, WebSocket, Lifespan) over an exchange of the adapter."""
import asyncio
import inspect
import json
import sys
import traceback
from urllib.parse import unquote

from pyodide.ffi import run_sync, to_js

VERSIONS = {"version": "3.0", "spec_version": "2.3"}


class Asgi:
    def __init__(self, application):
        self._application = _single_callable(application)
        self._state = {}
        self._to_lifespan = asyncio.Queue()
        self._lifespan = None

    def start(self):
        """Runs the startup of lifespan; an application that does not know it raises, and is served without."""
        return run_sync(self._startup())

    async def _startup(self):
        answer = asyncio.get_running_loop().create_future()
        self._stopped = asyncio.get_running_loop().create_future()

        async def send(message):
            future = answer if message["type"].startswith("lifespan.startup") else self._stopped
            if not future.done():
                future.set_result(message)

        async def run():
            scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
            try:
                await self._application(scope, self._to_lifespan.get, send)
            except BaseException:
                if answer.done():
                    traceback.print_exc()
            finally:
                for future in (answer, self._stopped):
                    if not future.done():
                        future.set_result({"type": "unsupported"})

        self._to_lifespan.put_nowait({"type": "lifespan.startup"})
        self._lifespan = asyncio.ensure_future(run())
        message = await answer
        if message["type"] != "lifespan.startup.failed":
            return None
        print(message.get("message", "The application's startup has failed."), file=sys.stderr)
        return 3

    async def stop(self):
        if self._lifespan and not self._lifespan.done():
            self._to_lifespan.put_nowait({"type": "lifespan.shutdown"})
            await self._stopped

    async def serve(self, exchange):
        fields = json.loads(exchange.fields)
        scope = {
            "type": exchange.type,
            "asgi": VERSIONS,
            "http_version": "1.1",
            "scheme": fields["scheme"],
            "path": unquote(fields["path"]),
            "raw_path": fields["path"].encode(),
            "query_string": fields["query"].encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in fields["headers"]],
            "client": (fields["client"], 0),
            "server": (fields["host"], fields["port"]),
            "state": self._state.copy(),
        }
        if exchange.type == "websocket":
            await self._websocket(scope, exchange)
        else:
            await self._http({**scope, "method": fields["method"]}, exchange)

    async def _http(self, scope, exchange):
        head = None
        started = ended = read = False
        closed = asyncio.Event()

        async def receive():
            nonlocal read
            if not read:
                piece = await exchange.read()
                if piece is not None:
                    return {"type": "http.request", "body": piece.to_bytes(), "more_body": True}
                read = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await closed.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            nonlocal head, started, ended
            if message["type"] == "http.response.start":
                head = message
            elif message["type"] == "http.response.body" and not ended:
                if not started:
                    started = True
                    exchange.start(head["status"], _header_pairs(head.get("headers", ())))
                if message.get("body") and not await exchange.write(to_js(bytes(message["body"]))):
                    ended = True
                    closed.set()
                if not message.get("more_body"):
                    ended = True
                    exchange.end()
                    closed.set()

        try:
            await self._application(scope, receive, send)
        except BaseException:
            if not started:
                exchange.start(500, '[["content-type", "text/plain"]]')
                await exchange.write(to_js(b"Internal Server Error\n"))
            raise
        finally:
            closed.set()

    async def _websocket(self, scope, exchange):
        scope = {
            **scope,
            "scheme": "wss" if scope["scheme"] == "https" else "ws",
            "subprotocols": [
                protocol.strip()
                for name, value in scope["headers"]
                if name == b"sec-websocket-protocol"
                for protocol in value.decode().split(",")
            ],
        }
        connected = False

        async def receive():
            nonlocal connected
            if not connected:
                connected = True
                return {"type": "websocket.connect"}
            message = await exchange.read()
            if message is None:
                return {
                    "type": "websocket.disconnect",
                    "code": exchange.closeCode(),
                    "reason": exchange.closeReason(),
                }
            if isinstance(message, str):
                return {"type": "websocket.receive", "text": message}
            return {"type": "websocket.receive", "bytes": message.to_bytes()}

        async def send(message):
            kind = message["type"]
            if kind == "websocket.accept":
                exchange.accept(message.get("subprotocol") or "", _header_pairs(message.get("headers", ())))
            elif kind == "websocket.send":
                text = message.get("text")
                exchange.message(to_js(message["bytes"]) if text is None else text)
            elif kind == "websocket.close":
                exchange.close(message.get("code", 1000), message.get("reason") or "")

        await self._application(scope, receive, send)


def _header_pairs(headers):
    return json.dumps([[_text(name), _text(value)] for name, value in headers])


def _text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _single_callable(application):
    """An application of ASGI 2 takes its scope first, and then the channels."""
    call = application if inspect.isfunction(application) else getattr(application, "__call__", None)
    if inspect.isclass(application) or not (
        inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(call)
    ):

        async def version2(scope, receive, send):
            return await application(scope)(receive, send)

        if inspect.isclass(application):
            return version2
    return application
