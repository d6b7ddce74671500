"""Adds files, folders and addresses: reads them, stores their documents, and reports an outcome per file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.sandbox.pool import Sandbox
from corpus.sources.fetcher import Fetcher
from corpus.types import QuotableError, ReadError
from index.engine import Engine
from index.jobs import IfExists
from index.types import NO_EDITS, Origin
from qa.ingest.contents import Content, Report, store
from qa.ingest.writer import DocumentWriter, Outcome, PutResult, id_for_address, id_for_location, id_for_source

# Called after each stored document with its estimated share of the file and its number of passages.
OnStored = Callable[[float, int], None]


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """The result for one file or address: documents by outcome, reasons of failures, and notes."""

    path: Path | str
    documents: Counter[Outcome]
    failures: Sequence[str] = ()
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        total = self.documents.total()
        counts = [outcome if total == 1 else f"{count} {outcome}" for outcome, count in self.documents.items()]
        return "; ".join([f"{self.path}: {', '.join(counts) or 'not added'}", *self.notes, *self.failures])


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to add. `source`: its path below the folder that was added, or its name."""

    path: Path
    source: str


def files_below(paths: Sequence[Path]) -> Iterator[FoundFile]:
    """Yield the given files, and all files in the given folders except hidden ones, sorted by name and without repetition."""
    yield from changed_files(paths, paths)


def size_of(file: FoundFile) -> int:
    """In bytes; 0 if it is unknown."""
    try:
        return file.path.stat().st_size
    except OSError:
        return 0


def changed_files(paths: Sequence[Path], roots: Sequence[Path]) -> Iterator[FoundFile]:
    """As `files_below`; the sources are below `roots`, the folders and files that were added."""
    seen: set[Path] = set()
    for path in paths:
        for file in _walk(path) if path.is_dir() else [path]:
            if (resolved := file.resolve()) not in seen:
                seen.add(resolved)
                yield FoundFile(file, _source(file, roots))


def unavailable(paths: Iterable[Path], urls: Iterable[str], fetcher: Fetcher) -> Iterator[str]:
    """Why each file or folder that does not exist, and each address that may not be fetched, cannot be added."""
    for path in paths:
        if not os.path.lexists(path):
            yield f"{path}: no such file or folder"
    for url in urls:
        try:
            fetcher.check(url)
        except QuotableError as error:
            yield f"{url}: {error}"


def add_files(
    writer: DocumentWriter,
    sandbox: Sandbox,
    files: Iterable[FoundFile],
    on_stored: OnStored = lambda share, passages: None,
    if_exists: IfExists = IfExists.REPLACE,
    edits: Mapping[str, Any] = NO_EDITS,
) -> Iterator[FileOutcome]:
    """Add files: skip unchanged ones, replace changed ones, and go on after a failure. `edits`: of all documents, as in `Engine.put`."""
    for file in files:
        try:
            location = location_of(file.path)
            source = _displayable(file.source)
            document_id, note = _document_id(writer.engine, location, source)
            origin = Origin(location, source, file_name=file.path.name)
            content = Content(_load(file.path, sandbox.max_bytes), file.path.name, origin, document_id, edits=edits)
            yield _add(writer, sandbox, file.path, content, if_exists, [note] if note else [], on_stored)
        except QuotableError as error:
            yield FileOutcome(file.path, Counter(), (str(error),))
        except OSError as error:
            yield FileOutcome(file.path, Counter(), (error.strerror or str(error),))


def add_addresses(
    writer: DocumentWriter,
    sandbox: Sandbox,
    fetcher: Fetcher,
    urls: Iterable[str],
    if_exists: IfExists = IfExists.REPLACE,
    edits: Mapping[str, Any] = NO_EDITS,
) -> Iterator[FileOutcome]:
    """Fetch and add documents as `add_files` adds files."""
    for url in urls:
        try:
            fetched = fetcher.fetch(url)
            origin = Origin(url, url, file_name=fetched.name)
            content = Content(fetched.body, fetched.name, origin, id_for_address(url), fetched.url, edits)
            yield _add(writer, sandbox, url, content, if_exists)
        except QuotableError as error:
            yield FileOutcome(url, Counter(), (str(error),))


def remove_missing(writer: DocumentWriter, paths: Sequence[Path]) -> list[str]:
    """Remove the documents of files at or below `paths` that no longer exist; return their ids."""
    removed = []
    for path in paths:
        with suppress(ReadError):
            place = location_of(path)
            for location in writer.engine.locations(place):
                if (location == place or location.startswith(place + os.sep)) and not Path(location).exists():
                    for document in writer.engine.documents_from(location):
                        if writer.engine.remove(document.id):
                            writer.record_removal(document)
                            removed.append(document.id)
    return removed


def location_of(path: Path) -> str:
    """The absolute path. Raises ReadError if it is not UTF-8."""
    return _displayable(str(path.resolve()))


def _add(
    writer: DocumentWriter,
    sandbox: Sandbox,
    path: Path | str,
    content: Content,
    if_exists: IfExists,
    notes: Sequence[str] = (),
    on_stored: OnStored = lambda share, passages: None,
) -> FileOutcome:
    report = Report()
    share = 1 / max(content.body.count(b"\n"), 1) if content.name.lower().endswith(".jsonl") else 1.0
    results = []
    for result in store(writer, sandbox, content, report, if_exists):
        results.append(result)
        on_stored(share, result.passages)
    return FileOutcome(path, report.outcomes, report.failures, [*notes, *report.notes, *_duplicate_notes(results)])


def _document_id(engine: Engine, location: str, source: str) -> tuple[str, str | None]:
    """The id for a file whose document names none, and a note if another file has the same name.

    The same name is the same document, unless another file of that name is still there.
    """
    named, by_path = id_for_source(source), id_for_location(location)
    known = {document.id for document in engine.documents_from(location)}
    for document_id in (named, by_path):
        if document_id in known:
            return document_id, None
    other = engine.document(named)
    if other is None or not other.location or not os.path.isabs(other.location) or not Path(other.location).exists():
        return named, None
    return by_path, f"{named} has the same name and comes from another folder; both are kept"


def _load(file: Path, max_bytes: int) -> bytes:
    """The content of a file, or one byte more than `max_bytes` of it, which the sandbox rejects."""
    if file.exists() and not file.is_file():
        raise ReadError("it is not a regular file; skipped")
    with file.open("rb") as opened:
        return opened.read(max_bytes + 1)


def _source(file: Path, roots: Sequence[Path]) -> str:
    """The path below the innermost of the folders in `roots` that holds the file, else its name."""
    for root in sorted(roots, key=lambda path: len(path.absolute().parts), reverse=True):
        with suppress(ValueError):
            below = file.absolute().relative_to(root.absolute())
            if below.parts:
                return below.as_posix()
    return file.name


def _displayable(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise ReadError("its name is not in UTF-8; rename it") from error
    return name


def _duplicate_notes(results: Sequence[PutResult]) -> list[str]:
    return [f"the same text as {result.duplicate_of}" for result in results if result.duplicate_of]


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))
