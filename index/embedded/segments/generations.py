"""Generations: the derived indexes on disk. Built beside the current one, verified, renamed into place, deleted when damaged.

A generation is a folder `000007/` with a folder per segment and a manifest with the files' SHA-256. It is derived from the store
alone, so any doubt about it is resolved by building another. Generations share the files of unchanged segments by hard links.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

from index import durable_files
from index.durable_files import translate_disk_errors
from index.embedded.dense.recall import Recall
from index.embedded.policy import DEFAULT, Policy
from index.embedded.segments.manifest import FORMAT, MANIFEST, digest_of, verify
from index.embedded.segments.segment_process import write_segment_apart
from index.embedded.segments.segments import Segment, Span, load_segment, read_recall
from index.embedded.segments.self_test import matches_store
from index.embedded.store.store import Store
from index.text.spelling import Speller
from index.types import DamagedIndex

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Generation:
    """Consecutive segments that cover the passage ids up to `last_passage_id`."""

    number: int
    segments: tuple[Segment, ...]

    @property
    def last_passage_id(self) -> int:
        return self.segments[-1].span.last

    @property
    def speller(self) -> Speller:
        """The speller of the largest segment, which covers most of the corpus."""
        return max(self.segments, key=lambda segment: segment.passages).speller


def load_newest(
    folder: Path, store: Store, fingerprint: str, policy: Policy = DEFAULT, loaded: Sequence[Segment] = ()
) -> Generation | None:
    """The newest undamaged generation of this store and model, or None. Deletes nothing.

    `loaded`: segments to use again where the generation has the same. Its owner may publish and delete generations meanwhile.
    """
    while True:
        for path in reversed(list_folders(folder)):
            try:
                return _load(path, store, fingerprint, policy, loaded)
            except DamagedIndex as damage:
                if not path.exists():
                    break  # replaced by a newer one
                log.warning("%s; it will be rebuilt", damage)
        else:
            return None


def recover_newest(folder: Path, store: Store, fingerprint: str, policy: Policy = DEFAULT) -> Generation | None:
    """As `load_newest`, but delete newer, unusable generations and the leftovers of killed builds.

    The caller must be the only writer.
    """
    for leftover in folder.glob(".part-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    generation = load_newest(folder, store, fingerprint, policy)
    for path in list_folders(folder):
        if generation is None or int(path.name) > generation.number:
            _delete(path)
    return generation


def is_on_disk(folder: Path, generation: Generation) -> bool:
    """Whether the owner of the folder still keeps a generation, and with it the ids of all passages removed from it."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        manifest = durable_files.read_json(folder / f"{generation.number:06}" / MANIFEST)
        digests = [digest_of(manifest["files"], _name(Span(after, last))) for after, last in manifest["segments"]]
        return digests == [segment.digest for segment in generation.segments]
    return False


def newest_mark(folder: Path) -> tuple[str, int]:
    """Another value for each generation that becomes the newest on disk: a number may be given again after damage."""
    newest = max(list_folders(folder), default=None)
    with suppress(OSError):
        return (newest.name, newest.stat().st_mtime_ns) if newest else ("", 0)
    return "", 0


def generations_folder(data: Path) -> Path:
    """The folder of the generations in a data folder."""
    return data / "generations"


def read_layout(folder: Path) -> tuple[int, list[Span]]:
    """Number and spans of the newest generation on disk, read without verification; 0 and none without one."""
    newest = max(list_folders(folder), default=None)
    if newest is None:
        return 0, []
    spans = [Span(*map(int, part.name.split("-"))) for part in newest.glob("*-*")]
    return int(newest.name), sorted(spans, key=lambda span: span.after)


def read_recalls(folder: Path) -> list[Recall]:
    """The measured recall of each approximate segment of the newest generation, read without verification."""
    newest = max(list_folders(folder), default=folder)
    return [found for part in sorted(newest.glob("*-*")) if (found := read_recall(part))]


def build(
    folder: Path,
    store: Store,
    fingerprint: str,
    dimension: int,
    running: Generation | None = None,
    keep: int = 0,
    policy: Policy = DEFAULT,
    accept: Callable[[Generation], None] | None = None,
) -> Generation:
    """Build, verify and load the next generation from the store; the first `keep` segments of `running` are reused.

    `accept`: called with the new generation before any process can find it; nothing is published if it raises.
    """
    unchanged = running.segments[:keep] if running else ()
    span = Span(unchanged[-1].span.last if unchanged else 0, store.last_passage_id())
    with build_segment(folder, store, fingerprint, dimension, span, policy=policy) as segment:
        if accept:
            accept(Generation(0, (*unchanged, _load_built(segment.folder, segment, policy))))
        return publish(folder, store, fingerprint, segment, running, policy)


@dataclass(frozen=True, slots=True)
class BuiltSegment:
    """A segment on disk that belongs to no generation yet. `files`: name -> SHA-256."""

    span: Span
    folder: Path
    files: Mapping[str, str]


@contextmanager
def build_segment(
    folder: Path,
    store: Store,
    fingerprint: str,
    dimension: int,
    span: Span,
    stopping: Event | None = None,
    policy: Policy = DEFAULT,
) -> Iterator[BuiltSegment]:
    """Build the segment of a span, and delete it on exit unless it was published. Slow; needs no lock.

    Raises BuildStopped if `stopping` is set meanwhile, StorageFull or StoreError if the segment cannot be written.
    """
    with translate_disk_errors(folder):
        folder.mkdir(exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=folder, prefix=".part-", ignore_cleanup_errors=True)
    with scratch as place:
        part = Path(place) / _name(span)
        with translate_disk_errors(folder):
            part.mkdir()
            write_segment_apart(part, store, fingerprint, dimension, span, policy, stopping)
            durable_files.sync_tree(part)
            files = {f"{part.name}/{name}": durable_files.file_sha256(part / name) for name in _files(part)}
        yield BuiltSegment(span, part, files)


def publish(
    folder: Path, store: Store, fingerprint: str, segment: BuiltSegment, running: Generation | None, policy: Policy = DEFAULT
) -> Generation:
    """Write the next generation: this segment, and those of `running` outside its span. Keep the last `policy.generations`.

    Raises DamagedIndex if it cannot be read back or fails its self-test, StorageFull or StoreError if it cannot be written.
    """
    span, before = segment.span, list_folders(folder)
    shared = [s for s in running.segments if s.span.last <= span.after or s.span.after >= span.last] if running else []
    spans = sorted([span, *(other.span for other in shared)], key=lambda span: span.after)
    if any(one.last != next_.after for one, next_ in pairwise(spans)):
        raise ValueError(f"the segments {spans} are not consecutive")
    number = int(before[-1].name) + 1 if before else 1
    path = folder / f"{number:06}"
    manifest = {
        "format": FORMAT,
        "store": store.identity,
        "fingerprint": fingerprint,
        "changes": store.changes,
        "segments": [[span.after, span.last] for span in spans],
    }
    with translate_disk_errors(folder):
        linked = [folder / f"{running.number:06}" / _name(other.span) for other in shared] if running else []
        _write_generation(path, manifest, segment, linked)
    built = _load_built(path / _name(span), segment, policy)
    if not matches_store(built, store, fingerprint):
        _delete(path)
        raise DamagedIndex(
            f"the index just written to {path} does not match the store and is not used; check the disk and memory"
        )
    for old in list_folders(folder)[: -policy.generations]:
        _delete(old)
    return Generation(number, tuple(sorted([built, *shared], key=lambda segment: segment.span.after)))


def _load_built(path: Path, segment: BuiltSegment, policy: Policy) -> Segment:
    """Load a segment that was just written. Raises DamagedIndex."""
    try:
        return load_segment(path, segment.span, digest_of(segment.files, _name(segment.span)), policy)
    except Exception as error:  # any exception of FAISS, tantivy or NumPy
        raise DamagedIndex(f"the index just written to {path} cannot be read back ({error}); check the disk") from error


def _write_generation(path: Path, manifest: dict[str, Any], segment: BuiltSegment, linked: Sequence[Path]) -> None:
    """Move the new segment and link the others into a temporary folder, sync it and rename it to `path`."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-", ignore_cleanup_errors=True) as scratch:
        whole = Path(scratch) / "generation"
        whole.mkdir()
        segment.folder.rename(whole / segment.folder.name)
        files = dict(segment.files)
        for other in linked:
            files |= _link_segment(other, whole)
        durable_files.write_json(whole / MANIFEST, manifest | {"files": files})
        durable_files.sync_tree(whole)
        whole.rename(path)
    durable_files.sync(path.parent)


def _link_segment(segment: Path, whole: Path) -> dict[str, str]:
    """Hard-link a segment's files into the new generation, or copy them if links fail. Returns their SHA-256 by the old manifest."""
    digests = durable_files.read_json(segment.parent / MANIFEST)["files"]
    files = {name: digest for name, digest in digests.items() if name.split("/")[0] == segment.name}
    for name in files:
        (whole / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(segment.parent / name, whole / name)
        except OSError:
            shutil.copyfile(segment.parent / name, whole / name)
    return files


def _load(path: Path, store: Store, fingerprint: str, policy: Policy, loaded: Sequence[Segment]) -> Generation:
    manifest = verify(path, [segment.digest for segment in loaded])
    spans = [Span(after, last) for after, last in manifest["segments"]]
    store.renew()  # the generation may be newer than the read transaction of the caller
    # A higher change counter: the store was replaced by an older copy, whose passages may be missing from the index.
    if manifest["store"] != store.identity or manifest["changes"] > store.changes:
        raise DamagedIndex(f"the index {path} was not built from this store")
    if manifest["fingerprint"] != fingerprint:
        raise DamagedIndex(f"the index {path} was built with another embedding model")
    known = {segment.digest: segment for segment in loaded}
    digests = [digest_of(manifest["files"], _name(span)) for span in spans]
    try:
        segments = tuple(
            known.get(digest) or load_segment(path / _name(span), span, digest, policy)
            for span, digest in zip(spans, digests, strict=True)
        )
    except Exception as error:  # the files are verified, so another version wrote them
        raise DamagedIndex(f"the index {path} cannot be loaded ({error})") from error
    return Generation(int(path.name), segments)


def _name(span: Span) -> str:
    return f"{span.after}-{span.last}"


def _delete(path: Path) -> None:
    """Delete a generation: for other processes at once, and then its files, which they may have mapped."""
    gone = path.with_name(f".part-deleted-{path.name}")
    shutil.rmtree(gone, ignore_errors=True)
    with suppress(OSError):
        path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def list_folders(folder: Path) -> list[Path]:
    """The generations' folders, oldest first."""
    return sorted(path for path in folder.glob("[0-9]*") if path.name.isdigit() and path.is_dir())


def _files(part: Path) -> list[str]:
    """The files to verify, without tantivy's lock files."""
    return sorted(path.relative_to(part).as_posix() for path in part.rglob("*") if path.is_file() and path.suffix != ".lock")
