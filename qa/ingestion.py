"""Files and folders -> documents in the library, one outcome a file; and following them as they change."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchfiles import watch

from corpus.readers import ReadFailure
from corpus.sandbox import Sandbox
from corpus.types import Document, QuotableError
from qa.library import Entry, Library, Outcome, Placed, check_document_id, id_for_file


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of a file: how many documents with which outcome, notes on them, and what could not be read and why."""

    path: Path
    documents: Counter[Outcome]
    failures: Sequence[str] = ()
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        total = self.documents.total()
        counts = [outcome if total == 1 else f"{count} {outcome}" for outcome, count in self.documents.items()]
        return "; ".join([f"{self.path}: {', '.join(counts) or 'not added'}", *self.notes, *self.failures])


def files_below(paths: Sequence[Path]) -> Iterator[Path]:
    """Every file once: those named, and those at any depth of the folders named, by name; hidden ones in folders are passed over."""
    seen: set[Path] = set()
    for path in paths:
        for file in _walk(path) if path.is_dir() else [path]:
            if (resolved := file.resolve()) not in seen:
                seen.add(resolved)
                yield file


def add_files(library: Library, sandbox: Sandbox, files: Iterator[Path] | Sequence[Path]) -> Iterator[FileOutcome]:
    """Bring each file's documents in; unchanged files are passed over, changed ones replaced, and one that fails stops no other."""
    for file in files:
        try:
            yield _add_file(library, sandbox, file)
        except QuotableError as error:
            yield FileOutcome(file, Counter(), (str(error),))
        except OSError as error:
            yield FileOutcome(file, Counter(), (error.strerror or str(error),))


def remove_missing(library: Library, paths: Sequence[Path]) -> list[str]:
    """Remove the documents that were read from files at or below `paths` which are no longer there; their ids."""
    removed = []
    for path in paths:
        resolved = path.resolve()
        for source in library.store.sources(str(resolved)):
            if (source == str(resolved) or source.startswith(f"{resolved}{os.sep}")) and not Path(source).exists():
                removed += _remove_from(library, source, keep=set())
    return removed


def read_entries(
    sandbox: Sandbox, body: bytes, name: str, id_of: Callable[[Document], str], source: str | None, failures: list[str]
) -> Iterator[Entry]:
    """The documents in a file's bytes, each with an id of its own: a second one with the same id gets "~2" after it.

    What cannot be read is added to `failures`.
    """
    digest = hashlib.sha256(body).hexdigest()
    given: Counter[str] = Counter()
    for found in sandbox.read(body, name):
        if isinstance(found, ReadFailure):
            failures.append(found.reason)
            continue
        document_id = id_of(found)
        try:
            check_document_id(document_id)
        except ValueError as error:
            failures.append(f"{name}: the id {document_id[:80]!r} {error}")
            continue
        given[document_id] += 1
        if given[document_id] > 1:
            document_id = f"{document_id}~{given[document_id]}"
        yield Entry(document_id, found, source, digest)


def _add_file(library: Library, sandbox: Sandbox, file: Path) -> FileOutcome:
    source = str(file.resolve())
    body = file.read_bytes()
    stored = library.store.documents_from(source)
    if stored and all(document.source_hash == hashlib.sha256(body).hexdigest() for document in stored):
        return FileOutcome(file, Counter({Outcome.UNCHANGED: len(stored)}))
    failures: list[str] = []
    entries = read_entries(sandbox, body, file.name, lambda document: document.id or id_for_file(file), source, failures)
    placed = list(library.put_all(entries))
    if placed:
        _remove_from(library, source, keep={one.id for one in placed})
    return FileOutcome(file, Counter(one.outcome for one in placed), failures, [*_duplicates(placed)])


def _remove_from(library: Library, source: str, keep: set[str]) -> list[str]:
    gone = [document.id for document in library.store.documents_from(source) if document.id not in keep]
    return [document_id for document_id in gone if library.remove(document_id)]


def _duplicates(placed: Sequence[Placed]) -> Iterator[str]:
    for one in placed:
        if one.duplicate_of:
            yield f"the same text as {one.duplicate_of}"


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def follow(library: Library, sandbox: Sandbox, paths: Sequence[Path]) -> Iterator[FileOutcome]:
    """Follow new, changed and deleted files at and below `paths`, until interrupted."""
    for changes in watch(*paths, raise_interrupt=True):
        changed = sorted({Path(name) for _, name in changes})
        for document_id in remove_missing(library, changed):
            yield FileOutcome(Path(document_id), Counter({Outcome.REMOVED: 1}))
        yield from add_files(library, sandbox, files_below([path for path in changed if path.exists()]))
        library.build_if_behind()
