"""Latency and throughput of searches over HTTP, beside the bare model and two peers.

    make bench        # or: python -m benchmarks.speed.serving; prints the figures, writes benchmarks/results/serving-COMMIT.json

Servers run in their own processes; this process is the client. Measured in the same run on the same machine:

- the bare forward pass, a lower bound: processes hold the same exported model, in full precision and in the served precision if that
  differs, with the server's settings, and run it on the same questions;
- txtai 9.14, hybrid, with the same weights, searching in its own process without HTTP;
- benchmarks/speed/baseline.py: a minimal server with Flask, sentence-transformers and a flat FAISS index.

The peers have their own environment, build/peers, installed with pip on the first run (some minutes; skipped if that fails).
Blocks of questions alternate between the processes, so that all meet the same machine load; the others wait for input. Each
question is asked once, so that no cache can answer. Times are wall-clock
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

from benchmarks.speed.clients import load
from benchmarks.speed.processes import ROOT, Forward, Server, Txtai, forward, peers, weights
from benchmarks.speed.questions import questions
from benchmarks.speed.serving_report import print_report

RESULTS = Path(__file__).resolve().parent.parent / "results"
SQUAD = Path(os.environ.get("QUOTABLE_SHARED", ROOT.parent / "shared")) / "data" / "retrieval" / "squad2"
BUILD = ROOT / "build" / "serving"
DOCUMENTS = 1_040  # they make 1,200 passages
CLIENTS, SECONDS = (1, 8, 64), 8
BLOCK = 50
WARM_UP = 50
QUESTIONS = 400
# Seconds between blocks, longer than the idle threads of a model runtime spin.
PAUSE = 0.1
LIBRARIES = ("onnxruntime", "tokenizers", "numpy", "faiss-cpu", "tantivy", "apsw", "flask", "uvicorn", "pydantic")

EXPORTS = "models/*/export.json"

Times = defaultdict[str, list[float]]


def press_release(count: int, precision: str) -> dict[str, Any]:
    """Alone, on the press release: latency, start and memory."""
    with tempfile.TemporaryDirectory() as folder:
        data, log = Path(folder) / "data", Path(folder) / "log"
        first = Server(data, log, QA_PRECISION=precision)
        first.stop()
        server = Server(data, log, QA_PRECISION=precision)
        try:
            figures = alone(server, models_of(data, precision), questions(WARM_UP + count), None)
        finally:
            server.stop()
    starts = {"first_start_seconds": round(first.started_in, 2), "warm_start_seconds": round(server.started_in, 2)}
    return figures | {"server": starts | figures["server"]}


def twelve_hundred(count: int, precision: str, python: Path | None) -> dict[str, Any]:
    """On 1,200 passages: alone beside the baseline and txtai, then with many clients beside the baseline."""
    data, corpus = passages_folder()
    asked = [json.loads(line)["text"] for line in (SQUAD / "queries.jsonl").read_text("utf-8").splitlines()]
    random.Random(0).shuffle(asked)
    server = Server(data, data / "log", QA_PRECISION=precision)
    command = [str(python or sys.executable), str(Path(__file__).with_name("baseline.py")), str(corpus), str(weights())]
    baseline = Server(data, data / "baseline.log", command)
    txtai = Txtai(python, corpus, weights()) if python else None
    try:
        figures = alone(server, models_of(data, precision), asked[: WARM_UP + count], txtai, baseline)
    finally:
        if txtai:
            txtai.stop()
    try:
        first = WARM_UP + count
        share = (len(asked) - first) // len(CLIENTS)
        for clients in CLIENTS:
            fresh, first = asked[first : first + share], first + share
            of_ours = load(server.address, [_target(question) for question in fresh], clients, SECONDS)
            theirs = load(baseline.address, [_baseline_target(question) for question in fresh], clients, SECONDS)
            rates = of_ours["requests_per_second"], theirs["requests_per_second"]
            times = round(rates[0] / rates[1], 2)
            row = {"quotable": of_ours, "baseline": theirs, "times_the_baseline": times}
            figures.setdefault("clients", []).append(row)
        figures["server_after_clients"] = server.memory()
        return figures
    finally:
        server.stop()
        baseline.process.kill()


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


def models_of(data: Path, precision: str) -> dict[str, Path]:
    """The folders of the exported model in full precision and in that which embeds the questions."""
    found = {"forward_int8" if path.parent.name.endswith("-int8") else "forward": path.parent for path in data.glob(EXPORTS)}
    return {name: found[name] for name in ("forward", *(["forward_int8"] if precision == "int8" else []))}


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
    parser.add_argument("--peers", type=Path, help="the Python of an environment with the peers (default: one in build/)")
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
        report["passages_1200"] = twelve_hundred(arguments.questions, arguments.precision, python)
    RESULTS.mkdir(exist_ok=True)
    suffix = "" if arguments.precision == "int8" else f"-{arguments.precision}"
    path = RESULTS / f"serving-{report['commit']}{suffix}.json"
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print_report(report)
    print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
