"""Derived indexes on disk: built beside the running ones, verified, put in place in one step, discarded when damaged.

A generation is a folder `000007/` with the index files and a manifest that holds their SHA-256. It is derived from the store
and from nowhere else, so the answer to any doubt about it is to build another.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index import sealed
from index.analysis import words
from index.lexical import TantivyLexicalIndex
from index.self_probe import answers_as_the_store
from index.spelling import Speller
from index.store import Store
from index.types import DamagedIndex, LexicalIndex, VectorIndex
from index.vectors import FaissVectorIndex

log = logging.getLogger(__name__)

FORMAT = 2
MANIFEST = "manifest.json"
KEPT = 2  # the running generation and the one before it


@dataclass(frozen=True, slots=True)
class Generation:
    """Both indexes and the spelling of the passages up to `last_passage_id`, as they stood when it was built."""

    number: int
    last_passage_id: int
    vectors: VectorIndex
    lexical: LexicalIndex
    speller: Speller


def newest(folder: Path, store: Store, fingerprint: str, *, discard: bool = True) -> Generation | None:
    """The newest generation that is whole and belongs to this store and model; None where there is none.

    Others are taken off the disk if `discard` is set (the caller must be the only writer).
    """
    for path in reversed(folders(folder)):
        try:
            generation = _load(path, store, fingerprint)
        except DamagedIndex as damage:
            log.warning("%s; it will be built anew", damage)
            if discard:
                shutil.rmtree(path, ignore_errors=True)
            continue
        return generation
    return None


def build(folder: Path, store: Store, fingerprint: str, dimension: int) -> Generation:
    """Build, write, verify and load the next generation from what the store holds now; older ones beyond KEPT are deleted."""
    folder.mkdir(exist_ok=True)
    before = folders(folder)
    number = int(before[-1].name) + 1 if before else 1
    changes, last = store.changes, store.last_passage_id()
    for leftover in folder.glob(".part-*"):  # of a build that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".part-", ignore_cleanup_errors=True) as scratch:
        part = Path(scratch) / "generation"
        part.mkdir()
        vectors, lexical = FaissVectorIndex(dimension), TantivyLexicalIndex(part)
        spoken: Counter[str] = Counter()
        for ids, texts, matrix in store.passages_since(0, fingerprint):
            within = int((ids <= last).sum())
            vectors.add(ids[:within], matrix[:within])
            lexical.add(ids[:within], texts[:within])
            for text in texts[:within]:
                spoken.update(set(words(f"{text.title} {text.body}")))
        vectors.save(part)
        lexical.save(part)
        Speller.of(spoken, len(vectors)).save(part)
        manifest = {
            "format": FORMAT,
            "store": store.identity,
            "fingerprint": fingerprint,
            "changes": changes,
            "last_passage_id": last,
            "files": {name: sealed.file_sha256(part / name) for name in _files(part)},
        }
        sealed.write_json(part / MANIFEST, manifest)
        sealed.sync_below(part)
        part.rename(folder / f"{number:06}")
    sealed.sync(folder)
    generation = newest(folder, store, fingerprint)
    if generation is None or generation.number != number:
        raise DamagedIndex(f"the index just written to {folder} cannot be read back; check the disk")
    if not answers_as_the_store(generation, store, fingerprint):
        shutil.rmtree(folder / f"{number:06}", ignore_errors=True)
        raise DamagedIndex(f"the index just written to {folder} does not find what the store holds; it is not used")
    for path in folders(folder)[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)
    return generation


def _load(path: Path, store: Store, fingerprint: str) -> Generation:
    manifest = verify(path)
    # Of more changes: an older copy of the store was put in place, so what it holds again would be missing here.
    if manifest["store"] != store.identity or manifest["changes"] > store.changes:
        raise DamagedIndex(f"the index {path} was not built from this store")
    if manifest["fingerprint"] != fingerprint:
        raise DamagedIndex(f"the index {path} was built with another embedding model")
    try:
        vectors, lexical, speller = FaissVectorIndex.load(path), TantivyLexicalIndex.load(path), Speller.load(path)
    except Exception as error:  # whatever the engines raise: the files are verified, so this is another version's format
        raise DamagedIndex(f"the index {path} cannot be loaded ({error})") from error
    return Generation(int(path.name), manifest["last_passage_id"], vectors, lexical, speller)


def verify(path: Path) -> dict[str, Any]:
    """The manifest of a generation, all of whose files are what was written. Raises DamagedIndex."""
    try:
        manifest = sealed.read_json(path / MANIFEST)
        if manifest["format"] != FORMAT:
            raise DamagedIndex(f"the index {path} has format {manifest['format']}, this version writes {FORMAT}")
        damaged = [name for name, digest in manifest["files"].items() if sealed.file_sha256(path / name) != digest]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedIndex(f"the index {path} is incomplete ({error})") from error
    if damaged:
        raise DamagedIndex(f"the index {path} was altered: {', '.join(damaged)}")
    return manifest


def folders(folder: Path) -> list[Path]:
    """Of the generations below, oldest first."""
    return sorted(path for path in folder.glob("[0-9]*") if path.name.isdigit() and path.is_dir())


def _files(part: Path) -> list[str]:
    """What is verified: all but the lock files that tantivy leaves behind."""
    return sorted(path.relative_to(part).as_posix() for path in part.rglob("*") if path.is_file() and path.suffix != ".lock")
