"""Nodes are killed while documents are added, replaced, removed and searched: what is lost, half visible, or comes back.

    python -m benchmarks.cluster.kills           # ten rounds over three nodes, then two at once, then all; writes benchmarks/results
    python -m benchmarks.cluster.kills --small   # one round, and all at once; prints only

A writer keeps what was acknowledged: the last version of every document, and which were removed. Every passage of a document says its
version. Searchers check that a document is found with all its passages of one version that is no older than the one acknowledged
before the search began, and that a removed one is not found. While shards are missing, a search may find nothing if it says that a part
of the documents cannot be searched.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.speed.serving import RESULTS, commit, machine
from corpus.types import Document
from index.filters import Comparison
from index.opensearch.address import parse
from index.opensearch.connection import Connection
from index.opensearch.engine import ClusterEngine
from index.types import StoreError
from tests.index.engine.reference import HashingEmbedder
from tests.index.engine.test_engine_contract import passages_of
from tests.system.cluster.nodes import ClusterNode, LocalCluster, prepare, run_cluster
from tests.system.cluster.run import JARS

DOCUMENTS, PARTS = 200, 4
ROUNDS, SEARCHERS = 10, 32
CALM_SECONDS = 3.0  # before a kill and after the cluster is green again
EMBEDDER = HashingEmbedder()
REMOVED = -1


@dataclass
class Acknowledged:
    """The version of each document that was acknowledged last, REMOVED for a removed one. `begun`: the last that was begun."""

    versions: dict[str, int] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)


@dataclass
class Seen:
    """What the searchers saw."""

    searches: int = 0
    told: int = 0  # found nothing, and said that a part is missing
    wrong: list[str] = field(default_factory=list)
    errors: list[tuple[float, str]] = field(default_factory=list)
    writes: int = 0
    write_errors: list[tuple[float, str]] = field(default_factory=list)
    longest_search: float = 0.0


def engine_of(cluster: LocalCluster) -> ClusterEngine:
    return ClusterEngine(Connection(parse(cluster.engine("kills"))), lambda stored: ("hashing", EMBEDDER))


def document(name: str, version: int) -> Document:
    return Document("\n\n".join([f"{name} otter version{version}"] * PARTS), name, id=name)


def write(engine: ClusterEngine, known: Acknowledged, seen: Seen, ended: threading.Event) -> None:
    """Add, replace and remove documents; one that was not acknowledged may be there or not, and is written again."""
    draw, version = random.Random(1), 0
    while not ended.is_set():
        version += 1
        name = f"d{draw.randrange(DOCUMENTS):03}"
        removes = draw.random() < 0.1
        known.begun[name] = version
        known.versions.pop(name, None)
        try:
            if removes:
                engine.remove(name)
            else:
                made = document(name, version)
                passages = passages_of(made)
                engine.put(name, made, passages, EMBEDDER.embed_passages([passage.text for passage in passages]))
            known.versions[name] = REMOVED if removes else version
            seen.writes += 1
        except StoreError as error:
            seen.write_errors.append((time.monotonic(), str(error)))


def search(engine: ClusterEngine, known: Acknowledged, seen: Seen, ended: threading.Event, seed: int) -> None:
    draw = random.Random(seed)
    while not ended.is_set():
        name = f"d{draw.randrange(DOCUMENTS):03}"
        begun_before = known.begun.get(name)
        before = known.versions.get(name)
        began = time.monotonic()
        try:
            with engine.snapshot(Comparison("eq", "id", name)) as snapshot:
                ranking = snapshot.search(engine.prepare(f"{name} otter"))
                ids = [each.passage_id for each in ranking.candidates]
                texts = [stored.passage.text for stored in snapshot.passages(ids)]
        except StoreError as error:
            seen.errors.append((time.monotonic(), str(error)))
            time.sleep(0.05)
            continue
        seen.searches += 1
        seen.longest_search = max(seen.longest_search, time.monotonic() - began)
        if texts and (len(texts) != PARTS or len(set(texts)) != 1):
            seen.wrong.append(f"half: {name} {texts}")
        if not texts and ranking.partial:  # it said that some documents cannot be searched now
            seen.told += 1
        elif before is not None and known.begun.get(name) == begun_before:  # nothing was written meanwhile
            found = int(texts[0].rpartition("version")[2]) if texts else REMOVED
            if found != before:
                seen.wrong.append(f"{name}: {found} instead of {before}")


def await_departure(cluster: LocalCluster, gone: ClusterNode) -> None:
    """Until the others know that a node has left; on a busy machine they may call the cluster green before."""
    (asked, *_) = [node for node in cluster.nodes if node is not gone]
    while True:
        with suppress(OSError, ValueError):
            if asked.request("/_cluster/health?timeout=1s")["number_of_nodes"] < len(cluster.nodes):
                return
        time.sleep(0.1)


def kill(cluster: LocalCluster, nodes: Sequence[ClusterNode], seen: Seen) -> dict[str, Any]:
    """Kill nodes, start them again and wait for green; what the searchers saw since."""
    errors, write_errors, killed = len(seen.errors), len(seen.write_errors), time.monotonic()
    for node in nodes:
        node.kill()
    time.sleep(CALM_SECONDS)
    if len(nodes) == 1:
        await_departure(cluster, nodes[0])
    for node in nodes:
        node.start()
    cluster.wait_for()
    green = time.monotonic() - killed
    time.sleep(CALM_SECONDS)
    failed = [moment - killed for moment, _ in seen.errors[errors:]]
    return {
        "killed": len(nodes),
        "green_after": round(green, 1),
        "search_errors": len(failed),
        "last_search_error_after": round(max(failed, default=0.0), 1),
        "write_errors": len(seen.write_errors) - write_errors,
    }


def check(engine: ClusterEngine, known: Acknowledged) -> dict[str, int]:
    """At the end, with nothing written any more."""
    found: Counter[str] = Counter()
    for name, version in known.versions.items():
        content = engine.content(name)
        stored = int(content.text.rpartition("version")[2]) if content else REMOVED
        found["checked"] += 1
        found["lost"] += version != REMOVED and stored != version
        found["came_back"] += version == REMOVED and stored != REMOVED
        found["half"] += content is not None and len(engine.passages_of(name)) != PARTS
    return dict(found)


def run(rounds: int, searchers: int, two: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        cluster = stack.enter_context(run_cluster(prepare(JARS), Path(folder), 3))
        writing, reading = engine_of(cluster), engine_of(cluster)
        stack.callback(writing.close)
        stack.callback(reading.close)
        known, seen, ended = Acknowledged(), Seen(), threading.Event()
        threads = [threading.Thread(target=write, args=(writing, known, seen, ended))]
        threads += [threading.Thread(target=search, args=(reading, known, seen, ended, seed)) for seed in range(searchers)]
        for thread in threads:
            thread.start()
        kills = []
        try:
            time.sleep(CALM_SECONDS)
            for _ in range(rounds):
                for node in cluster.nodes:
                    kills.append(kill(cluster, [node], seen))
                    print(json.dumps(kills[-1]), flush=True)
            for nodes in ([cluster.nodes[:2]] if two else []) + [cluster.nodes]:
                kills.append(kill(cluster, nodes, seen))
                print(json.dumps(kills[-1]), flush=True)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        final = check(writing, known)
    return {
        "kills": kills,
        "acknowledged": seen.writes,
        "searches": seen.searches,
        "searches_that_said_a_part_is_missing": seen.told,
        "longest_search_seconds": round(seen.longest_search, 2),
        "wrong_searches": len(seen.wrong),
        "examples": seen.wrong[:5],
        "at_the_end": final,
        "messages": Counter(message for _, message in seen.errors + seen.write_errors).most_common(6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--searchers", type=int, default=SEARCHERS)
    arguments = parser.parse_args()
    before = machine()
    rounds, searchers = (1, 4) if arguments.small else (arguments.rounds, arguments.searchers)
    results = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": before,
        "searchers": searchers,
        **run(rounds, searchers, two=not arguments.small),
    }
    print(json.dumps(results, indent=2))
    if not arguments.small:
        (RESULTS / f"cluster-kills-{commit()}.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
