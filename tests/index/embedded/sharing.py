"""Processes that share a data folder, for the tests: one changes documents, others search.

    python -m tests.index.embedded.sharing change FOLDER JOURNAL STEPS
    python -m tests.index.embedded.sharing search FOLDER JOURNAL SEARCHES
    python -m tests.index.embedded.sharing ingest FOLDER

The journal has a line for each change before it is made and after it is acknowledged, so that a search can tell what it must find.
"""

from __future__ import annotations

import random
import sys
import time
from collections import defaultdict
from pathlib import Path

from corpus.types import Document, Passage
from index.embedded.opening import open_engine_to_read, open_engine_to_share, open_engine_to_write
from index.embedded.policy import Policy
from index.engine import Engine
from index.types import Embedder
from qa.ingest.worker import Worker
from qa.ingest.writer import DocumentWriter
from tests.index.engine.reference import HashingEmbedder

POLICY = Policy(unindexed=4, merged_at_once=8)
DOCUMENTS, PASSAGES = 6, 3
REMOVED = 0  # instead of a version
SEARCHES_UNTIL_OPENED_AGAIN = 8


def hashing(_: str | None) -> tuple[str, Embedder]:
    return "hashing", HashingEmbedder()


def put(engine: Engine, document_id: str, version: int) -> None:
    parts = [f"otter {document_id} {version}" for _ in range(PASSAGES)]
    document = Document(text="\n\n".join(parts), title="", id=document_id)
    length = len(parts[0])
    starts = [place * (length + 2) for place in range(PASSAGES)]
    passages = [Passage(start, start + length, parts[0], (), "") for start in starts]
    engine.put(document_id, document, passages, HashingEmbedder().embed_passages(parts))


def versions_found(engine: Engine) -> dict[str, list[int]]:
    """The versions of all passages found, by document."""
    found = defaultdict(list)
    query = engine.prepare("otter", spelling=False)
    with engine.snapshot() as snapshot:
        candidates = snapshot.search(query).candidates
        stored = snapshot.passages([candidate.passage_id for candidate in candidates])
    assert len(stored) == len(candidates), "a passage was found that is not stored"
    for passage in stored:
        found[passage.document.id].append(int(passage.passage.text.split()[-1]))
    return dict(found)


class Journal:
    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, word: str, document_id: str, version: int) -> None:
        with self.path.open("a") as file:
            file.write(f"{word} {document_id} {version}\n")

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.path.read_text().splitlines()]

    def check(self, before: int, found: dict[str, list[int]]) -> None:
        """Raise AssertionError unless a search begun after the first `before` lines may have found this."""
        lines = self.lines()
        for document_id in {name for _, name, _ in lines}:
            own = [(place, word, int(version)) for place, (word, name, version) in enumerate(lines) if name == document_id]
            done = [(place, version) for place, word, version in own if word == "done" and place < before]
            last, current = done[-1] if done else (-1, REMOVED)
            possible = {current, *(version for place, word, version in own if word == "begin" and place > last)}
            versions = found.get(document_id, [REMOVED])
            assert set(versions) <= possible, f"{document_id}: found {versions}, possible are {possible}"
            assert versions == [REMOVED] or versions == [versions[0]] * PASSAGES, f"{document_id}: found {versions}"


def change(folder: Path, journal: Journal, steps: int) -> None:
    """Replace and remove documents, building and merging indexes meanwhile."""
    engine = open_engine_to_write(folder, hashing, POLICY)
    journal.check(len(journal.lines()), versions_found(engine))
    random_ = random.Random(len(journal.lines()))
    version = len(journal.lines())
    print("open", flush=True)
    for _ in range(steps):
        version += 1
        document_id = f"d{random_.randrange(DOCUMENTS)}"
        new = REMOVED if random_.random() < 0.3 else version
        journal.note("begin", document_id, new)
        if new == REMOVED:
            engine.remove(document_id)
        else:
            put(engine, document_id, version)
        journal.note("done", document_id, new)
        engine.maintain()
    engine.wait_for_merges()
    engine.close()
    print(f"changed {engine_generation(folder)}", flush=True)


def engine_generation(folder: Path) -> int:
    reader = open_engine_to_read(folder, hashing, POLICY)
    generation = reader.status().generation
    reader.close()
    return generation


def search(folder: Path, journal: Journal, searches: int) -> None:
    """Search and check what is found; open the folder again now and then."""
    engine, generations = None, set()
    for number in range(searches):
        if number % SEARCHES_UNTIL_OPENED_AGAIN == 0:
            if engine:
                engine.close()
            share = number // SEARCHES_UNTIL_OPENED_AGAIN % 2
            engine = (open_engine_to_share if share else open_engine_to_read)(folder, hashing, POLICY)
        before = len(journal.lines())
        assert engine
        found = versions_found(engine)
        journal.check(before, found)
        generations.add(engine.generation)
        assert not engine.degraded
    if engine:
        engine.close()
    print(f"searched {len(generations)}", flush=True)


def ingest(folder: Path) -> None:
    """Ingest jobs until the process is killed."""
    writer = DocumentWriter(open_engine_to_write(folder, hashing, POLICY))
    Worker(writer).start()
    print("open", flush=True)
    time.sleep(10_000)


if __name__ == "__main__":
    command, place, *rest = sys.argv[1:]
    if command == "ingest":
        ingest(Path(place))
    else:
        {"change": change, "search": search}[command](Path(place), Journal(Path(rest[0])), int(rest[1]))
