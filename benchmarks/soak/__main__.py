"""Check that memory, file descriptors and threads of a server stay flat over two hours.

    python -m benchmarks.soak                 # prints a line a minute, writes benchmarks/results/soak-COMMIT.json and .svg
    python -m benchmarks.soak --minutes 10    # shorter, into build/soak; Ctrl+C or SIGTERM ends it early, with a verdict so far

A real `qa serve` with a new data folder, on loopback, without keys. For each worker of the server six clients make four visits a second:
searches by GET and POST with new and repeated questions, follow-ups, chats, pages, documents of ten formats added, replaced and removed,
dropped connections and invalid requests. Every few minutes an operator takes a backup, creates and revokes a key and reads the status,
and a reader process is killed. The server's processes are sampled together every ten seconds. Time in which both sides were suspended is
not counted.
Exit code 1 if a figure grows or a response is unexpected.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Full, Queue
from typing import Any

from benchmarks.server.process_tree import command, tree
from benchmarks.soak.plot import panels
from benchmarks.soak.samples import Sample, columns, take, verdict
from benchmarks.soak.traffic import Tally, Visitor
from benchmarks.speed.processes import Server
from benchmarks.speed.serving import RESULTS, ROOT, commit, machine

MINUTES, VISITS_A_SECOND, CLIENTS = 120.0, 4.0, 6  # visits and clients, for each worker
SAMPLE_SECONDS, OPERATOR_SECONDS = 10.0, 150.0
SHORTER = ROOT / "build" / "soak"  # figures of a run that was shorter than the one whose figures are published
READER = "corpus.sandbox.child"  # in the command of a reader process
QA = Path(sysconfig.get_path("scripts")) / "qa"
TICK_SECONDS, LONGEST_TICK = 0.1, 1.0
PLOTTED = ("pss_mb", "own_mb", "descriptors", "threads", "children", "folder_mb")


@dataclass(slots=True)
class Clock:
    """Running time in seconds. A gap between two ticks counts at most one second: in a longer one the machine was suspended."""

    seconds: float = 0.0
    last: float = field(default_factory=time.monotonic)
    stood: float = 0.0

    def tick(self) -> float:
        now = time.monotonic()
        gap, self.last = now - self.last, now
        self.seconds += min(gap, LONGEST_TICK)
        self.stood += max(gap - LONGEST_TICK, 0)
        return self.seconds


@dataclass(slots=True)
class Soak:
    """One server and its visitors. `stopping` ends the run early."""

    server: Server
    data: Path
    clients: int = CLIENTS
    tally: Tally = field(default_factory=Tally)
    samples: list[Sample] = field(default_factory=list)
    operated: dict[str, int] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    clock: Clock = field(default_factory=Clock)
    _due: Queue[bool] = field(init=False)

    def __post_init__(self) -> None:
        self._due = Queue(self.clients)  # bounded: visits without a free client do not pile up

    def run(self, seconds: float, rate: float) -> None:
        visitors = [Visitor(self.server.address, self.tally, seed) for seed in range(self.clients)]
        threads = [threading.Thread(target=self._visit, args=(visitor,), daemon=True) for visitor in visitors]
        threads.append(threading.Thread(target=self._operate, daemon=True))
        for thread in threads:
            thread.start()
        chance, visit_at, sample_at = random.Random(0), 0.0, 0.0
        while (now := self.clock.tick()) < seconds and not self.stopping.is_set():
            while visit_at <= now:
                visit_at += chance.expovariate(rate)
                with contextlib.suppress(Full):
                    self._due.put_nowait(True)
            if sample_at <= now:
                sample_at += SAMPLE_SECONDS
                self._sample(now)
            self.stopping.wait(TICK_SECONDS)
        self._sample(self.clock.seconds)
        self.stopping.set()
        for _ in visitors:
            self._due.put(False)
        for thread in threads:
            thread.join(60)
        for visitor in visitors:
            visitor.close()

    def _visit(self, visitor: Visitor) -> None:
        while self._due.get():
            visitor.go()

    def _sample(self, now: float) -> None:
        sample = take(self.server.process.pid, self.data, now, self.tally.requests)
        self.samples.append(sample)
        if len(self.samples) % 6 == 1:
            print(f"{now / 60:6.1f} min  {sample}  broken {self.tally.broken}", flush=True)

    def _operate(self) -> None:
        """Operator commands next to the server, and killed reader processes."""
        backup = self.data.parent / "backup"
        acts = (
            ("backup", ("backup", str(backup))),
            ("key create", ("key", "create", "--role", "read", "--name", "soak")),
            ("key revoke", ("key", "revoke", "soak")),
            ("status", ("status",)),
            ("kill a reader", ()),
        )
        at = OPERATOR_SECONDS / len(acts)
        number = 0
        while not self.stopping.wait(1):
            if self.clock.seconds < at:
                continue
            at += OPERATOR_SECONDS / len(acts)
            name, words = acts[number % len(acts)]
            number += 1
            done = self._call(words) if words else self._kill_a_reader()
            self.operated[f"{name} {done}"] = self.operated.get(f"{name} {done}", 0) + 1

    def _call(self, words: Sequence[str]) -> int:
        if words[0] == "backup":
            Path(words[1]).unlink(missing_ok=True)
        return subprocess.run([QA, "--data", self.data, *words], capture_output=True, check=False).returncode

    def _kill_a_reader(self) -> int:
        """Their number."""
        found = [pid for pid in tree(self.server.process.pid) if any(READER in word for word in command(pid))]
        for child in found[:1]:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        return len(found)


def soak(
    folder: Path, seconds: float, rate: float = VISITS_A_SECOND, started_by: Sequence[str] = (), workers: int = 1
) -> dict[str, Any]:
    """Run a server in `folder` for a number of seconds and return the figures. `started_by`: a command, by default `qa serve`."""
    data = folder / "data"
    Server(data, folder / "log").stop()  # a new folder exports the model, whose libraries stay in memory until the next start
    server = Server(data, folder / "log", started_by, QA_WORKERS=str(workers))
    run = Soak(server, data, CLIENTS * workers)
    before = {number: signal.signal(number, lambda *_: run.stopping.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        run.run(seconds, rate * workers)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.stop()
        if server.process.poll() is None:
            server.process.kill()
    judged = verdict(run.samples)
    log = (folder / "log").read_text("utf-8")
    return {
        "minutes": round(run.clock.seconds / 60, 1),
        "minutes_stood_still": round(run.clock.stood / 60, 1),
        "requests": run.tally.requests,
        "flat": all(figure["flat"] for figure in judged.values()),
        "verdict": judged,
        "tracebacks_in_the_log": log.count("Traceback"),
        "unforeseen_answers": list(run.tally.unforeseen),
        "connections_broken": run.tally.broken,
        "answers": dict(sorted(run.tally.answers.items())),
        "operator": dict(sorted(run.operated.items())),
        "samples": columns(run.samples),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of running time (default: %(default)s)")
    parser.add_argument(
        "--rate", type=float, default=VISITS_A_SECOND, help="visits a second for each worker (default: %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=1, help="of the server (default: %(default)s)")
    parser.add_argument("--no-file", action="store_true", help="only print")
    arguments = parser.parse_args()
    facts, name = machine(), commit()
    with tempfile.TemporaryDirectory() as temporary:
        result = soak(Path(temporary), arguments.minutes * 60, arguments.rate, workers=arguments.workers)
    report = {
        "commit": name,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": facts,
        "workers": arguments.workers,
        **result,
    }
    print(json.dumps({key: value for key, value in result.items() if key != "samples"}, indent=2))
    if not arguments.no_file:
        folder = RESULTS if result["minutes"] >= MINUTES else SHORTER
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"soak-{name}{f'-{arguments.workers}-workers' if arguments.workers > 1 else ''}.json"
        lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in report.items())
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
        samples = report["samples"]
        path.with_suffix(".svg").write_text(panels(samples["seconds"], {key: samples[key] for key in PLOTTED}), "utf-8")
        print(f"written to {path.relative_to(ROOT)} and beside it as a plot")
    if not result["flat"] or result["unforeseen_answers"] or result["tracebacks_in_the_log"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
