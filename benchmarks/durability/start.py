"""Time until `qa serve` serves again after kill -9, with 100,000 passages and random vectors of the default model's size."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sysconfig
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np

from corpus.types import Document, Passage
from index.embedded.store.database import Database
from index.embedded.store.store import Store
from index.embedding.loading import load_embedder
from index.embedding.model_files import DEFAULT_MODEL
from qa.operate.maintenance import rebuild_folder
from qa.settings.settings import Settings

PASSAGES, PASSAGES_PER_DOCUMENT, WORDS_PER_PASSAGE = 100_000, 20, 60
PROMISED_SECONDS = 5.0


def run(folder: Path, rounds: int, seed: int, part: slice) -> dict[str, Any]:
    """`seconds`: from process start to the line "Serving on", after each kill. `lost`: starts above PROMISED_SECONDS."""
    data = folder / "data"
    data.mkdir()
    _fill(data, np.random.default_rng(seed))
    seconds = [_serve_and_kill(data, folder / "log") for _ in range(rounds + 1)][1:]
    late = [f"{took:.1f} s" for took in seconds if took > PROMISED_SECONDS]
    return {"passages": PASSAGES, "starts": rounds, "seconds": [round(took, 2) for took in seconds], "lost": late}


def _fill(data: Path, rng: np.random.Generator) -> None:
    embedder = load_embedder(DEFAULT_MODEL, data / "models")
    vocabulary = np.array([f"{a}{b}{c}" for a in "bcdfgl" for b in "aeiou" for c in ("n", "rd", "st", "mple", "ting", "lar")])
    database = Database(data, create=True)
    store = Store(database)
    store.set_model(embedder.fingerprint, DEFAULT_MODEL)
    for number in range(PASSAGES // PASSAGES_PER_DOCUMENT):
        parts = [" ".join(rng.choice(vocabulary, WORDS_PER_PASSAGE)) + "." for _ in range(PASSAGES_PER_DOCUMENT)]
        text, passages, start = "\n\n".join(parts), [], 0
        for one in parts:
            passages.append(Passage(start, start + len(one), one, (), f"Document {number}"))
            start += len(one) + 2
        vectors = rng.normal(size=(PASSAGES_PER_DOCUMENT, embedder.dimension)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        store.put(str(number), Document(text=text, title=f"Document {number}"), passages, vectors, embedder.fingerprint)
    database.close()
    rebuild_folder(Settings(data=data), None, lambda _: None, lambda done, total: None)


def _serve_and_kill(data: Path, log: Path) -> float:
    """Start, add a document and kill, so that the write-ahead log is not empty."""
    command = [Path(sysconfig.get_path("scripts")) / "qa", "--data", data, "serve", "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as out:
        began = time.monotonic()
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=out, env=environment)
    try:
        while "Serving on" not in log.read_text():
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.01)
        took = time.monotonic() - began
        address = log.read_text().partition("Serving on ")[2].split()[0]
        body = json.dumps({"title": "One more", "text": "One more document."}).encode()
        request = Request(f"{address}/v1/documents", body, {"Content-Type": "application/json"})
        urlopen(request).close()
        return took
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
