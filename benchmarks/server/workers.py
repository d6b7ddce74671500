"""Answers a second with one worker, with two, and of the baseline, with 64, 8 and 1 clients.

Each server has its own copy of the data folder and is asked the same questions, one server after the other. The first row begins when
the server says that it is ready. Every question is new to its server, but in the row of repeated ones; `asked_again` counts those that
were asked more than once because the questions ran out.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from benchmarks.speed.clients import load
from benchmarks.speed.processes import Server

WORKERS = {"one_worker": 1, "two_workers": 2}
BASELINE = "baseline"
REPEATED = 50  # different questions, again and again


@dataclass(frozen=True, slots=True)
class Row:
    """`share`: of the new questions; the last row's are taken from those of the first. `path`: of the questions to Quotable."""

    name: str
    clients: int
    share: float
    path: str = "/v1/search?q="


ROWS = (
    Row("new questions, from the start", 64, 0.4),
    Row("new questions, unread", 64, 0.25, "/v1/search?read=never&q="),
    Row("new questions", 8, 0.25),
    Row("new questions", 1, 0.1),
    Row("repeated questions", 64, 0.0),
)


def measure_workers(data: Path, baseline: Server, asked: Sequence[str], seconds: float, precision: str) -> dict[str, Any]:
    """`data`: a folder without an owner. `baseline`: answers `/search?q=`, and has been asked before."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as closing:
        servers: dict[str, Server] = {}
        rows, first = [], 0
        for row in ROWS:
            last = first + int(row.share * len(asked))
            questions, first = asked[first:last] or asked[:REPEATED], last
            measured: dict[str, Any] = {"questions": row.name, "clients": row.clients}
            measured[BASELINE] = _load(baseline, "/search?q=", questions, row, seconds)
            for name, workers in WORKERS.items():
                is_new = name not in servers
                if is_new:
                    copied = Path(shutil.copytree(data, Path(folder) / name, ignore=shutil.ignore_patterns("*lock")))
                    servers[name] = Server(copied, copied / "log", QA_WORKERS=str(workers), QA_PRECISION=precision)
                    closing.callback(servers[name].stop)
                measured[name] = _load(servers[name], row.path, questions, row, seconds, warm_up=0 if is_new else 1)
            rows.append(measured | _ratios(measured))
        memory = {name: server.memory() for name, server in servers.items()}
    pss = [memory[name]["pss_mb"] for name in WORKERS]
    return {"rows": rows, "memory": memory, "pss_two_over_one": round(pss[1] / pss[0], 2)}


def _load(server: Server, path: str, questions: Sequence[str], row: Row, seconds: float, warm_up: float = 1) -> dict[str, Any]:
    targets = [f"{path}{quote_plus(question)}" for question in questions]
    figures = load(server.address, targets, row.clients, seconds, warm_up)
    return {name: figure for name, figure in figures.items() if name != "clients"}


def _ratios(measured: Mapping[str, Any]) -> dict[str, Any]:
    rates = {name: measured[name]["requests_per_second"] for name in (BASELINE, *WORKERS)}
    return {
        "times_the_baseline": {name: round(rates[name] / rates[BASELINE], 2) for name in WORKERS},
        "two_over_one": round(rates["two_workers"] / rates["one_worker"], 2),
    }


def print_workers(figures: Mapping[str, Any]) -> None:
    for row in figures["rows"]:
        print(f"1,200 passages, {row['clients']} clients, {row['questions']}")
        for name in (BASELINE, *WORKERS):
            one = row[name]
            times = f"  {row['times_the_baseline'][name]:.1f} x the baseline" if name in WORKERS else ""
            print(
                f"  {name.replace('_', ' '):<12}{one['requests_per_second']:>7.1f}/s  median {one['median_ms']:.1f} ms,"
                f" p99 {one['p99_ms']:.1f} ms, {one['p99_over_queue']:.2f} x the queue, {one['errors']} errors,"
                f" {one['asked_again']} asked again{times}"
            )
        print(f"  two workers answer {row['two_over_one']:.2f} times as many as one")
    for name, memory in figures["memory"].items():
        print(
            f"memory of {name.replace('_', ' ')}: {memory['pss_mb']:.0f} MB PSS in {memory['processes']} processes"
            f" ({memory['resident_mb']:.0f} MB resident)"
        )
