"""Kill -9 of a worker every second under 32 clients, and of the writer while documents are being ingested.

A worker is stopped before it is killed, so that the connections it holds can be counted: they are what was in flight. `lost` has a line
for each answer that is wrong, each client that hears nothing, each acknowledged document that is missing in the end, and one if there
were more errors than requests in flight.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sysconfig
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from benchmarks.server.process_tree import children, connections, opens, state
from benchmarks.soak.files import sentences
from benchmarks.speed.processes import Server

ROUNDS = 120  # workers killed, one a second
WORKERS, CLIENTS = 4, 32  # a worker needs two to four seconds to start
WRITER_EVERY = 5  # seconds between two kills, or more if it has not started again
SILENCE = 120.0  # seconds without an answer or an error
MOST_PENDING = 10  # jobs

NAMES = tuple(
    f"{first}{last}" for first in ("Corv", "Mall", "Ostr", "Perd", "Quill", "Sav") for last in ("ina", "ory", "ax", "ello")
)
CARGOES = ("barley", "copper wire", "oranges", "roof tiles", "wool", "salt", "timber", "glass beads")
SHIPS = {f"What does the ship {name} carry?": f"ship-{name}" for name in NAMES}


def run(folder: Path, rounds: int, seed: int, part: slice) -> dict[str, Any]:
    """`rounds`: kills of workers."""
    data, log = folder / "data", folder / "log"
    server = Server(data, log, QA_WORKERS=str(WORKERS), QA_READ="never")
    service = _Service(server.address)
    try:
        service.store_ships()
        threads = [threading.Thread(target=service.ask, args=(seed + number,)) for number in range(CLIENTS)]
        threads.append(threading.Thread(target=service.ingest))
        for thread in threads:
            thread.start()
        victims, writer_due = random.Random(seed), WRITER_EVERY
        for number in range(rounds)[part]:
            time.sleep(1)
            _kill_worker(server, data, victims, service.counts)
            if number + 1 >= writer_due and (writer := _writer(server, data)):
                os.kill(writer, signal.SIGKILL)
                service.counts["killed writers"] += 1
                writer_due = number + 1 + WRITER_EVERY
        service.stopping.set()
        for thread in threads:
            thread.join()
        service.verify()
    finally:
        server.stop()
    if server.process.returncode:
        service.lost.append(f"the server ended with code {server.process.returncode}")
    if "Traceback" in log.read_text("utf-8"):
        service.lost.append("a traceback in the log")
    qa = Path(sysconfig.get_path("scripts")) / "qa"
    checked = subprocess.run([qa, "--data", data, "check"], capture_output=True, text=True)
    if checked.returncode:
        service.lost.append(f"qa check: {checked.stdout}{checked.stderr}")
    if service.counts["errors"] > service.counts["in flight"]:
        service.lost.append("more errors than requests in flight")
    return {**service.counts, "acknowledged": len(service.jobs), "lost": service.lost}


@dataclass(slots=True)
class _Service:
    """What the clients of a server have seen. `jobs`: by the id of the document that was accepted."""

    address: tuple[str, int]
    stopping: threading.Event = field(default_factory=threading.Event)
    counts: Counter[str] = field(default_factory=Counter)
    jobs: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def store_ships(self) -> None:
        """Raises SystemExit if they are not found."""
        client = _Client(self)
        for number, (name, identifier) in enumerate(zip(NAMES, SHIPS.values(), strict=True)):
            text = f"The ship {name} carries {CARGOES[number % len(CARGOES)]}."
            self._add(client, {"id": identifier, "title": f"The ship {name}", "text": text})
        self._finish(client)
        for question, expected in SHIPS.items():
            answer = client.ask(question)
            if _document(answer) != expected:
                raise SystemExit(f"{question!r} was answered with {answer} before anything was killed")

    def ask(self, seed: int) -> None:
        client, chance = _Client(self), random.Random(seed)
        while not self.stopping.is_set():
            question = chance.choice(list(SHIPS))
            answer = client.ask(question)
            if answer is None:
                continue
            if answer[0] == 503:
                self.note("refused")
                time.sleep(0.1)
            elif _document(answer) == SHIPS[question]:
                self.note("right")
            else:
                self.note("wrong", f"{question!r} was answered with {answer}")

    def ingest(self) -> None:
        client, number, accepted = _Client(self), 0, list[str]()
        while not self.stopping.is_set():
            if len(accepted) >= MOST_PENDING:
                accepted = [job for job in accepted if not client.is_finished(job)]
                time.sleep(0.1)
                continue
            record = {"id": f"rules-{number}", "title": f"Rules {number}", "text": "\n\n".join(sentences(number))}
            if job := self._add(client, record):
                accepted.append(job)
            number += 1

    def verify(self) -> None:
        """Every accepted document is ingested and found."""
        client = _Client(self)
        self._finish(client)
        for identifier in self.jobs:
            answer = client.request("GET", f"/v1/documents/{identifier}")
            if answer is None or answer[0] != 200:
                self.note("missing", f"{identifier} was accepted and is missing: {answer}")

    def note(self, what: str, loss: str = "") -> None:
        with self._lock:
            self.counts[what] += 1
            if loss:
                self.lost.append(loss)

    def _add(self, client: _Client, record: dict[str, str]) -> str | None:
        """The job, if it was accepted."""
        answer = client.request("POST", "/v1/documents", json.dumps(record).encode())
        if answer is None or answer[0] != 202:
            return None
        self.jobs[record["id"]] = answer[1]["job"]["id"]
        return self.jobs[record["id"]]

    def _finish(self, client: _Client) -> None:
        for identifier, job in self.jobs.items():
            end = time.monotonic() + SILENCE
            while not client.is_finished(job):
                if time.monotonic() > end:
                    self.note("unfinished", f"the job of {identifier} does not end")
                    break
                time.sleep(0.05)


class _Client:
    """A client with a persistent connection, opened again after an error."""

    def __init__(self, service: _Service) -> None:
        self._service = service
        self._connection = http.client.HTTPConnection(*service.address, timeout=SILENCE)

    def ask(self, question: str) -> tuple[int, Any] | None:
        return self.request("GET", f"/v1/search?q={quote_plus(question)}")

    def is_finished(self, job: str) -> bool:
        answer = self.request("GET", f"/v1/jobs/{job}")
        return answer is not None and answer[0] == 200 and bool(answer[1]["finished"])

    def request(self, method: str, target: str, body: bytes | None = None) -> tuple[int, Any] | None:
        """Status and JSON; None after an error of the connection."""
        try:
            self._connection.request(method, target, body, {"Content-Type": "application/json"} if body else {})
            response = self._connection.getresponse()
            return response.status, json.loads(response.read())
        except TimeoutError:
            self._service.note("silent", f"{method} {target}: neither an answer nor an error within {SILENCE:.0f} s")
        except (OSError, http.client.HTTPException):
            self._service.note("errors")
        self._connection.close()
        return None


def _kill_worker(server: Server, data: Path, victims: random.Random, counts: Counter[str]) -> None:
    """Kill one of those that hold connections, if there are any."""
    writer = _writer(server, data)
    workers = [pid for pid in children(server.process.pid) if pid != writer]
    victim = victims.choice([pid for pid in workers if connections(pid)] or workers)
    os.kill(victim, signal.SIGSTOP)
    while state(victim) not in {"T", "Z", ""}:
        time.sleep(0.001)
    counts["in flight"] += connections(victim)
    os.kill(victim, signal.SIGKILL)
    counts["killed workers"] += 1


def _writer(server: Server, data: Path) -> int | None:
    """The process that holds the data folder; none between its end and its restart."""
    return next((pid for pid in children(server.process.pid) if opens(pid, data / "lock")), None)


def _document(answer: tuple[int, Any] | None) -> str | None:
    """The document that was found first."""
    return answer[1]["results"][0]["document"]["id"] if answer and answer[0] == 200 and answer[1]["results"] else None
