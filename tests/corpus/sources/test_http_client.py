"""The HTTP client: methods and bodies, response headers, and its total and idle limits."""

from __future__ import annotations

import time
from typing import Any

import pytest

from corpus.sources.addresses import Address
from corpus.sources.deadline import Deadline, IdleTimeout
from corpus.sources.http_client import send_request
from tests.corpus.sources.site import Site, say

LOOPBACK = ["127.0.0.1"]


def address_of(site: Site, target: str = "/") -> Address:
    return Address("http", "docs.test", site.port, target)


def test_sends_method_headers_and_body_and_reads_the_response(site: Site) -> None:
    def echo(handler: Any) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        say(201, body=body + handler.headers["X-Key"].encode(), X_Reply="Yes")(handler)

    site.answers["/echo"] = echo
    request = {"method": "POST", "headers": {"X-Key": "1"}, "body": b"Words."}
    with send_request(address_of(site, "/echo"), LOOPBACK, Deadline(5), **request) as response:  # type: ignore[arg-type]
        assert (response.status, response.headers["x-reply"]) == (201, "Yes")
        assert b"".join(response.chunks) == b"Words.1"


def slow(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("deadline", "error"),
    [((0.4, 5.0), TimeoutError), ((5.0, 0.4), IdleTimeout)],
    ids=["total", "idle"],
)
def test_ends_at_the_earlier_limit(site: Site, deadline: tuple[float, float], error: type[TimeoutError]) -> None:
    """Bytes that arrive are not progress by themselves: the caller decides what is."""
    site.answers["/"] = slow
    start = time.monotonic()
    with pytest.raises(error) as raised, send_request(address_of(site), LOOPBACK, Deadline(*deadline)) as response:
        b"".join(response.chunks)
    assert raised.type is error
    assert 0.3 < time.monotonic() - start < 3


def test_progress_restarts_the_idle_limit(site: Site) -> None:
    site.answers["/"] = slow
    deadline = Deadline(30, idle_seconds=1)
    received = b""
    with send_request(address_of(site), LOOPBACK, deadline) as response:
        for chunk in response.chunks:
            received += chunk
            deadline.restart_idle()
    assert len(received) == 100  # took five seconds


def test_a_refused_connection_is_an_os_error() -> None:
    site = Site()
    site.stop()
    with pytest.raises(OSError, match="refused"), send_request(address_of(site), LOOPBACK, Deadline(5)):
        pass
