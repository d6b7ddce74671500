"""A fake OpenAI-compatible server in a thread of the test, with scripted answers and failures."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Behave = Callable[["ScriptedModel", BaseHTTPRequestHandler], None]


class ScriptedModel:
    """`behave` answers the next requests. `asked`: the bodies of the requests so far; `headers` and `paths`: the same for theirs."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[Any] = []
        self.paths: list[str] = []
        self.behave: Behave = saying("")
        self.released = threading.Event()  # set at the end of the test, to wake sleeping handlers
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                model.paths.append(self.path)
                model.headers.append(self.headers)
                model.asked.append(json.loads(body))
                self.close_connection = True
                with suppress(OSError):  # the client has disconnected
                    model.behave(model, self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def prompt(self) -> str:
        """The text of all messages of the last request."""
        return "\n".join(message["content"] for message in self.asked[-1]["messages"])

    def wait(self, seconds: float) -> None:
        self.released.wait(seconds)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


def begin(handler: BaseHTTPRequestHandler, status: int = 200, kind: str = "text/event-stream") -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Connection", "close")
    handler.end_headers()


def event(text: str | None = None, **more: Any) -> bytes:
    delta = {} if text is None else {"content": text}
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta, **more}]})}\n\n".encode()


def pieces_of(text: str) -> Iterable[str]:
    """Split a text into pieces of five characters, as a model streams it."""
    return (text[place : place + 5] for place in range(0, len(text), 5))


def saying(text: str | Callable[[dict[str, Any]], str], usage: dict[str, int] | None = None) -> Behave:
    """Stream a text, or the result of a function of the request."""

    def behave(model: ScriptedModel, handler: BaseHTTPRequestHandler) -> None:
        said = text if isinstance(text, str) else text(model.asked[-1])
        begin(handler)
        for piece in pieces_of(said):
            handler.wfile.write(event(piece))
        handler.wfile.write(event(finish_reason="stop"))
        if usage:
            handler.wfile.write(f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n".encode())
        handler.wfile.write(b"data: [DONE]\n\n")

    return behave


def late(seconds: float) -> Behave:
    """Wait before answering."""

    def behave(model: ScriptedModel, handler: BaseHTTPRequestHandler) -> None:
        model.wait(seconds)
        begin(handler)

    return behave


def dripping(part: bytes, pause: float = 0.1, head: bool = True) -> Behave:
    """Send the same bytes repeatedly, up to 30 seconds."""

    def behave(model: ScriptedModel, handler: BaseHTTPRequestHandler) -> None:
        if head:
            begin(handler)
        until = time.monotonic() + 30
        while time.monotonic() < until and not model.released.is_set():
            handler.wfile.write(part)
            handler.wfile.flush()
            model.wait(pause)

    return behave


def sending(*parts: bytes, status: int = 200, kind: str = "text/event-stream") -> Behave:
    """Send bytes and close the connection."""

    def behave(_: ScriptedModel, handler: BaseHTTPRequestHandler) -> None:
        begin(handler, status, kind)
        for part in parts:
            handler.wfile.write(part)

    return behave
