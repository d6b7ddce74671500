"""Derived indexes on disk: built beside the running ones, verified, put in place in one step, discarded when damaged.

A generation is a folder `000007/` with a folder for each of its segments and a manifest that holds the files' SHA-256. It is
derived from the store and from nowhere else, so the answer to any doubt about it is to build another. A segment that two
generations share is on disk once (hard links).
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

from index import durable_files
from index.durable_files import translate_disk_errors
from index.embedded.dense.recall import Recall
from index.embedded.policy import DEFAULT, Policy
from index.embedded.segments.segment_process import build_segment
from index.embedded.segments.segments import Segment, Span, load, read_recall
from index.embedded.segments.self_test import matches_store
from index.embedded.store.store import Store
from index.text.abbreviations import Abbreviations
from index.text.spelling import Speller
from index.types import DamagedIndex

log = logging.getLogger(__name__)

FORMAT = 4
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Generation:
    """Segments one after another: together they hold the passages up to `last_passage_id`, as they stood when each was built."""

    number: int
    segments: tuple[Segment, ...]

    @property
    def last_passage_id(self) -> int:
        return self.segments[-1].span.last

    @property
    def speller(self) -> Speller:
        """Of the segment with the most passages, which is most of the corpus."""
        return max(self.segments, key=lambda segment: segment.passages).speller

    @property
    def abbreviations(self) -> Abbreviations:
        """Of all segments; where two explain one otherwise, that with more passages is believed."""
        rising = sorted(self.segments, key=lambda segment: segment.passages)
        return Abbreviations.joined([segment.abbreviations for segment in rising])


def newest(
    folder: Path, store: Store, fingerprint: str, policy: Policy = DEFAULT, *, discard: bool = True
) -> Generation | None:
    """The newest generation that is whole and belongs to this store and model; None where there is none.

    Others, and what builds that were killed have left, are taken off the disk if `discard` is set (the caller must be the only writer).
    """
    if discard:
        for leftover in folder.glob(".part-*"):  # of a build that was killed
            shutil.rmtree(leftover, ignore_errors=True)
    for path in reversed(folders(folder)):
        try:
            generation = _load(path, store, fingerprint, policy)
        except DamagedIndex as damage:
            log.warning("%s; it will be built anew", damage)
            if discard:
                shutil.rmtree(path, ignore_errors=True)
            continue
        return generation
    return None


def recalls(folder: Path) -> list[Recall]:
    """What was measured of each segment of the newest generation whose search is approximate. Nothing is verified."""
    newest_ = max(folders(folder), default=folder)
    return [found for part in sorted(newest_.glob("*-*")) if (found := read_recall(part))]


def build(
    folder: Path,
    store: Store,
    fingerprint: str,
    dimension: int,
    running: Generation | None = None,
    keep: int = 0,
    policy: Policy = DEFAULT,
) -> Generation:
    """Build, write, verify and load the next generation from what the store holds now.

    The first `keep` segments of the running one are taken over as they are.
    """
    unchanged = running.segments[:keep] if running else ()
    span = Span(unchanged[-1].span.last if unchanged else 0, store.last_passage_id())
    with prepared(folder, store, fingerprint, dimension, span, policy=policy) as segment:
        return publish(folder, store, fingerprint, segment, running, policy)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A segment that was built and is on disk, with the SHA-256 of its files, which belongs to no generation yet."""

    span: Span
    folder: Path
    files: Mapping[str, str]


@contextmanager
def prepared(
    folder: Path,
    store: Store,
    fingerprint: str,
    dimension: int,
    span: Span,
    stopping: Event | None = None,
    policy: Policy = DEFAULT,
) -> Iterator[Prepared]:
    """Build the segment of a span, which is deleted afterwards unless it was published. Takes long, and needs no lock.

    Raises BuildStopped when `stopping` is set meanwhile, StorageFull or StoreError where it cannot be written.
    """
    with translate_disk_errors(folder):
        folder.mkdir(exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=folder, prefix=".part-", ignore_cleanup_errors=True)
    with scratch as place:
        part = Path(place) / _name(span)
        with translate_disk_errors(folder):
            part.mkdir()
            build_segment(part, store, fingerprint, dimension, span, policy, stopping)
            durable_files.sync_tree(part)
            files = {f"{part.name}/{name}": durable_files.file_sha256(part / name) for name in _files(part)}
        yield Prepared(span, part, files)


def publish(
    folder: Path, store: Store, fingerprint: str, segment: Prepared, running: Generation | None, policy: Policy = DEFAULT
) -> Generation:
    """The next generation: that segment, and those of the running one outside its span.

    Deletes all but the last `policy.generations`.

    Raises DamagedIndex where it cannot be read back, StorageFull or StoreError where it cannot be written.
    """
    span, number = segment.span, int(before[-1].name) + 1 if (before := folders(folder)) else 1
    shared = [s for s in running.segments if s.span.last <= span.after or s.span.after >= span.last] if running else []
    spans = sorted([span, *(other.span for other in shared)], key=lambda span: span.after)
    if any(one.last != next_.after for one, next_ in pairwise(spans)):
        raise ValueError(f"the segments {spans} do not follow one another")
    with translate_disk_errors(folder):
        path = _put_in_place(folder, store, fingerprint, segment, spans, number, running, shared)
    try:
        built = load(path / _name(span), span, policy)
    except Exception as error:  # whatever the engines raise
        raise DamagedIndex(f"the index just written to {path} cannot be read back ({error}); check the disk") from error
    if not matches_store(built, store, fingerprint):
        shutil.rmtree(path, ignore_errors=True)
        raise DamagedIndex(f"the index just written to {path} does not find what the store holds; it is not used")
    for old in folders(folder)[: -policy.generations]:
        shutil.rmtree(old, ignore_errors=True)
    return Generation(number, tuple(sorted([built, *shared], key=lambda segment: segment.span.after)))


def _put_in_place(
    folder: Path,
    store: Store,
    fingerprint: str,
    segment: Prepared,
    spans: Sequence[Span],
    number: int,
    running: Generation | None,
    shared: Sequence[Segment],
) -> Path:
    """Where the generation stands when it is whole and on disk."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".part-", ignore_cleanup_errors=True) as scratch:
        whole = Path(scratch) / "generation"
        whole.mkdir()
        segment.folder.rename(whole / segment.folder.name)
        files = dict(segment.files)
        if running and shared:
            files |= _taken_over(folder / f"{running.number:06}", whole, {_name(other.span) for other in shared})
        manifest = {
            "format": FORMAT,
            "store": store.identity,
            "fingerprint": fingerprint,
            "changes": store.changes,
            "segments": [[span.after, span.last] for span in spans],
            "files": files,
        }
        durable_files.write_json(whole / MANIFEST, manifest)
        durable_files.sync_tree(whole)
        path = whole.rename(folder / f"{number:06}")
    durable_files.sync(folder)
    return path


def _taken_over(before: Path, whole: Path, names: Collection[str]) -> dict[str, str]:
    """Link the files of these segments into the new generation (copy where the file system has no links); their SHA-256."""
    digests = durable_files.read_json(before / MANIFEST)["files"]
    of_segments = {name: digest for name, digest in digests.items() if name.split("/")[0] in names}
    for name in of_segments:
        (whole / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(before / name, whole / name)
        except OSError:
            shutil.copyfile(before / name, whole / name)
    return of_segments


def _load(path: Path, store: Store, fingerprint: str, policy: Policy) -> Generation:
    manifest = verify(path)
    spans = [Span(after, last) for after, last in manifest["segments"]]
    # Of more changes: an older copy of the store was put in place, so what it holds again would be missing here.
    if manifest["store"] != store.identity or manifest["changes"] > store.changes:
        raise DamagedIndex(f"the index {path} was not built from this store")
    if manifest["fingerprint"] != fingerprint:
        raise DamagedIndex(f"the index {path} was built with another embedding model")
    try:
        segments = tuple(load(path / _name(span), span, policy) for span in spans)
    except Exception as error:  # whatever the engines raise: the files are verified, so this is another version's format
        raise DamagedIndex(f"the index {path} cannot be loaded ({error})") from error
    return Generation(int(path.name), segments)


def _name(span: Span) -> str:
    return f"{span.after}-{span.last}"


def verify(path: Path) -> dict[str, Any]:
    """The manifest of a generation, all of whose files are what was written. Raises DamagedIndex."""
    try:
        manifest = durable_files.read_json(path / MANIFEST)
        if manifest["format"] != FORMAT:
            raise DamagedIndex(f"the index {path} has format {manifest['format']}, this version writes {FORMAT}")
        with ThreadPoolExecutor() as pool:  # hashing takes no lock of Python's, and is what a start waits for
            found = dict(
                zip(
                    manifest["files"],
                    pool.map(durable_files.file_sha256, [path / name for name in manifest["files"]]),
                    strict=True,
                )
            )
        damaged = [name for name, digest in manifest["files"].items() if found[name] != digest]
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
