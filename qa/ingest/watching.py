"""Follows files as they change: `qa add --watch` and `qa serve --watch`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, takewhile
from pathlib import Path
from threading import Event, Thread
from typing import Any

from watchfiles import watch

from corpus.sandbox.pool import Sandbox
from corpus.types import QuotableError, ReadError
from index.types import NO_EDITS
from qa.ingest.files import FileOutcome, add_files, changed_files, remove_missing
from qa.ingest.writer import DocumentWriter, Outcome

log = logging.getLogger(__name__)

# Between two checks whether to stop.
_POLL_MS = 500
# After an error of the disk, which is not the documents'.
RETRY_SECONDS = 5.0


class Watcher:
    """Adds the files at and below `paths`, and follows them, in a thread of its own from `start` until `stop`."""

    def __init__(self, writer: DocumentWriter, paths: Sequence[Path], say: Callable[[str], None] = log.info) -> None:
        """`say`: told of each file that was added, replaced or removed, or could not be. Raises ReadError for a missing path."""
        self._stopping = Event()
        self._writer, self._paths, self._say = writer, paths, say
        self._changes = watch_paths(paths, self._stopping)
        self._thread = Thread(target=self._run, name="watching", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Stop after the file that is being added, or after `seconds`; the next start adds the others."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        with Sandbox() as sandbox:
            changes = chain([self._paths], self._changes)
            while not self._stopping.is_set():
                try:
                    for outcome in follow_changes(self._writer, sandbox, changes, self._paths, self._stopping):
                        self._say(str(outcome))
                except QuotableError as error:
                    log.error("%s", error)
                except Exception:
                    log.exception("unexpected error while following files")
                if not self._stopping.wait(RETRY_SECONDS):
                    changes = chain([self._paths], self._changes)


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
    edits: Mapping[str, Any] = NO_EDITS,
) -> Iterator[FileOutcome]:
    """Add new and changed files and remove the documents of deleted ones until `changes` end. `roots`: the paths that are watched.

    `edits`: of all documents, as in `Engine.put`. Once `stopping` is set, the remaining files are left to the next run.
    """
    for changed in changes:
        for document_id in remove_missing(writer, changed):
            yield FileOutcome(Path(document_id), Counter({Outcome.REMOVED: 1}))
        files = changed_files([path for path in changed if path.exists()], roots)
        for outcome in add_files(writer, sandbox, takewhile(lambda _: not stopping.is_set(), files), edits=edits):
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
