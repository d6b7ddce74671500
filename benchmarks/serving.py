"""How much longer does a question take over HTTP than the embedding model's bare forward pass, which nothing can do without?

    python -m benchmarks.serving            # prints the figures, writes benchmarks/results/serving-COMMIT.json

A real server on the press release in a temporary folder; this process is its client, with one connection that is kept open.
Another process holds the same exported model, with the same settings as the server, and runs it on the same questions. Blocks of
questions alternate between the two, so that both see the same machine, and the one that is not asked waits for input. Every
question is asked once, so that nothing can be remembered. Times are wall-clock milliseconds.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.metadata
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
BLOCK = 50
WARM_UP = 50
QUESTIONS = 400
# In seconds, between blocks: longer than the threads of a model runtime go on looking for work after a run.
PAUSE = 0.1
LIBRARIES = ("onnxruntime", "tokenizers", "numpy", "faiss-cpu", "tantivy", "apsw", "flask", "waitress", "pydantic")

OPENINGS = ("who", "when did", "what does", "how will", "why should", "where can", "which of", "tell me whether")
SUBJECTS = (
    "the government",
    "OpenAI",
    "Peter Kyle",
    "the London office",
    "a small business",
    "the security institute",
    "an engineer",
)
VERBS = ("announce", "sign", "explain", "support", "build", "expand", "share")
OBJECTS = (
    "the memorandum",
    "its chatbot",
    "the partnership",
    "public services",
    "new jobs in the UK",
    "the infrastructure priorities",
    "AI models",
)
ENDINGS = ("", " this year", " and what follows from it", " according to the press release")


def questions(count: int) -> list[str]:
    """Distinct questions of 5 to 20 words, the same ones every time, in an order that is not that of their words."""
    found = [f"{' '.join(words)}{ending}?" for *words, ending in product(OPENINGS, SUBJECTS, VERBS, OBJECTS, ENDINGS)]
    random.Random(0).shuffle(found)
    assert len(set(found[:count])) == count
    return found[:count]


def serve_forward_passes(model: Path, threads: int) -> None:
    """The other process: a block of questions a line comes in, their milliseconds of tokenising and of the forward pass go out."""
    import numpy as np
    import onnxruntime
    import tokenizers

    facts = json.loads((model / "export.json").read_text())
    tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(facts["max_length"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(str(model / "model.onnx"), options, providers=["CPUExecutionProvider"])
    for line in sys.stdin:
        answers = []
        for text in json.loads(line):
            began = time.perf_counter()
            encoding = tokenizer.encode(facts["question_prompt"] + text)
            columns = {
                "input_ids": encoding.ids,
                "attention_mask": encoding.attention_mask,
                "token_type_ids": encoding.type_ids,
            }
            inputs = {name: np.array([columns[name]], np.int64) for name in facts["inputs"]}
            tokenised = time.perf_counter()
            session.run(None, inputs)
            ended = time.perf_counter()
            answers.append(((tokenised - began) * 1000, (ended - tokenised) * 1000, len(encoding.ids)))
        print(json.dumps(answers), flush=True)


class Forward:
    """The process that runs the bare model."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, texts: Sequence[str]) -> list[list[float]]:
        """(tokenising, forward pass, tokens) of each question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(texts) + "\n")
        self._process.stdin.flush()
        answers: list[list[float]] = json.loads(self._process.stdout.readline())
        return answers


@contextmanager
def forward(model: Path, threads: int) -> Iterator[Forward]:
    command = [sys.executable, __file__, "--forward", str(model), "--threads", str(threads)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Forward(process)


class Server:
    """`qa serve`, from its start until it says where it serves."""

    def __init__(self, data: Path, log: Path) -> None:
        began = time.perf_counter()
        command = [str(Path(sysconfig.get_path("scripts")) / "qa"), "--data", str(data), "serve", "--port", "0"]
        with log.open("wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file)
        while "Serving on http://" not in log.read_text("utf-8"):
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended: {log.read_text('utf-8')}")
            time.sleep(0.005)
        self.started_in = time.perf_counter() - began
        host, _, port = log.read_text("utf-8").partition("Serving on http://")[2].split()[0].rpartition(":")
        self.connection = http.client.HTTPConnection(host, int(port))

    def get(self, target: str) -> tuple[float, dict[str, Any]]:
        """The milliseconds until the whole answer was here, and the answer."""
        began = time.perf_counter()
        self.connection.request("GET", target)
        response = self.connection.getresponse()
        body = response.read()
        took = (time.perf_counter() - began) * 1000
        if response.status != 200:
            raise SystemExit(f"{target} was answered with {response.status}: {body!r}")
        return took, json.loads(body)

    def memory(self) -> dict[str, float]:
        """Resident megabytes now and at the most, and processor seconds so far."""
        status = dict(line.split(":", 1) for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        return {"resident_mb": _megabytes(status["VmRSS"]), "peak_mb": _megabytes(status["VmHWM"])}

    def stop(self) -> None:
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def measure(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        data, log = Path(folder) / "data", Path(folder) / "log"
        first = Server(data, log)
        first.stop()
        server = Server(data, log)
        try:
            return _measure(server, data, first.started_in, count)
        finally:
            server.stop()


def _measure(server: Server, data: Path, first_start: float, count: int) -> dict[str, Any]:
    from qa.settings import read_settings

    threads = read_settings().threads
    (model,) = [path.parent for path in data.glob("models/*/export.json")]
    times: dict[str, list[float]] = {
        name: [] for name in ("tokenise", "forward", "tokens", "search", "search_inside", "healthz")
    }
    with forward(model, threads) as bare:
        asked = questions(WARM_UP + count)
        bare.run(asked[:WARM_UP])
        for question in asked[:WARM_UP]:
            server.get(_target(question))
        for number, start in enumerate(range(WARM_UP, len(asked), BLOCK)):
            block = asked[start : start + BLOCK]
            # Either goes first as often as the other.
            for turn in (_ask_model, _ask_server) if number % 2 == 0 else (_ask_server, _ask_model):
                time.sleep(PAUSE)
                turn(bare, server, block, times)
    summary = {name: _summary(values) for name, values in times.items()}
    return {
        "questions": count,
        "threads": threads,
        "ratio_of_medians": round(summary["search"]["median"] / summary["forward"]["median"], 3),
        "milliseconds": {name: values for name, values in summary.items() if name != "tokens"},
        "tokens": summary["tokens"],
        "server": {
            "first_start_seconds": round(first_start, 2),
            "warm_start_seconds": round(server.started_in, 2),
            **server.memory(),
        },
    }


def _ask_model(bare: Forward, _server: Server, block: Sequence[str], times: dict[str, list[float]]) -> None:
    for tokenise, run, tokens in bare.run(block):
        times["tokenise"].append(tokenise)
        times["forward"].append(run)
        times["tokens"].append(tokens)


def _ask_server(_bare: Forward, server: Server, block: Sequence[str], times: dict[str, list[float]]) -> None:
    for question in block:
        took, answer = server.get(_target(question))
        times["search"].append(took)
        times["search_inside"].append(answer["took_ms"])
    for _ in block:
        times["healthz"].append(server.get("/healthz")[0])


def _target(question: str) -> str:
    return f"/v1/search?q={quote_plus(question)}"


def _summary(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "p95": round(statistics.quantiles(values, n=20)[-1], 3),
        "least": round(min(values), 3),
    }


def _megabytes(kilobytes: str) -> float:
    return round(int(kilobytes.split()[0]) / 1024, 1)


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
    """The commit that is measured, with `-changed` where the working tree is another."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = ["corpus", "index", "qa", "constraints.txt"]
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--", *paths], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return found.strip() + ("-changed" if changed else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--forward", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="how many distinct questions (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.forward:
        serve_forward_passes(arguments.forward, arguments.threads)
        return
    facts = machine()
    result = measure(arguments.questions)
    report = {"commit": commit(), "measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": facts, **result}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"serving-{report['commit']}.json"
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    _print(report, path)


def _print(report: dict[str, Any], path: Path) -> None:
    machine_ = report["machine"]
    print(
        f"{machine_['cpu']}, {machine_['cores']} cores, {report['threads']} threads a question, {report['questions']} questions"
    )
    print(f"{'milliseconds':<34}{'median':>9}{'p95':>9}")
    names = {
        "forward": "bare forward pass",
        "tokenise": "tokenising for it",
        "search": "/v1/search over HTTP",
        "search_inside": "  of it inside the service",
        "healthz": "/healthz over HTTP, for comparison",
    }
    for name, words in names.items():
        row = report["milliseconds"][name]
        print(f"{words:<34}{row['median']:>9.2f}{row['p95']:>9.2f}")
    server = report["server"]
    print(f"/v1/search is {report['ratio_of_medians']:.2f} times the bare forward pass (medians)")
    print(f"start: {server['first_start_seconds']} s the first time, {server['warm_start_seconds']} s from then on")
    print(f"memory: {server['resident_mb']} MB resident, {server['peak_mb']} MB at the most")
    print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
