"""One HTTP request of the protocol -> its response (streamable HTTP, without sessions and without streams).

Nothing is kept between requests, so any process of a server may answer any of them. The caller has checked host, origin and key.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

Headers = list[tuple[str, str]]


def respond(server: Server[Any], headers: Iterable[tuple[str, str]], body: bytes) -> tuple[int, Headers, bytes]:
    """Status, headers and body of the response to a POST. Runs an event loop of its own in this thread."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/mcp",
        "query_string": b"",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
    }
    received: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        if not received:
            await anyio.sleep_forever()  # the client stays
        return received.pop()

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def answer() -> None:
        manager = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=max(len(body), 1)
        )
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    anyio.run(answer)
    start = sent[0]
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    return start["status"], fields, b"".join(part.get("body", b"") for part in sent[1:])
