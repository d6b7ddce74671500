"""Keys that may read a small share of many passages: latency, recall and nDCG@10 beside a key that reads everything.

    python -m benchmarks.scale.access FOLDER      # a million passages; writes benchmarks/results/access-COMMIT.json

FOLDER keeps the sample (see corpus.py) and the data folder. Documents are drawn at random into groups that read 1, 2, 5 and 20% of the
passages; the rest is in another collection, or in the same one for another group. All keys are asked the same new questions over HTTP in
turn: headlines of other sources. After each of some added documents the first question of every key is timed alone.

Recall is that of the best ten against exact search over what the key may read: of the dense leg by cosine, and of the fused ranking when
every readable passage is scored by both legs. nDCG@10 is over the headlines whose release the key may read, beside that of
the key that reads everything on the same headlines.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import shutil
import statistics
import subprocess
import sysconfig
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scale.corpus import RELEASES, SAMPLE, write_sample
from benchmarks.scale.run import about, apart, fill, headlines
from benchmarks.speed.processes import Server
from benchmarks.speed.serving import RESULTS, commit, machine
from index.access.audience import Audience
from index.embedded.filtering.readable import Readable
from index.embedded.policy import DEFAULT, Policy
from index.embedded.searcher import Searcher
from index.embedded.segments import generations
from index.embedded.segments.generations import generations_folder
from index.embedded.store.database import Database
from index.embedded.store.store import Store
from index.types import Embedder

PASSAGES = 1_000_000
SHARES = {"1%": 0.01, "2%": 0.02, "5%": 0.05, "20%": 0.2}
COLLECTION, OTHER = "press", "archive"
EVERYTHING = "everything"
QUESTIONS = {"never": 300, "auto": 150}  # by when the reading model reads
WARM_UP, BLOCK, ADDED = 60, 30, 7
RECALL_QUESTIONS, DEPTH = 200, 10
SMALLEST = "1%"
SCORED_EXACTLY = 3_000_000  # passages at most, of all questions of a key together
EXACT = replace(DEFAULT, few_allowed=10**9)
FILL, COMPARE = "fill", "compare"  # internal commands of child processes
MODULE = "benchmarks.scale.access"


def group_of(share: str) -> str:
    return f"readers-{share.rstrip('%')}"


@cache
def edits_of(document_id: str) -> Mapping[str, Any]:
    """The collection and the groups of a document."""
    drawn = random.Random(document_id).random()
    groups = [group_of(share) for share, part in SHARES.items() if drawn < part]
    return {"collection": COLLECTION if groups or drawn < 0.6 else OTHER, "access": groups or ["others"]}


def audiences() -> dict[str, Audience | None]:
    return {EVERYTHING: None, **{share: Audience((COLLECTION,), (group_of(share),)) for share in SHARES}}


def create_keys(data: Path) -> dict[str, str]:
    """A key that reads everything, one for each share, and one that writes."""
    bound = {share: ["--collections", COLLECTION, "--groups", group_of(share)] for share in SHARES}
    keys = {}
    for name, options in {EVERYTHING: [], **bound, "writer": []}.items():
        role = "write" if name == "writer" else "read"
        command = [str(Path(sysconfig.get_path("scripts")) / "qa"), "--data", str(data), "key", "create", "--role", role]
        named = f"{name.rstrip('%')} {time.time_ns()}"
        made = subprocess.run([*command, "--name", named, *options], stdout=subprocess.PIPE, text=True, check=True)
        keys[name] = made.stdout.strip()
    return keys


def serve(data: Path) -> dict[str, Any]:
    """Milliseconds over HTTP of one client, all keys in turn."""
    keys = create_keys(data)
    writer = keys.pop("writer")
    asked = headlines(WARM_UP + sum(QUESTIONS.values()) + ADDED)
    server = Server(data, data.parent / "log")
    try:
        for text in _take(asked, WARM_UP):
            for key in keys.values():
                server.post("/v1/search", {"query": text}, key)
        figures = {f"read_{read}": _in_turn(server, keys, _take(asked, count), read) for read, count in QUESTIONS.items()}
        figures["first_after_a_change"] = _after_changes(server, keys, writer, asked)
        return figures
    finally:
        server.stop()


def _take(questions: list[str], count: int) -> list[str]:
    taken, questions[:] = questions[:count], questions[count:]
    return taken


def _in_turn(server: Server, keys: Mapping[str, str], questions: Sequence[str], read: str) -> dict[str, Any]:
    times: dict[str, list[float]] = {name: [] for name in keys}
    names = list(keys)
    for number, first in enumerate(range(0, len(questions), BLOCK)):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            for text in questions[first : first + BLOCK]:
                times[name].append(server.post("/v1/search", {"query": text, "read": read}, keys[name])[0])
    everything = statistics.median(times[EVERYTHING])
    return {
        name: {
            "median_milliseconds": round(statistics.median(values), 2),
            "p95_milliseconds": round(statistics.quantiles(values, n=20)[-1], 2),
            "ratio_to_everything": round(statistics.median(values) / everything, 3),
        }
        for name, values in times.items()
    }


def _after_changes(server: Server, keys: Mapping[str, str], writer: str, questions: Sequence[str]) -> dict[str, float]:
    """Medians of the first question of each key after a document was added, each after a document of its own."""
    times: dict[str, list[float]] = {name: [] for name in keys}
    for number, text in enumerate(questions):
        for name, key in keys.items():
            word = f"quokka-{number}-{name.rstrip('%')}"
            body = json.dumps({"id": word, "title": word, "text": f"The {word} is a marsupial of Rottnest Island."})
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {writer}"}
            server.connection.request("POST", "/v1/documents", body, headers)
            accepted = json.loads(server.connection.getresponse().read())
            while _job(server, accepted["job"]["id"], writer) != "done":
                time.sleep(0.05)
            times[name].append(server.post("/v1/search", {"query": text, "read": "never"}, key)[0])
    return {name: round(statistics.median(values), 2) for name, values in times.items()}


def _job(server: Server, job: int, key: str) -> str:
    server.connection.request("GET", f"/v1/jobs/{job}", headers={"Authorization": f"Bearer {key}"})
    return str(json.loads(server.connection.getresponse().read())["status"])


class Searches:
    """The index of a folder as an audience searches it."""

    def __init__(self, store: Store, embedder: Embedder, policy: Policy) -> None:
        generation = generations.load_newest(generations_folder(store.folder), store, embedder.fingerprint, policy)
        self.searcher = Searcher(store, embedder, generation, policy)
        self.readable = Readable(store._database, policy)

    def best(self, question: str, audience: Audience | None, count: int) -> list[int]:
        """The ids of the best passages, without merging near-duplicates."""
        with self.searcher.snapshot() as index:
            ids, known = self.readable.select(index, None, audience)
            query = self.searcher.prepare(question, readable=self.readable.passages(index, audience))
            ranking = self.searcher.rank(index, query, known, ids)
            return [candidate.passage_id for candidate in ranking.candidates[:count]]

    def dense(self, question: str, embedder: Embedder, audience: Audience | None) -> tuple[float, float]:
        """Recall@10 of the dense leg against exact search, and its milliseconds."""
        from index.embedded.dense.recall import TOLERANCE, best_scores

        vector = embedder.embed_question(question)
        with self.searcher.snapshot() as index:
            ids = self.readable.select(index, None, audience)[0]
            began = time.perf_counter()
            found = index.nearest(vector, ids)
            took = (time.perf_counter() - began) * 1000
            scores = np.concatenate(
                [part.vectors.scores(vector, each) for part, each in zip(index.parts, found, strict=True) if len(each)]
            )
            rows = [part.vectors.scores(vector, part.vectors.ids if ids is None else ids) for part in index.parts]
            every = np.concatenate(rows)
            best = best_scores(every[~np.isnan(every)][:, None], np.ones((1, 1), np.float32))[0]
        return float(min((scores >= best[-1] - TOLERANCE).sum(), len(best)) / len(best)), took


def compare(data: Path) -> dict[str, Any]:
    """Recall and nDCG@10 of the index, and of exact search over what each key may read."""
    from index.embedding.loading import load_embedder
    from index.embedding.model_files import DEFAULT_MODEL
    from qa.evaluation.measures import ranking_measures

    embedder = load_embedder(DEFAULT_MODEL, data / "models")
    store = Store(Database(data, read_only=True))
    searches, exact = Searches(store, embedder, DEFAULT), Searches(store, embedder, EXACT)

    def ndcg(of: Searches, audience: Audience | None, judged: Mapping[str, str]) -> float:
        found = {text: store.passages(of.best(text, audience, 5 * DEPTH)) for text in judged}
        ranked = {text: list(dict.fromkeys(each.document.id for each in every))[:DEPTH] for text, every in found.items()}
        values = ranking_measures(ranked, {text: {release: 1} for text, release in judged.items()})["nDCG@10"]
        return round(statistics.mean(values.values()), 4)

    figures: dict[str, Any] = {}
    for name, audience in audiences().items():
        with searches.searcher.snapshot() as index:
            known = searches.readable.passages(index, audience)
            passages = index.passages if known is None else len(known.ids)
        some = headlines(RECALL_QUESTIONS)
        dense = [searches.dense(text, embedder, audience) for text in some]
        figures[name] = {
            "passages": passages,
            "recall_dense": round(statistics.mean(value for value, _ in dense), 4),
            "dense_milliseconds": round(statistics.median(took for _, took in dense), 2),
        }
        if audience is not None:
            some = some[: max(SCORED_EXACTLY // passages, 10)]
            shared = [len({*searches.best(text, audience, DEPTH)} & {*exact.best(text, audience, DEPTH)}) for text in some]
            figures[name] |= {"recall_ranking": round(statistics.mean(shared) / DEPTH, 4), "recall_questions": len(some)}
            judged = _judged(store, name)
            figures[name] |= {"judged_questions": len(judged), "ndcg": ndcg(searches, audience, judged)}
            figures[name]["ndcg_of_everything"] = ndcg(searches, None, judged)
            if name == SMALLEST:
                figures[name]["ndcg_exact"] = ndcg(exact, audience, judged)
    return figures


def _judged(store: Store, share: str) -> dict[str, str]:
    """Headlines with their releases, of those releases that a share holds."""
    with RELEASES.with_name("headlines_qrels.tsv").open(encoding="utf-8") as file:
        release_of = dict(line.split("\t")[:2] for line in file.read().splitlines()[1:])
    with gzip.open(RELEASES.with_name("headlines.jsonl.gz"), "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    group = group_of(share)
    within = {row["text"]: release_of[row["_id"]] for row in rows if group in edits_of(release_of[row["_id"]])["access"]}
    return {text: release for text, release in within.items() if store.has_document(release)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--passages", type=int, default=PASSAGES)
    parser.add_argument("--prepare", action="store_true", help="only create the data folder")
    arguments = parser.parse_args()
    if arguments.work:
        work, data, *rest = arguments.work
        done = fill(Path(data), Path(rest[0]), int(rest[1]), edits_of) if work == FILL else compare(Path(data))
        print(json.dumps(done))
        return
    folder = arguments.folder.resolve()
    data = folder / f"access-{arguments.passages}"
    if not (data / "prepared.json").exists():
        from index.embedding.loading import load_embedder
        from index.embedding.model_files import DEFAULT_MODEL

        write_sample(folder / "sample", load_embedder(DEFAULT_MODEL, folder / "models"), SAMPLE)
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(folder / "models", data / "models")
        (data / "prepared.json").write_text(json.dumps(apart(FILL, data, folder / "sample", arguments.passages, module=MODULE)))
    if arguments.prepare:
        return
    report = {
        "commit": commit(),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "passages": arguments.passages,
        "corpus": about(folder / "sample") | json.loads((data / "prepared.json").read_text()),
        "compared": apart(COMPARE, data, module=MODULE),
        "http": serve(data),
    }
    path = RESULTS / f"access-{arguments.passages}-{report['commit']}.json"
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(json.dumps(report, indent=1), f"written to {path}", sep="\n")


if __name__ == "__main__":
    main()
