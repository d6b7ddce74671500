"""How a cluster grows: ingestion, disk, memory, recall and latency beside the embedded engine, from 10,000 passages to 300,000.

    python -m benchmarks.cluster.growth FOLDER                      # three nodes; writes benchmarks/results/cluster-growth-COMMIT.*
    python -m benchmarks.cluster.growth FOLDER --passages 30000     # fewer passages; prints only
    python -m benchmarks.cluster.growth FOLDER --nodes 1 --passages 1000

FOLDER keeps the sample of press releases with its vectors (`benchmarks/scale/corpus.py`), so that an interrupted run embeds nothing
twice. Both engines store the same passages, with the same vectors, and answer the same headlines in turn, in this process: a question
is ranked and its first ten passages are read. With 16 clients this process is a part of what is measured, for both alike.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scale.corpus import SAMPLE, Embedded, corpus, write_sample
from benchmarks.scale.growth_plot import Line, growth
from benchmarks.scale.run import headlines
from benchmarks.speed.serving import RESULTS, commit, machine
from index.documents import new_document
from index.engine import DocumentCopy, Engine
from index.opensearch.connection import Connection
from index.opensearch.documents.mapping import ALIAS
from index.types import NO_ORIGIN, Matrix
from qa.assembly import open_to_write
from qa.operate.state import open_connection
from qa.settings.reading import read_settings
from tests.system.cluster.nodes import LocalCluster, prepare, run_cluster
from tests.system.cluster.run import JARS

PASSAGES, NODES = 300_000, 3
SIZES = (10_000, 30_000, 100_000, 300_000)
TOGETHER = 1_000  # passages stored in one call
QUESTIONS, CLIENTS, FIRST = 200, 16, 10

Place = tuple[str, int]


class Growing:
    """Stores more and more of the same documents in both engines, and knows all their vectors."""

    def __init__(self, documents: Iterator[Embedded], engines: dict[str, Engine]) -> None:
        self._documents, self._engines = documents, engines
        self.passages = 0
        self._places: list[Place] = []
        self._vectors: list[Matrix] = []

    def grow(self, passages: int) -> dict[str, float]:
        """Fill both engines up to `passages`, and return how many passages a second each stored, including the building of its index."""
        seconds, before = dict.fromkeys(self._engines, 0.0), self.passages
        while self.passages < passages and (some := self._next(min(passages - self.passages, TOGETHER))):
            for name, engine in self._engines.items():
                began = time.monotonic()
                engine.put_copies([_copy(each, engine) for each in some])
                seconds[name] += time.monotonic() - began
        for name, engine in self._engines.items():
            began = time.monotonic()
            engine.rebuild()
            seconds[name] += time.monotonic() - began
        return {name: round((self.passages - before) / took) for name, took in seconds.items()}

    def nearest(self, question: Matrix) -> set[Place]:
        """By comparing every vector."""
        scores = np.concatenate([vectors @ question for vectors in self._vectors])
        return {self._places[row] for row in np.argsort(-scores)[:FIRST]}

    def _next(self, passages: int) -> list[Embedded]:
        some: list[Embedded] = []
        while sum(len(each.passages) for each in some) < passages and (found := next(self._documents, None)):
            some.append(found)
            self._places += [(str(found.document.id), passage.start) for passage in found.passages]
            self._vectors.append(found.vectors)
            self.passages += len(found.passages)
        return some


def _copy(one: Embedded, engine: Engine) -> DocumentCopy:
    stored = new_document(str(one.document.id), one.document, NO_ORIGIN, None, {})
    return DocumentCopy(stored, one.document, one.passages, one.vectors, engine.embedder.fingerprint)


def ask(engine: Engine, question: str) -> list[Place]:
    """The places of all candidates, of which the first ten are read."""
    query = engine.prepare(question, spelling=False)
    with engine.snapshot() as snapshot:
        ids = [candidate.passage_id for candidate in snapshot.search(query).candidates]
        snapshot.passages(ids[:FIRST])
        return [(stored.document.id, stored.passage.start) for stored in snapshot.passages(ids)]


def recall(engine: Engine, growing: Growing, questions: Sequence[str]) -> float:
    """The part of the ten nearest passages that are among the candidates."""
    found = [len(growing.nearest(engine.embedder.embed_question(text)) & set(ask(engine, text))) for text in questions]
    return round(sum(found) / (FIRST * len(questions)), 4)


def latency(engine: Engine, questions: Sequence[str], clients: int) -> dict[str, float]:
    def timed(question: str) -> float:
        began = time.perf_counter()
        with engine.snapshot() as snapshot:
            ranking = snapshot.search(engine.prepare(question, spelling=False))
            snapshot.passages([candidate.passage_id for candidate in islice(ranking.candidates, FIRST)])
        return (time.perf_counter() - began) * 1000

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(timed, questions[: 2 * clients]))  # warm
        began = time.perf_counter()
        times = list(pool.map(timed, questions))
        rate = len(questions) / (time.perf_counter() - began)
    median, most = np.quantile(times, (0.5, 0.99))
    return {"median_ms": round(float(median), 1), "p99_ms": round(float(most), 1), "questions_a_second": round(rate, 1)}


def size_of(cluster: LocalCluster, connection: Connection) -> dict[str, Any]:
    """Disk with all copies, and the memory of each node."""
    stats = connection.request("GET", f"/{connection.index(ALIAS)}/_stats/store").body["_all"]["total"]["store"]
    resident = [_resident_mb(node.process.pid) for node in cluster.nodes if node.process]
    return {"disk_mb": round(stats["size_in_bytes"] / 1e6, 1), "resident_mb": resident}


def _resident_mb(pid: int) -> int:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) // 1000


def run(folder: Path, passages: int, nodes: int, heap: str) -> list[dict[str, Any]]:
    questions = headlines(QUESTIONS)
    sizes = sorted({size for size in SIZES if size < passages} | {passages})
    rows = []
    with ExitStack() as stack:
        local = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(run_cluster(prepare(JARS), local / "cluster", nodes, heap))
        settings = read_settings({"data": local / "data", "cache": folder / "models"}, {})
        on_cluster = settings.model_copy(update={"engine": cluster.engine("growth")})
        engines = {
            "embedded": stack.enter_context(open_to_write(settings, print)).engine,
            "cluster": stack.enter_context(open_to_write(on_cluster, print)).engine,
        }
        write_sample(folder / "sample", engines["embedded"].embedder, min(passages, SAMPLE))
        growing = Growing(corpus(folder / "sample", passages), engines)
        for size in sizes:
            row: dict[str, Any] = {"stored_a_second": growing.grow(size), "passages": growing.passages}
            row |= size_of(cluster, open_connection(on_cluster))
            for name, engine in engines.items():
                row[name] = {"recall": recall(engine, growing, questions)}
                row[name] |= {"alone": latency(engine, questions, 1), "clients": latency(engine, questions, CLIENTS)}
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


def plots(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """SVG by name."""

    def both(value: Callable[[dict[str, Any], str], float]) -> list[Line]:
        named = (("cluster", "cluster"), ("embedded", "folder"))
        return [(name, [(row["passages"], value(row, engine)) for row in rows]) for engine, name in named]

    disk = [("cluster, with a replica", [(row["passages"], row["disk_mb"]) for row in rows])]
    lines = {
        "alone": ("A question, one client, median", "ms", both(lambda row, engine: row[engine]["alone"]["median_ms"])),
        "clients": (f"{CLIENTS} clients", "a second", both(lambda row, engine: row[engine]["clients"]["questions_a_second"])),
        "stored": ("Stored", "passages a second", both(lambda row, engine: row["stored_a_second"][engine])),
        "disk": ("Disk", "MB", disk),
    }
    return {name: growth(*each, logarithmic=True) for name, each in lines.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--passages", type=int, default=PASSAGES)
    parser.add_argument("--nodes", type=int, default=NODES)
    parser.add_argument("--heap", default="1g", help="of each node")
    arguments = parser.parse_args()
    before = machine()
    results = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": before,
        "nodes": arguments.nodes,
        "heap": arguments.heap,
        "sizes": run(arguments.folder, arguments.passages, arguments.nodes, arguments.heap),
    }
    print(json.dumps(results, indent=2))
    if arguments.passages >= PASSAGES:
        path = RESULTS / f"cluster-growth-{commit()}.json"
        path.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
        for name, plot in plots(results["sizes"]).items():
            path.with_name(f"{path.stem}-{name}.svg").write_text(plot, "utf-8")


if __name__ == "__main__":
    main()
