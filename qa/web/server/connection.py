"""uvicorn's HTTP/1.1 connections with deadlines for slow clients, and problem documents for malformed requests."""

from __future__ import annotations

import asyncio
import sys

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from qa.web.server.edge import Refused

# Deadline for the head of a request.
HEAD_SECONDS = 10.0


class Connection(H11Protocol):
    """The server's application must be an `Edge`."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        self._expect_request()
        super().data_received(data)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._deadline:
            self._deadline.cancel()

    def _expect_request(self) -> None:
        """Start the deadline for a head unless a request is being answered."""
        if self.cycle is None or self.cycle.response_complete:
            self._deadline = self._deadline or self.loop.call_later(HEAD_SECONDS, self.transport.abort)
        elif self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def send_400_response(self, msg: str) -> None:
        """Called while h11's error is handled."""
        error = sys.exc_info()[1]
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:  # in the middle of a response
            self.transport.abort()
            return
        start, end = self.app.problem(Refused(status, f"Malformed HTTP: {error or msg}."), {})
        headers = [*start["headers"], (b"connection", b"close")]
        for event in (h11.Response(status_code=status, headers=headers), h11.Data(data=end["body"]), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
