"""Goodput and latency at ten times the capacity, and beside 2,000 slow clients.

    python -m benchmarks.speed.load               # prints the figures, writes benchmarks/results/load-COMMIT.json
    python -m benchmarks.speed.load --seconds 20  # a shorter overload

A real server on the press release in a temporary folder, on loopback, with its own core if there are two; the clients have the other.
Overload: an open loop sends ten times as many questions a second as the server answers in a closed loop with a few clients (its
capacity). Slow clients: a third drips the head of a request, a third its body, a third does not read responses, while one normal
client sends twenty questions a second. Times are milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import select
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.speed.open_loop import Asked, OpenLoop, get
from benchmarks.speed.processes import Server
from benchmarks.speed.questions import questions
from benchmarks.speed.serving import RESULTS, ROOT, _target, commit, machine

FACTOR = 10
SLOW = 2_000
UNLOADED, CLIENTS, CAPACITY_SECONDS = 200, 16, 10
QUEUE_MS = 5000  # the default of the setting queue_seconds


def targets() -> Iterator[bytes]:
    """Requests for distinct questions, repeated with a suffix that makes each one new."""
    asked, number = questions(3_000), 0
    while True:
        yield get(_target(f"{asked[number % len(asked)]} ({number})"))
        number += 1


def at_rate(rate: float, seconds: float, requests: Iterator[bytes]) -> Iterator[tuple[float, bytes]]:
    """Independent arrivals (a Poisson process)."""
    chance = random.Random(1)
    due = time.monotonic()
    end = due + seconds
    while (due := due + chance.expovariate(rate)) < end:
        yield due, next(requests)


def closed_loop(address: tuple[str, int], clients: int, seconds: float, requests: Iterator[bytes]) -> float:
    """Answers per second when each client asks again after each answer."""
    lock, counts = threading.Lock(), [0] * clients
    end = time.monotonic() + seconds

    def ask(number: int) -> None:
        loop = OpenLoop(address)
        while time.monotonic() < end:
            with lock:
                request = next(requests)
            (asked,) = loop.run(iter([(time.monotonic(), request)]))
            counts[number] += asked.status == 200
        loop.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000, 1) if ordered else 0.0


def overload(address: tuple[str, int], seconds: float, factor: float) -> dict[str, Any]:
    requests = targets()
    loop = OpenLoop(address)
    for _ in range(50):
        loop.run(iter([(time.monotonic(), next(requests))]))
    unloaded = [loop.run(iter([(time.monotonic(), next(requests))]))[0].took for _ in range(UNLOADED)]
    capacity = closed_loop(address, CLIENTS, CAPACITY_SECONDS, requests)
    asked = loop.run(at_rate(capacity * factor, seconds, requests))
    over = time.monotonic()
    normal = 2 * percentile(unloaded, 0.99)
    back = None
    while back is None and time.monotonic() - over < 30:
        few = loop.run(at_rate(20, 1, requests))
        if all(one.status == 200 for one in few) and percentile([one.took for one in few], 0.5) <= normal:
            back = time.monotonic() - over - 1
    loop.close()
    answered = [one.took for one in asked if one.status == 200]
    refused = [one.took for one in asked if one.status == 503]
    bound = 2 * percentile(unloaded, 0.99) + QUEUE_MS
    return {
        "seconds": seconds,
        "unloaded_ms": {"median": percentile(unloaded, 0.5), "p99": percentile(unloaded, 0.99)},
        "capacity_per_second": round(capacity, 1),
        "sent_per_second": round(len(asked) / seconds, 1),
        "statuses": {str(status): count for status, count in sorted(Counter(one.status for one in asked).items())},
        "goodput_share_of_capacity": round(len(answered) / seconds / capacity, 3),
        "answered_ms": {"median": percentile(answered, 0.5), "p99": percentile(answered, 0.99), "p99_allowed": round(bound, 1)},
        "refused_ms": {share: percentile(refused, float(share)) for share in ("0.5", "0.99", "0.999", "1")},
        "refused_within_100_ms": round(sum(took <= 0.1 for took in refused) / max(len(refused), 1), 5),
        "normal_again_after_seconds": None if back is None else round(max(back, 0), 1),
    }


HEAD = b"GET /v1/search?q=who HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
READ = get("/static/quotable.css") * 8  # more than the sockets between them hold; cheap, so that only the reading is slow


class SlowClients(threading.Thread):
    """Keeps connections open with a byte per second on each, and reopens those that the server closes."""

    def __init__(self, address: tuple[str, int], count: int) -> None:
        super().__init__(daemon=True)
        self._address, self._count = address, count
        self.stopping, self.full = threading.Event(), threading.Event()
        self.opened = self.closed = 0

    def run(self) -> None:
        connections: dict[int, tuple[socket.socket, int]] = {}
        poll = select.poll()
        for number in range(self._count):
            self._open(connections, poll, number % 3)
        self.full.set()
        while not self.stopping.is_set():
            began = time.monotonic()
            for descriptor, (connection, kind) in list(connections.items()):
                try:
                    if kind < 2:
                        connection.send(b"x")
                    elif connection.recv(1) == b"":
                        raise ConnectionResetError
                except BlockingIOError:
                    continue
                except OSError:
                    del connections[descriptor]
                    connection.close()
                    self.closed += 1
                    self._open(connections, poll, kind)
            self.stopping.wait(max(1 - (time.monotonic() - began), 0.01))
        for connection, _ in connections.values():
            connection.close()

    def _open(self, connections: dict[int, tuple[socket.socket, int]], poll: Any, kind: int) -> None:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        connection.settimeout(5)
        try:
            connection.connect(self._address)
            connection.sendall((HEAD, BODY, READ)[kind])
        except OSError:
            connection.close()
            return
        connection.setblocking(False)
        connections[connection.fileno()] = (connection, kind)
        self.opened += 1


def slow_clients(address: tuple[str, int], seconds: float, count: int) -> dict[str, Any]:
    slow = SlowClients(address, count)
    slow.start()
    slow.full.wait(60)
    loop = OpenLoop(address)
    asked: Sequence[Asked] = loop.run(at_rate(20, seconds, targets()))
    loop.close()
    slow.stopping.set()
    slow.join(10)
    took = [one.took for one in asked if one.status == 200]
    return {
        "connections": count,
        "opened": slow.opened,
        "closed_by_the_server": slow.closed,
        "seconds": seconds,
        "asked": len(asked),
        "statuses": {str(status): number for status, number in sorted(Counter(one.status for one in asked).items())},
        "within_a_second": round(sum(one <= 1 for one in took) / max(len(asked), 1), 4),
        "answered_ms": {"median": percentile(took, 0.5), "p99": percentile(took, 0.99), "most": percentile(took, 1)},
    }


def measure(seconds: float, slow_seconds: float, factor: float, count: int, workers: int = 1) -> dict[str, Any]:
    """One worker has a core of its own if there are two; several have all."""
    cores = sorted(os.sched_getaffinity(0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 20_000)), hard))
    with tempfile.TemporaryDirectory() as folder:
        apart = len(cores) > 1 and workers == 1
        if apart:
            os.sched_setaffinity(0, {cores[0]})
        # A new folder exports the model first, whose libraries stay in memory.
        Server(Path(folder) / "data", Path(folder) / "log").stop()
        server = Server(Path(folder) / "data", Path(folder) / "log", QA_WORKERS=str(workers))
        if apart:
            os.sched_setaffinity(0, set(cores[1:]))
        address = server.address
        try:
            result: dict[str, Any] = {"server_cores": 1 if apart else len(cores), "workers": workers}
            if seconds:
                result["overload"] = overload(address, seconds, factor)
            if slow_seconds:
                result["slow_clients"] = slow_clients(address, slow_seconds, count)
            return result | {"server": server.memory()}
        finally:
            server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=120, help="of overload; 0 for none (default: %(default)s)")
    parser.add_argument("--slow-seconds", type=float, default=60, help="of slow clients; 0 for none (default: %(default)s)")
    parser.add_argument("--factor", type=float, default=FACTOR, help="times the capacity (default: %(default)s)")
    parser.add_argument("--slow", type=int, default=SLOW, help="slow connections (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="of the server (default: %(default)s)")
    parser.add_argument("--no-file", action="store_true", help="only print")
    arguments = parser.parse_args()
    facts = machine()
    result = measure(arguments.seconds, arguments.slow_seconds, arguments.factor, arguments.slow, arguments.workers)
    report = {"commit": commit(), "measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": facts, **result}
    print(json.dumps(result, indent=2))
    if not arguments.no_file:
        RESULTS.mkdir(exist_ok=True)
        suffix = f"-{arguments.workers}-workers" if arguments.workers > 1 else ""
        path = RESULTS / f"load-{report['commit']}{suffix}.json"
        path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
        print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
