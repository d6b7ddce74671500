"""Latency and throughput of searches over HTTP, beside the bare model and two peers.

    make bench        # or: python -m benchmarks.speed.serving; prints the figures, writes benchmarks/results/serving-COMMIT.json

Servers run in their own processes; this process is the client. Measured in the same run on the same machine:

- the bare forward pass, a lower bound: processes hold the same exported model, in full precision and in the served precision if that
  differs, with the server's settings, and run it on the same questions;
- txtai 9.14, hybrid, with the same weights, searching in its own process without HTTP;
- benchmarks/speed/baseline.py: a minimal server with Flask, sentence-transformers and a flat FAISS index;
- with 1, 8 and 64 clients, and memory: one worker and two workers beside that baseline (benchmarks/server/workers.py);
- the calls of Python functions that one question takes (benchmarks/server/calls.py).

The peers have their own environment, build/peers, installed with pip on the first run (some minutes; skipped if that fails).
Blocks of questions alternate between the processes, so that all meet the same machine load; the others wait for input. Each
question is asked once, so that no cache can answer, except in the row of repeated ones. Times are wall-clock
milliseconds. The 1,200 passages are paragraphs of SQuAD 2.0 in ../shared/data; without them only the press release is measured.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from benchmarks.server.calls import count_calls
from benchmarks.server.workers import measure_workers
from benchmarks.speed.processes import ROOT, Forward, Server, Txtai, forward, peers, prepared_models, weights
from benchmarks.speed.questions import questions
from benchmarks.speed.serving_report import print_report

RESULTS = Path(__file__).resolve().parent.parent / "results"
SQUAD = Path(os.environ.get("QUOTABLE_SHARED", ROOT.parent / "shared")) / "data" / "retrieval" / "squad2"
BUILD = ROOT / "build" / "serving"
DOCUMENTS = 1_040  # they make 1,200 passages
SECONDS = 8.0  # of each number of clients
CALLS = 60  # questions whose calls are counted
BLOCK = 50
WARM_UP = 50
QUESTIONS = 400
# Seconds between blocks, longer than the idle threads of a model runtime spin.
PAUSE = 0.1
LIBRARIES = ("onnxruntime", "tokenizers", "numpy", "faiss-cpu", "tantivy", "apsw", "flask", "uvicorn", "pydantic")

Times = defaultdict[str, list[float]]


def press_release(count: int, precision: str) -> dict[str, Any]:
    """Alone, on the press release: latency, start and memory."""
    with tempfile.TemporaryDirectory() as folder:
        data, log = Path(folder) / "data", Path(folder) / "log"
        first = Server(data, log, QA_PRECISION=precision)
        first.stop()
        server = Server(data, log, QA_PRECISION=precision)
        try:
            figures = alone(server, prepared_models(precision), questions(WARM_UP + count), None)
        finally:
            server.stop()
    starts = {"first_start_seconds": round(first.started_in, 2), "warm_start_seconds": round(server.started_in, 2)}
    return figures | {"server": starts | figures["server"]}


def twelve_hundred(count: int, precision: str, python: Path | None, seconds: float) -> dict[str, Any]:
    """On 1,200 passages: alone beside the baseline and txtai, then with many clients of one and of two workers, beside the baseline."""
    data, corpus = passages_folder()
    asked = [json.loads(line)["text"] for line in (SQUAD / "queries.jsonl").read_text("utf-8").splitlines()]
    random.Random(0).shuffle(asked)
    server = Server(data, data / "log", QA_PRECISION=precision)
    command = [str(python or sys.executable), str(Path(__file__).with_name("baseline.py")), str(corpus), str(weights())]
    baseline = Server(data, data / "baseline.log", command)
    txtai = Txtai(python, corpus, weights()) if python else None
    try:
        figures = alone(server, prepared_models(precision), asked[: WARM_UP + count], txtai, baseline)
    finally:
        if txtai:
            txtai.stop()
        server.stop()
    try:
        rest = asked[WARM_UP + count :]
        figures["calls_a_question"] = count_calls(data, rest[:CALLS])
        return figures | {"workers": measure_workers(data, baseline, rest[CALLS:], seconds, precision)}
    finally:
        baseline.process.kill()
        baseline.process.wait()


def alone(
    server: Server, models: Mapping[str, Path], asked: Sequence[str], txtai: Txtai | None, baseline: Server | None = None
) -> dict[str, Any]:
    """One client that sends one question after another."""
    from qa.settings.reading import read_settings

    threads = read_settings().threads
    times: defaultdict[str, list[float]] = defaultdict(list)
    with ExitStack() as processes:
        bare = {name: processes.enter_context(forward(model, threads)) for name, model in models.items()}
        turns = [partial(_ask_model, name, model) for name, model in bare.items()]
        turns += [partial(_ask_server, server), *([partial(_ask_txtai, txtai)] if txtai else [])]
        turns += [partial(_ask_baseline, baseline)] if baseline else []
        for turn in turns:
            turn(asked[:WARM_UP], defaultdict(list))
        for number, start in enumerate(range(WARM_UP, len(asked), BLOCK)):
            # Rotate the order.
            for place in range(len(turns)):
                time.sleep(PAUSE)
                turns[(number + place) % len(turns)](asked[start : start + BLOCK], times)
    summary = {name: _summary(values) for name, values in times.items() if values}
    median = summary["search"]["median"]
    peer: dict[str, Any] = {}
    if txtai:
        peer = {
            "times_faster_than_txtai": round(summary["txtai"]["median"] / median, 2),
            "txtai": {"passages_per_second": txtai.passages_per_second, "resident_mb": txtai.resident_mb},
        }
    if baseline:
        peer["times_the_baseline_s_median"] = round(median / summary["baseline"]["median"], 2)
    return {
        "questions": len(asked) - WARM_UP,
        "threads": threads,
        "ratio_of_medians": {name: round(median / summary[name]["median"], 3) for name in models},
        "milliseconds": {name: values for name, values in summary.items() if name != "tokens"},
        "tokens": summary["tokens"],
        "server": server.memory(),
    } | peer


def _ask_model(name: str, bare: Forward, block: Sequence[str], times: Times) -> None:
    for tokenise, run, tokens in bare.run(block):
        times[name].append(run)
        times["tokenise"].append(tokenise)
        times["tokens"].append(tokens)


def _ask_server(server: Server, block: Sequence[str], times: Times) -> None:
    for question in block:
        took, answer = server.get(_target(question))
        times["search"].append(took)
        times["search_inside"].append(answer["took_ms"])
    for _ in block:
        times["healthz"].append(server.get("/healthz")[0])


def _ask_baseline(baseline: Server, block: Sequence[str], times: Times) -> None:
    times["baseline"] += [baseline.get(_baseline_target(question))[0] for question in block]


def _ask_txtai(txtai: Txtai, block: Sequence[str], times: Times) -> None:
    times["txtai"] += txtai.run(block)


def passages_folder() -> tuple[Path, Path]:
    """A data folder with the first 1,200 passages, kept in build/ between runs, and the same documents as JSON lines."""
    data, corpus = BUILD / "data", BUILD / "corpus.jsonl"
    if not corpus.is_file():
        BUILD.mkdir(parents=True, exist_ok=True)
        lines = (SQUAD / "corpus.jsonl").read_text("utf-8").splitlines()[:DOCUMENTS]
        records = [json.loads(line) for line in lines]
        kept = [{"id": record["_id"], "title": record["title"], "text": record["text"]} for record in records]
        part = corpus.with_suffix(".part")
        part.write_text("".join(f"{json.dumps(record)}\n" for record in kept), "utf-8")
        qa = str(Path(sysconfig.get_path("scripts")) / "qa")
        subprocess.run([qa, "--data", str(data), "add", str(part)], check=True, stdout=subprocess.DEVNULL)
        part.rename(corpus)
    return data, corpus


def _target(question: str) -> str:
    return f"/v1/search?q={quote_plus(question)}"


def _baseline_target(question: str) -> str:
    return f"/search?q={quote_plus(question)}"


def _summary(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "p95": round(statistics.quantiles(values, n=20)[-1], 3),
        "least": round(min(values), 3),
    }


def machine() -> dict[str, Any]:
    processor = [
        line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return {
        "cpu": processor[0] if processor else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_before": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def commit() -> str:
    """The measured commit, with `-changed` if the working tree differs."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = ["corpus", "index", "qa", "constraints.txt"]
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--", *paths], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return found.strip() + ("-changed" if changed else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="how many distinct questions (default: %(default)s)")
    parser.add_argument("--precision", choices=("fp32", "int8"), default="int8", help="of questions (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each number of clients (default: %(default)s)")
    parser.add_argument("--peers", type=Path, help="the Python of an environment with the peers (default: one in build/)")
    parser.add_argument("--no-file", action="store_true", help="only print")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    arguments = parser.parse_args()
    python = None if arguments.no_peers else arguments.peers or peers()
    if SQUAD.is_dir():
        passages_folder()
    report: dict[str, Any] = {
        "commit": commit(),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "precision": arguments.precision,
        "press_release": press_release(arguments.questions, arguments.precision),
    }
    if SQUAD.is_dir():
        report["passages_1200"] = twelve_hundred(arguments.questions, arguments.precision, python, arguments.seconds)
    print_report(report)
    if not arguments.no_file:
        RESULTS.mkdir(exist_ok=True)
        suffix = "" if arguments.precision == "int8" else f"-{arguments.precision}"
        path = RESULTS / f"serving-{report['commit']}{suffix}.json"
        path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
        print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
