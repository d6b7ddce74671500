"""Overload, slow clients and malformed HTTP: early refusals, deadlines, problem documents."""

from __future__ import annotations

import http.client
import json
import re
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, QA, Server, StartServer


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def overloaded(request: pytest.FixtureRequest, data_folder: Callable[[], Path], start_server: StartServer) -> Iterator[Server]:
    """A server that refuses requests which would wait longer than 20 ms."""
    with start_server(data_folder(), "--workers", request.param, QA_QUEUE_SECONDS="0.02", QA_THREADS="1") as running:
        yield running
        assert "Traceback" not in running.log
        assert "uvicorn" not in running.log


def connect(server: Server) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=PATIENCE)


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read the next answer on a connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536) or pytest.fail("the connection was closed")
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += connection.recv(65536) or pytest.fail("the connection was closed")
    return int(first.split()[1]), headers, body


def test_overload_is_refused_with_retry_after(overloaded: Server) -> None:
    seen: list[tuple[int, float]] = []

    def ask(number: int) -> None:
        with connect(overloaded) as connection:
            for turn in range(15):
                began = time.monotonic()
                connection.sendall(b"GET /v1/search?q=who+signed+%d+%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % (number, turn))
                status, headers, body = answer(connection)
                seen.append((status, time.monotonic() - began))
                if status == 503:
                    assert headers["retry-after"] == "1"
                    assert headers["content-type"] == "application/problem+json"
                    assert headers["x-content-type-options"] == "nosniff"
                    assert json.loads(body)["status"] == 503

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    assert overloaded.get("/healthz").status == 200
    for thread in threads:
        thread.join()
    counts = Counter(status for status, _ in seen)
    assert set(counts) == {200, 503}
    assert len(seen) == 40 * 15
    assert overloaded.search("Who signed the memorandum?")["results"]


@pytest.mark.parametrize("workers", [1, 2])
def test_64_clients_are_answered_from_the_first_second_on(
    data_folder: Callable[[], Path], start_server: StartServer, server: Server, workers: int
) -> None:
    """Each asks new questions right after the start. On a busy machine they may wait longer than by default."""
    statuses: Counter[int] = Counter()
    began = time.monotonic()
    for number in range(5):
        server.search(f"Who signed {number}?", read="never")
    wait = max(5.0, 64 * 4 * (time.monotonic() - began) / 5)

    def ask(number: int) -> None:
        with connect(running) as connection:
            for turn in range(3):
                connection.sendall(b"GET /v1/search?q=who+signed+%d+%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % (number, turn))
                statuses[answer(connection)[0]] += 1

    options = {"QA_READ": "never", "QA_QUEUE_SECONDS": str(min(wait, 60.0))}
    with start_server(data_folder(), "--workers", workers, **options) as running:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == {200: 64 * 3}


def test_a_request_whose_client_has_left_the_queue_is_not_answered(server: Server) -> None:
    """Otherwise clients that lose patience and ask again keep the server busy with answers that nobody reads."""
    before = searches_counted(server)
    for number in range(100):
        with connect(server) as connection:
            connection.sendall(b"GET /v1/search?q=who+left+%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
    server.search("Who signed the memorandum?")
    assert 1 <= searches_counted(server) - before <= 50


def searches_counted(server: Server) -> float:
    lines = server.get("/metrics").text.splitlines()
    answered = [line for line in lines if line.startswith("quotable_requests_total{") and 'route="/v1/search"' in line]
    return sum(float(line.rpartition(" ")[2]) for line in answered if 'status="200"' in line)


def test_each_post_on_a_connection_has_one_answer_refused_or_not(overloaded: Server) -> None:
    body = b'{"query": "GET /healthz HTTP/1.1"}'
    request = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % len(body)
    )

    def ask(statuses: list[int]) -> None:
        with connect(overloaded) as connection:
            for _ in range(20):
                connection.sendall(request + body)
                statuses.append(answer(connection)[0])

    found: list[list[int]] = [[] for _ in range(30)]
    threads = [threading.Thread(target=ask, args=(statuses,)) for statuses in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(statuses) == 20 and set(statuses) <= {200, 503} for statuses in found)


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(
            b"GET /v1/documents/no HTTP/1.1\r\nHost: localhost\r\n\r\n"
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
            b"GET /v1/search?q=who HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        received = b""
        while data := connection.recv(65536):
            received += data
    assert re.findall(rb"HTTP/1.1 (\d+) ", received) == [b"404", b"200", b"200"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 300_000, 431),
        (b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    ],
)
def test_malformed_http_gets_a_problem_document(server: Server, sent: bytes, status: int) -> None:
    with connect(server) as connection:
        connection.sendall(sent)
        found, headers, body = answer(connection)
    assert found == status
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"
    assert json.loads(body)["status"] == status
    assert "uvicorn" not in body.decode()


def test_slow_clients_do_not_delay_others(server: Server) -> None:
    kinds = (
        b"GET /v1/search?q=who HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
        b"GET /static/quotable.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 8,
        b"",
    )
    slow = [connect(server) for _ in range(400)]
    try:
        for number, connection in enumerate(slow):
            connection.sendall(kinds[number % len(kinds)])
        for _ in range(3):
            for connection in slow[:200:4]:
                connection.sendall(b"x")
            assert server.search("Who signed the memorandum?")["results"]
    finally:
        for connection in slow:
            connection.close()
    assert server.search("Who signed the memorandum?")["results"]


def test_many_connections_leave_files_for_answering(data_folder: Callable[[], Path], start_server: StartServer) -> None:
    limited = (
        "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300)); os.execv(sys.argv[1], sys.argv[1:])"
    )
    with start_server(data_folder(), "--workers", 1, command=(sys.executable, "-c", limited, QA)) as running:
        asking = http.client.HTTPConnection(running.host, running.port, timeout=PATIENCE)
        asking.connect()
        others = [connect(running) for _ in range(400)]
        try:
            assert sum(connection.recv(1) == b"" for connection in others[-100:]) == 100  # closed
            for target in ("/v1/search?q=memorandum", "/v1/documents", "/manage", "/metrics", "/readyz"):
                asking.request("GET", target)
                answered = asking.getresponse()
                assert (answered.status, bool(answered.read())) == (200, True), target
        finally:
            for connection in (asking, *others):
                connection.close()
        assert running.search("Who signed the memorandum?")["results"]
        assert "Traceback" not in running.log


@pytest.mark.long
def test_slow_requests_are_closed(server: Server) -> None:
    sent = (
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n",
    )
    slow = [connect(server) for _ in sent]
    for connection, head in zip(slow, sent, strict=True):
        connection.sendall(head)
    began = time.monotonic()
    open_ = set(slow)
    while open_ and time.monotonic() - began < 60:
        for connection in list(open_):
            try:
                connection.sendall(b"x")
            except OSError:
                open_.discard(connection)
                connection.close()
        time.sleep(0.5)
    assert not open_
    assert 9 < time.monotonic() - began < 30
