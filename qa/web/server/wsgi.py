"""Run a WSGI application (PEP 3333) for an ASGI request."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from concurrent.futures import Executor
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO, Any
from urllib.parse import unquote_to_bytes

# Larger bodies are kept in a temporary file.
IN_MEMORY_BYTES = 500_000
PIECE_BYTES = 65_536

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[str, str]]


class ClientGone(Exception):
    """The client closed the connection."""


def environ_of(scope: Mapping[str, Any]) -> Environ:
    """The WSGI environment of a request, without its body. Header names with `_` are dropped: they could pass for names with `-`."""
    path: bytes = scope["raw_path"]
    if not path.startswith(b"/"):  # an absolute URL (RFC 9112, 3.2.2)
        path = b"/" + path.partition(b"://")[2].partition(b"/")[2]
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "REMOTE_ADDR": (scope["client"] or ("",))[0],
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": str(scope["server"][1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        if b"_" not in name:
            text = value.decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


def response(status: int, headers: Headers, body: bytes) -> list[Message]:
    """The ASGI messages of a whole response."""
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return [
        {"type": "http.response.start", "status": status, "headers": encoded},
        {"type": "http.response.body", "body": body},
    ]


async def has_left(receive: Receive) -> bool:
    """Whether the client has disconnected. If not, a part of the body may be lost that was not received before."""
    received = asyncio.ensure_future(receive())
    await asyncio.sleep(0)  # lets it return
    return not received.cancel() and received.result()["type"] == "http.disconnect"


async def run(
    app: Application, environ: Environ, threads: Executor, receive: Receive, send: Send, release: Callable[[], None]
) -> None:
    """Run the application in a thread, after the request's body was received. Raises ClientGone.

    A response without Content-Length is a stream, sent piece by piece. `release`: called in the thread once the response is computed,
    or at the first piece of a stream, which may wait for the client or a language model.
    """
    loop = asyncio.get_running_loop()
    gone = asyncio.ensure_future(receive())  # returns when the client disconnects

    async def send_piece(message: Message) -> None:
        if gone.done():
            raise ClientGone
        await send(message)

    def call() -> Iterable[Message]:
        try:
            return _call(
                app, environ, release, lambda message: asyncio.run_coroutine_threadsafe(send_piece(message), loop).result()
            )
        finally:
            release()

    try:
        for message in await loop.run_in_executor(threads, call):
            await send(message)
    finally:
        gone.cancel()


def _call(
    app: Application, environ: Environ, release: Callable[[], None], send: Callable[[Message], None]
) -> Iterable[Message]:
    """Send the pieces of a stream; return the messages that are left to send."""
    started: list[Any] = []
    parts = app(environ, lambda status, headers, exc_info=None: started.extend((int(status[:3]), headers)))
    try:
        status, headers = started[-2:]
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
        if status in {204, 304} or (length is not None and length <= IN_MEMORY_BYTES):
            return response(status, headers, b"".join(parts))
        start, end = response(status, headers, b"")
        if length is not None:
            file = TemporaryFile()  # noqa: SIM115 (closed when it has been sent)
            file.writelines(parts)
            file.seek(0)
            return _pieces(start, file, end)
        release()
        send(start)
        for part in parts:
            send({**end, "body": part, "more_body": True})
        return [end]
    finally:
        if close := getattr(parts, "close", None):
            close()


def _pieces(start: Message, file: IO[bytes], end: Message) -> Iterator[Message]:
    """The messages of a response whose body is in a file, so that clients which read slowly hold no memory."""
    yield start
    with file:
        while piece := file.read(PIECE_BYTES):
            yield {**end, "body": piece, "more_body": True}
    yield end
