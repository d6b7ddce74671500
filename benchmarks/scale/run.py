"""Latency, memory, start-up and build time from a thousand passages to a million, and the ingestion rate.

    python -m benchmarks.scale.run FOLDER     # prints the figures, writes benchmarks/results/scale-COMMIT.json and its plots

FOLDER keeps the sample (see corpus.py) and a data folder per size, so that an interrupted run continues. Servers of the smallest and
of the largest size run side by side and get the same questions in turn, so that both meet the same machine load. Questions are
headlines of other sources for the same releases. Peer: txtai 9.14, hybrid, with the same weights and passages, from the environment
of speed/serving.py; skipped if it cannot be installed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import numpy as np

from benchmarks.scale.corpus import RELEASES, SAMPLE, corpus, read_sample, write_sample
from benchmarks.scale.growth_plot import growth_plots
from benchmarks.scale.ingestion import INGESTED, ingest_ours, ingest_txtai
from benchmarks.speed.processes import Server, peers
from benchmarks.speed.serving import RESULTS, commit, machine
from index.filters import Comparison
from index.types import NO_EDITS

SIZES = (1_200, 10_000, 100_000, 1_000_000)
QUESTIONS, WARM_UP, BLOCK = 300, 60, 30
RECALL_QUESTIONS = 200
AT_ONCE = 20_000  # passages per transaction
FILTER = Comparison("gte", "date", "2025")  # matches most passages
# Internal commands of the benchmark's child processes.
FILL, RECALL, INGEST = "fill", "recall", "ingest"


def headlines(count: int) -> list[str]:
    with gzip.open(RELEASES.parent / "headlines.jsonl.gz", "rt", encoding="utf-8") as file:
        found = [json.loads(line)["text"] for line in file]
    random.Random(3).shuffle(found)
    return found[:count]


def fill(
    data: Path, sample: Path, passages: int, edits: Callable[[str], Mapping[str, Any]] = lambda _: NO_EDITS
) -> dict[str, float]:
    """Fill a data folder through the product's store and index builder; seconds of both. `edits`: id -> collection and groups."""
    from index.embedded.segments import generations
    from index.embedded.segments.generations import generations_folder
    from index.embedded.store.database import Database
    from index.embedded.store.store import Store
    from index.embedding.loading import load_embedder
    from index.embedding.model_files import DEFAULT_MODEL

    embedder = load_embedder(DEFAULT_MODEL, data / "models")
    database = Database(data, create=True)
    store = Store(database)
    began, waiting = time.monotonic(), 0
    documents = corpus(sample, passages)
    more = True
    while more:
        with database.transaction():
            waiting, more = 0, False
            for made in documents:
                name = str(made.document.id)
                store.put(name, made.document, made.passages, made.vectors, embedder.fingerprint, edits=edits(name))
                waiting += len(made.passages)
                if waiting >= AT_ONCE:
                    more = True
                    break
    stored = time.monotonic() - began
    began = time.monotonic()
    generations.build(generations_folder(data), store, embedder.fingerprint, embedder.dimension)
    return {"store_seconds": round(stored, 1), "build_seconds": round(time.monotonic() - began, 1)}


def recall(data: Path) -> dict[str, Any]:
    """recall@10 of the dense index on headlines against exact search, without and with a filter by year."""
    from index.embedded.dense.recall import DEPTH, best_scores
    from index.embedded.filtering.filtered_documents import FilteredDocuments
    from index.embedded.policy import DEFAULT
    from index.embedded.segments import generations
    from index.embedded.segments.generations import generations_folder
    from index.embedded.snapshot import IndexSnapshot
    from index.embedded.store.database import Database
    from index.embedded.store.store import Store
    from index.embedding.loading import load_embedder
    from index.embedding.model_files import DEFAULT_MODEL

    embedder = load_embedder(DEFAULT_MODEL, data / "models")
    database = Database(data, read_only=True)
    store, filters = Store(database), FilteredDocuments(database)
    generation = generations.load_newest(generations_folder(data), store, embedder.fingerprint)
    assert generation is not None
    (segment,) = generation.segments
    questions = np.stack([embedder.embed_question(text) for text in headlines(RECALL_QUESTIONS)])
    ids, matrix = _vectors(store, embedder.fingerprint, data)
    index = IndexSnapshot(generation.number, None, generation.segments, DEFAULT)
    found: dict[str, Any] = {}
    for name in ("filter_milliseconds", "filter_again_milliseconds"):
        began = time.perf_counter()
        filtered = index.passages_of_documents(filters.numbers(FILTER))
        found[name] = round((time.perf_counter() - began) * 1000, 1)
    found["filter_allows"] = len(filtered)
    for name, allowed in (("all", None), ("filtered", filtered)):
        rows = matrix if allowed is None else matrix[np.isin(ids, allowed)]
        best = best_scores(rows, questions)
        hits, times = 0, []
        for question, scores in zip(questions, best, strict=True):
            began = time.perf_counter()
            candidates = segment.vectors.search(question, 200, allowed)
            times.append((time.perf_counter() - began) * 1000)
            hits += min(int((segment.vectors.scores(question, candidates) >= scores[-1] - 1e-5).sum()), DEPTH)
        found[f"recall_{name}"] = round(hits / best.size, 4)
        found[f"dense_{name}_milliseconds"] = round(statistics.median(times), 3)
    measured = generations.read_recalls(generations_folder(data))
    return found | {"recall_at_build": [[one.value, one.nprobe] for one in measured]}


def _vectors(store: Any, fingerprint: str, data: Path) -> tuple[Any, Any]:
    """Ids and vectors, from the memory-mapped index if there is one, which was built from the store and is verified."""
    for path in sorted(data.glob("generations/*/*/vector-rows.f32"))[-1:]:
        ids = np.load(path.with_name("vector-ids.npy"))
        return ids, np.memmap(path, "<f4", "r").reshape(len(ids), -1).view(np.ndarray)
    blocks = [(ids, vectors) for ids, _, vectors in store.passages_since(0, fingerprint)]
    return np.concatenate([ids for ids, _ in blocks]), np.concatenate([vectors for _, vectors in blocks])


def apart(work: str, *arguments: object, module: str = "benchmarks.scale.run") -> Any:
    """Run a function that `module` knows by the name `work` in a child process."""
    command = [sys.executable, "-m", module, "--work", work, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def prepare(folder: Path, sizes: Sequence[int]) -> dict[int, dict[str, float]]:
    """Create the missing data folders of each size; the seconds of each."""
    took = {}
    for size in sizes:
        data = folder / f"data-{size}"
        facts = data / "prepared.json"
        if not facts.exists():
            shutil.rmtree(data, ignore_errors=True)
            shutil.copytree(folder / "models", data / "models", copy_function=os.link)
            facts.write_text(json.dumps(apart(FILL, data, folder / "sample", size)))
        took[size] = json.loads(facts.read_text())
        print(f"{size} passages: {took[size]}", flush=True)
    return took


def serve(folder: Path, sizes: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Each size next to the smallest: latency over HTTP with one client, start, memory, and time until a new document is found."""
    asked = headlines(WARM_UP + QUESTIONS)
    figures: dict[int, dict[str, Any]] = {}
    for size in sizes:
        names = {sizes[0], size}
        servers = {}
        try:
            for name in names:
                servers[name] = Server(folder / f"data-{name}", folder / f"log-{name}")
            for server in servers.values():
                for question in asked[:WARM_UP]:
                    server.get(f"/v1/search?q={quote_plus(question)}")
            times: dict[int, list[float]] = {name: [] for name in names}
            for number, first in enumerate(range(WARM_UP, len(asked), BLOCK)):
                for name in sorted(names, reverse=number % 2 == 0):
                    for question in asked[first : first + BLOCK]:
                        times[name].append(servers[name].get(f"/v1/search?q={quote_plus(question)}")[0])
            medians = {name: statistics.median(values) for name, values in times.items()}
            filter_ = {"type": FILTER.operator, "key": FILTER.key, "value": FILTER.value}
            filtered = [servers[size].post("/v1/search", {"query": text, "filter": filter_})[0] for text in asked[:WARM_UP]]
            figures[size] = {
                "median_milliseconds": round(medians[size], 2),
                "p95_milliseconds": round(statistics.quantiles(times[size], n=20)[-1], 2),
                "filtered_first_milliseconds": round(filtered[0], 2),
                "filtered_median_milliseconds": round(statistics.median(filtered), 2),
                "smallest_beside_it_milliseconds": round(medians[sizes[0]], 2),
                "ratio_to_smallest": round(medians[size] / medians[sizes[0]], 3),
                "warm_start_seconds": round(servers[size].started_in, 2),
                **servers[size].memory(),
                **added_is_found(servers[size]),
            }
        finally:
            for server in servers.values():
                server.stop()
        print(f"{size} passages: {figures[size]}", flush=True)
    return figures


def added_is_found(server: Server) -> dict[str, float]:
    """Median seconds from acceptance, and from the end of the job, until a search finds a document; and to remove it."""
    whole, after_job, removal = [], [], []
    for number in range(5):
        word = f"quokka{''.join(random.Random(time.time() + number).choices('abcdefghij', k=8))}"
        body = json.dumps({"id": word, "title": word, "text": f"The {word} is a marsupial that was seen on Rottnest Island."})
        server.connection.request("POST", "/v1/documents", body, {"Content-Type": "application/json"})
        accepted = json.loads(server.connection.getresponse().read())
        began = time.perf_counter()
        while server.get(f"/v1/jobs/{accepted['job']['id']}")[1]["status"] != "done":
            time.sleep(0.002)
        done = time.perf_counter()
        while word not in [r["document"]["id"] for r in server.get(f"/v1/search?q={word}")[1]["results"][:1]]:
            pass
        found = time.perf_counter()
        whole.append(found - began)
        after_job.append(found - done)
        began = time.perf_counter()
        server.connection.request("DELETE", f"/v1/documents/{word}")
        server.connection.getresponse().read()
        removal.append(time.perf_counter() - began)
    return {
        "removed_seconds": round(statistics.median(removal), 3),
        "found_after_accepted_seconds": round(statistics.median(whole), 3),
        "found_after_indexed_seconds": round(statistics.median(after_job), 3),
        "found_after_indexed_seconds_most": round(max(after_job), 3),
    }


def ingestion(folder: Path) -> dict[str, Any]:
    """Both in turn, three times each; the medians."""
    python = peers()
    rates: dict[str, list[float]] = {"quotable": [], "txtai": []}
    for _ in range(3):
        scratch = folder / "ingested"
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(folder / "models", scratch / "models", copy_function=os.link)
        rates["quotable"].append(apart(INGEST, scratch, folder / "sample"))
        if python:
            rates["txtai"].append(ingest_txtai(scratch, folder / "sample", python))
    medians = {who: round(statistics.median(values), 2) for who, values in rates.items() if values}
    ratio = round(medians["quotable"] / medians["txtai"], 3) if python else None
    return {"passages": INGESTED, "passages_per_second": medians, "ratio_to_txtai": ratio, "all": rates}


def about(sample: Path) -> dict[str, Any]:
    """Number of embedded passages, and the sample's own note if it has one."""
    note = sample / "about.json"
    noted = json.loads(note.read_text()) if note.exists() else {}
    return {"embedded_passages": sum(len(one.passages) for one in read_sample(sample)), "rest": "derived", **noted}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--prepare", action="store_true", help="only create the data folders")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if arguments.work:
        work, *paths = arguments.work
        functions = {
            FILL: lambda data, sample, size: fill(Path(data), Path(sample), int(size)),
            RECALL: lambda data: recall(Path(data)),
            INGEST: lambda *paths: ingest_ours(*map(Path, paths)),
        }
        print(json.dumps(functions[work](*paths)))
        return
    folder = arguments.folder
    from index.embedding.loading import load_embedder
    from index.embedding.model_files import DEFAULT_MODEL

    write_sample(folder / "sample", load_embedder(DEFAULT_MODEL, folder / "models"), SAMPLE)
    took = prepare(folder, arguments.sizes)
    if arguments.prepare:
        return
    facts = machine()
    figures = serve(folder, arguments.sizes)
    for size in arguments.sizes:
        figures[size] |= took[size] | apart(RECALL, folder / f"data-{size}")
    report = {
        "commit": commit(),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": facts,
        "corpus": about(folder / "sample"),
        "sizes": figures,
        "ingestion": ingestion(folder),
    }
    path = RESULTS / f"scale-{report['commit']}.json"
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    for name, svg in growth_plots(figures).items():
        path.with_name(f"{path.stem}-{name}.svg").write_text(svg, "utf-8")
    print(json.dumps(report["sizes"], indent=1), json.dumps(report["ingestion"], indent=1), f"written to {path}", sep="\n")


if __name__ == "__main__":
    main()
