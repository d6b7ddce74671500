"""The WSGI adapter: environments, whole responses, large ones and streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from qa.web.server.wsgi import IN_MEMORY_BYTES, PIECE_BYTES, ClientGone, Environ, Message, environ_of, run

SCOPE = {
    "method": "GET",
    "scheme": "http",
    "http_version": "1.1",
    "raw_path": b"/a%20b/%C3%A9",
    "query_string": b"q=1",
    "client": ("192.0.2.1", 5),
    "server": ("127.0.0.1", 8000),
    "headers": [(b"x-a", b"1"), (b"x-a", b"2"), (b"x_a", b"forged"), (b"content-type", b"text/plain")],
}


def responses(
    parts: Iterable[bytes], length: int | None, gone_after: int | None = None, released: Callable[[], None] = lambda: None
) -> list[Message]:
    """The messages of an application that sends these parts. `gone_after`: the client leaves after so many messages."""
    sent: list[Message] = []

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", str(length))] if length is not None else [])
        return parts

    async def serve() -> None:
        left = asyncio.Event()

        async def receive() -> Message:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            if len(sent) == gone_after:
                left.set()
                await asyncio.sleep(0)

        with ThreadPoolExecutor(1) as threads:
            await run(application, environ_of(SCOPE), threads, receive, send, released)

    asyncio.run(serve())
    return sent


def test_environment() -> None:
    environ = environ_of(SCOPE)
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/a b/é"
    assert (environ["HTTP_X_A"], environ["CONTENT_TYPE"], environ["REMOTE_ADDR"]) == ("1,2", "text/plain", "192.0.2.1")
    assert environ_of({**SCOPE, "raw_path": b"http://example.org/a/b"})["PATH_INFO"] == "/a/b"


def test_a_whole_response_is_two_messages() -> None:
    start, body = responses([b"ab", b"c"], 3)
    assert (start["status"], start["headers"], body["body"]) == (200, [(b"content-length", b"3")], b"abc")


def test_a_large_response_is_sent_in_pieces() -> None:
    size = IN_MEMORY_BYTES + 1
    _, *bodies = responses([b"x" * size], size)
    assert max(len(body["body"]) for body in bodies) == PIECE_BYTES
    assert sum(len(body["body"]) for body in bodies) == size
    assert [body.get("more_body", False) for body in bodies][-2:] == [True, False]


def test_a_stream_releases_its_slot_before_its_first_piece_and_stops_when_the_client_leaves() -> None:
    events: list[str] = []

    def parts() -> Iterable[bytes]:
        for number in range(100):
            events.append(f"piece {number}")
            yield b"x"

    with pytest.raises(ClientGone):
        responses(parts(), None, gone_after=3, released=lambda: events.append("released"))
    assert events[:2] == ["released", "piece 0"]
    assert len(events) < 100
