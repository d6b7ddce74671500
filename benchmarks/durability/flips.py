"""Flip every byte of a small data folder in turn: the damage is reported, or every answer stays the same.

After each flip a reader opens and verifies all files, searches all questions, and lists and reads all documents and jobs. An error with
a next step counts as reported, any other exception as a crash.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from benchmarks.durability import small
from corpus.types import QuotableError
from index.embedded.opening import open_engine_to_read
from index.listing import DocumentQuery, DocumentState, SortKey
from index.types import Embedder
from qa.answering.calibration import AS_SHIPPED, read_calibration, write_calibration
from qa.state_files import FolderFiles

MASKS = (0x01, 0x80, 0xFF)
QUESTIONS = ("wizard studies", small.mark("1", 2), "adult passport pounds")
IGNORED = ("lock", "-shm", ".lock")  # never read, or recreated when the folder is opened


class Reader:
    """Reads a data folder as a read-only process does; the model is read again only after a flip in one of its files."""

    def __init__(self, data: Path, model: str) -> None:
        self._data, self._model = data, model
        self._embedder = self.embedder()

    def embedder(self) -> Embedder:
        from index.embedding.loading import verify_mapped
        from index.embedding.onnx_embedder import OnnxEmbedder, verify

        models = self._data / "models"
        exported, rounded = sorted(path for path in models.iterdir() if (path / "export.json").exists())
        verify(rounded)  # opening verifies the export itself
        copies = [verify_mapped(path) for path in models.glob("mapped-*") if path.is_dir()]
        return OnnxEmbedder(exported, exported.name, 1, copies[0] if copies else rounded / "model.onnx")

    def all(self, embedder: Embedder | None = None) -> tuple[list[Any], bool]:
        """All answers, and whether damage was reported. Raises QuotableError if the folder cannot be read."""
        embedder = embedder or self._embedder
        calibration = read_calibration(FolderFiles(self._data))
        engine = open_engine_to_read(self._data, lambda _: (self._model, embedder))
        with closing(engine):
            seen: list[Any] = [calibration, engine.counts(), engine.languages(), engine.generation]
            for question in QUESTIONS:
                candidates = engine.search(engine.prepare(question)).candidates
                stored = {found.id: found for found in engine.passages([c.passage_id for c in candidates])}
                seen += [(c.passage_id, c.score) for c in candidates if c.passage_id in stored]
                seen += [stored[i] for i in sorted(stored)]
            for document in engine.documents(limit=1_000):
                seen += [document, engine.content(document.id), engine.passages_of(document.id)]
            seen += [engine.page(DocumentQuery(sort=key)) for key in get_args(SortKey)]
            seen += [engine.page(DocumentQuery(title="a", state=state)) for state in get_args(DocumentState)]
            seen.append(engine.jobs.waiting())
            return seen, engine.degraded


def run(folder: Path, rounds: int, seed: int, part: slice) -> dict[str, Any]:
    """`rounds`: number of random bytes to flip; 0 for every byte. `lost`: changed answers and crashes."""
    model = small.make_model(folder / "model", folder / "data" / "models")
    data = folder / "data"
    _fill(data, model)
    reader = Reader(data, model)
    expected, damaged = reader.all()
    assert not damaged
    rng, counts, lost = random.Random(seed), Counter[str](), list[str]()
    places = [(path, place) for path in _files(data) for place in range(path.stat().st_size)]
    chosen = places if not rounds else sorted(rng.sample(places, min(rounds, len(places))))
    chosen = chosen[part]
    for path, place in chosen:
        outcome = _flip(reader, data, path, place, rng.choice(MASKS), expected)
        counts[outcome.split(":")[0]] += 1
        if outcome not in ("detected", "same"):
            lost.append(f"{path.relative_to(data)} byte {place}: {outcome}")
    return {"files": len(_files(data)), "bytes": len(places), "flipped": len(chosen), **counts, "lost": lost}


def _fill(data: Path, model: str) -> None:
    with small.open_writer(data, model) as writer:
        for name in range(4):
            small.put(writer, str(name), 1)
        small.put(writer, "1", 2)
        writer.engine.remove("2")
        writer.engine.rebuild()
        small.put(writer, "4", 1)  # not indexed
    write_calibration(FolderFiles(data), replace(AS_SHIPPED, intercept=0.1, questions=30))


def _files(data: Path) -> list[Path]:
    return sorted(path for path in data.rglob("*") if path.is_file() and not path.name.endswith(IGNORED))


def _flip(reader: Reader, data: Path, path: Path, place: int, mask: int, expected: list[Any]) -> str:
    with path.open("r+b") as file:
        file.seek(place)
        before = file.read(1)
        file.seek(place)
        file.write(bytes([before[0] ^ mask]))
    try:
        return _outcome(reader, path, expected)
    finally:
        with path.open("r+b") as file:
            file.seek(place)
            file.write(before)
        for leftover in ("damage.log", "store.sqlite-wal", "store.sqlite-shm"):
            with suppress(FileNotFoundError):
                (data / leftover).unlink()


def _outcome(reader: Reader, path: Path, expected: list[Any]) -> str:
    try:
        embedder = reader.embedder() if "models" in path.parts else None
        seen, reported = reader.all(embedder)
    except QuotableError:
        return "detected"
    except Exception as error:  # noqa: BLE001 - counted as a crash
        return f"crash: {type(error).__name__}: {error}"
    # A damaged index is logged and not loaded; the search is exact then.
    if seen[3] != expected[3]:
        reported = True
    if reported:
        return "detected"
    return "same" if repr(seen) == repr(expected) else "changed answers"
