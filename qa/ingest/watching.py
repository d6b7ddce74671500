"""Follows files as they change: `qa add --watch`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, takewhile
from pathlib import Path
from threading import Event

from watchfiles import watch

from corpus.sandbox.pool import Sandbox
from corpus.types import ReadError
from qa.ingest.files import FileOutcome, add_files, changed_files, remove_missing
from qa.ingest.writer import DocumentWriter, Outcome

# Between two checks whether to stop.
_POLL_MS = 500


def watch_paths(paths: Sequence[Path], stopping: Event) -> Iterator[list[Path]]:
    """Yield the changed files and folders at and below `paths`, except hidden ones, until `stopping` is set.

    Watches from the moment of this call. Raises ReadError if a path does not exist.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise ReadError(f"cannot watch {', '.join(missing)}: no such file or folder")
    changes = watch(*paths, watch_filter=None, stop_event=stopping, yield_on_timeout=True, rust_timeout=_POLL_MS)
    first = next(changes)  # starts watching
    return (
        sorted({path for _, name in changed if not _is_hidden(path := Path(name), paths)})
        for changed in chain([first], changes)
    )


def follow_changes(
    writer: DocumentWriter,
    sandbox: Sandbox,
    changes: Iterable[Sequence[Path]],
    roots: Sequence[Path],
    stopping: Event,
) -> Iterator[FileOutcome]:
    """Add new and changed files and remove the documents of deleted ones until `changes` end. `roots`: the paths that are watched.

    Once `stopping` is set, the remaining files are left to the next run.
    """
    for changed in changes:
        for document_id in remove_missing(writer, changed):
            yield FileOutcome(Path(document_id), Counter({Outcome.REMOVED: 1}))
        files = changed_files([path for path in changed if path.exists()], roots)
        for outcome in add_files(writer, sandbox, takewhile(lambda _: not stopping.is_set(), files)):
            if outcome.failures or set(outcome.documents) != {Outcome.UNCHANGED}:
                yield outcome
        if changed:
            writer.engine.maintain()


def _is_hidden(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a path, or a folder between it and its root, is hidden."""
    for root in roots:
        with suppress(ValueError):
            return any(part.startswith(".") for part in path.absolute().relative_to(root.absolute()).parts)
    return False
