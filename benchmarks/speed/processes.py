"""Processes under measurement: a server, the bare model, and the peers in their own environment."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.server.process_tree import memory, tree
from index.embedding.model_files import (  # before the ONNX runtime: it turns the runtime's telemetry off
    DEFAULT_MODEL,
    find_model,
)
from qa.settings.reading import cache_folder, read_settings

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS = ("txtai==9.14.0", "flask", "sentence-transformers", "faiss-cpu", "torch==2.13.0")


class Server:
    """A server process, by default `qa serve` on a data folder with default settings except for `environment`."""

    def __init__(self, data: Path, log: Path, command: Sequence[str] = (), **environment: str) -> None:
        began = time.perf_counter()
        serve = [str(Path(sysconfig.get_path("scripts")) / "qa"), "--data", str(data), "serve", "--port", "0"]
        with log.open("wb") as file:
            self.process = subprocess.Popen(command or serve, stdout=file, stderr=file, env=_own_environment() | environment)
        while "Serving on http://" not in log.read_text("utf-8"):
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended: {log.read_text('utf-8')}")
            time.sleep(0.005)
        self.started_in = time.perf_counter() - began
        host, _, port = log.read_text("utf-8").partition("Serving on http://")[2].split()[0].rpartition(":")
        self.address = (host, int(port))
        self.connection = http.client.HTTPConnection(host, int(port))

    def get(self, target: str) -> tuple[float, dict[str, Any]]:
        """The milliseconds until the response was complete, and the response."""
        return self._ask("GET", target)

    def post(self, target: str, body: Mapping[str, Any], key: str | None = None) -> tuple[float, dict[str, Any]]:
        """The same, of a JSON body, with a key."""
        authorization = {"Authorization": f"Bearer {key}"} if key else {}
        return self._ask("POST", target, json.dumps(body), {"Content-Type": "application/json", **authorization})

    def _ask(self, method: str, target: str, *content: Any) -> tuple[float, dict[str, Any]]:
        began = time.perf_counter()
        self.connection.request(method, target, *content)
        response = self.connection.getresponse()
        body = response.read()
        took = (time.perf_counter() - began) * 1000
        if response.status != 200:
            raise SystemExit(f"{target} was answered with {response.status}: {body!r}")
        return took, json.loads(body)

    def memory(self) -> dict[str, float]:
        """Megabytes of all its processes, and their number."""
        pids = tree(self.process.pid)
        return {"processes": len(pids), **memory(pids)}

    def stop(self) -> None:
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def serve_forward_passes(model: Path, threads: int) -> None:
    """Child process: reads a block of questions per line, writes milliseconds of tokenising and of the forward pass."""
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
    command = [sys.executable, "-m", "benchmarks.speed.processes", str(model), "--threads", str(threads)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield Forward(process)


class Txtai:
    """The process that searches with txtai."""

    def __init__(self, python: Path, corpus: Path, model: Path) -> None:
        command = [str(python), str(Path(__file__).with_name("txtai_search.py")), str(corpus), str(model)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        self.resident_mb = 0.0
        self.passages_per_second: float = self._answer()["passages_per_second"]

    def run(self, texts: Sequence[str]) -> list[float]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(texts) + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        self.resident_mb = answer["resident_mb"]
        times: list[float] = answer["times"]
        return times

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit("txtai ended")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def weights() -> Path:
    return find_model(DEFAULT_MODEL, offline=True).folder


def prepared_models(precision: str) -> dict[str, Path]:
    """The folders of the prepared model in full precision and in that which embeds the questions. A server must have started before."""
    cache = cache_folder(read_settings(environment=_own_environment()))
    if cache is None:
        raise SystemExit("the benchmark needs a folder of prepared models; set XDG_CACHE_HOME")
    model = cache / find_model(DEFAULT_MODEL, offline=True).fingerprint
    return {"forward": model} | ({"forward_int8": model.with_name(f"{model.name}-int8")} if precision == "int8" else {})


def peers() -> Path | None:
    """The Python of an environment with the peers, created if missing; None if it cannot be created."""
    folder = ROOT / "build" / "peers"
    python = folder / "bin" / "python"
    if (folder / "made").is_file():
        return python
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run(pip, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"the peers could not be installed ({error}); measuring without them")
        return None
    (folder / "made").touch()
    return python


def _own_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("QA_")}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    serve_forward_passes(arguments.model, arguments.threads)
