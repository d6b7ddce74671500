"""Files and folders -> documents in the writer, one outcome a file; and following them as they change."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, takewhile
from pathlib import Path
from threading import Event

from watchfiles import watch

from corpus.sandbox.pool import Sandbox
from corpus.sources.fetcher import Fetcher
from corpus.types import Document, QuotableError, ReadError, ReadFailure
from qa.ingest.writer import (
    DocumentWriter,
    IncomingDocument,
    Outcome,
    PutResult,
    check_document_id,
    id_for_address,
    id_for_file,
)

# How long one look for changes takes where there are none.
LISTENING_MS = 500

Stored = Callable[[float, int], None]


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of a file or an address: how many documents with which outcome, notes, and what could not be read and why."""

    path: Path | str
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


def add_files(
    writer: DocumentWriter,
    sandbox: Sandbox,
    files: Iterator[Path] | Sequence[Path],
    stored: Stored = lambda share, passages: None,
) -> Iterator[FileOutcome]:
    """Bring each file's documents in; unchanged files are passed over, changed ones replaced, and one that fails stops no other.

    `stored` is told of every document that is: about what share of its file it is, and how many passages it has.
    """
    for file in files:
        try:
            yield _add_file(writer, sandbox, file, stored)
        except QuotableError as error:
            yield FileOutcome(file, Counter(), (str(error),))
        except OSError as error:
            yield FileOutcome(file, Counter(), (error.strerror or str(error),))


def add_addresses(writer: DocumentWriter, sandbox: Sandbox, fetcher: Fetcher, urls: Iterable[str]) -> Iterator[FileOutcome]:
    """The same for documents that are fetched."""
    for url in urls:
        try:
            fetched = fetcher.fetch(url)
            content = _Content(fetched.body, fetched.name, url, id_for_address(url), fetched.url)
            yield _add_content(writer, sandbox, url, content)
        except QuotableError as error:
            yield FileOutcome(url, Counter(), (str(error),))


def remove_missing(writer: DocumentWriter, paths: Sequence[Path]) -> list[str]:
    """Remove the documents that were read from files at or below `paths` which are no longer there; their ids."""
    removed = []
    for path in paths:
        with suppress(ReadError):
            place = _source(path)
            for source in writer.engine.sources(place):
                if (source == place or source.startswith(place + os.sep)) and not Path(source).exists():
                    removed += _remove_from(writer, source, keep=set())
    return removed


def read_entries(
    sandbox: Sandbox,
    body: bytes,
    name: str,
    id_of: Callable[[Document], str],
    source: str | None,
    failures: list[str],
    url: str | None = None,
) -> Iterator[IncomingDocument]:
    """The documents in a file's bytes, each with an id of its own: a second one with the same id gets "~2" after it.

    What cannot be read is added to `failures`. `url`: where the file was fetched from, for documents without an address of their own.
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
        yield IncomingDocument(document_id, replace(found, url=url) if url and not found.url else found, source, digest)


@dataclass(frozen=True, slots=True)
class _Content:
    """What was found at a source. `document_id` is for a document that names none itself, `url` for one that has none."""

    body: bytes
    name: str
    source: str
    document_id: str
    url: str | None = None


def _add_file(writer: DocumentWriter, sandbox: Sandbox, file: Path, stored: Stored) -> FileOutcome:
    source = _source(file)
    content = _Content(_content(file, sandbox.max_bytes), file.name, source, id_for_file(file))
    return _add_content(writer, sandbox, file, content, stored)


def _add_content(
    writer: DocumentWriter,
    sandbox: Sandbox,
    told_as: Path | str,
    content: _Content,
    stored: Stored = lambda share, passages: None,
) -> FileOutcome:
    source, body = content.source, content.body
    digest = hashlib.sha256(body).hexdigest()
    known = writer.engine.documents_from(source)
    if known and all(document.source_hash == digest for document in known):
        return FileOutcome(told_as, Counter({Outcome.UNCHANGED: len(known)}))
    failures: list[str] = []
    entries = read_entries(
        sandbox, body, content.name, lambda document: document.id or content.document_id, source, failures, content.url
    )
    share = 1 / max(body.count(b"\n"), 1) if content.name.lower().endswith(".jsonl") else 1.0
    placed = []
    for one in writer.put_all(_marked_last(entries, failures)):
        placed.append(one)
        stored(share, one.passages)
    if placed:
        _remove_from(writer, source, keep={one.id for one in placed})
    if placed and not failures:
        writer.engine.update_source(placed[0].id, source, digest)
    return FileOutcome(told_as, Counter(one.outcome for one in placed), failures, [*_duplicates(placed)])


def _source(path: Path) -> str:
    """What the documents of a file are said to be from. Raises ReadError for a name that is no text."""
    source = str(path.resolve())
    try:
        source.encode()
    except UnicodeEncodeError as error:
        raise ReadError("its name is not in UTF-8; rename it") from error
    return source


def _content(file: Path, most_bytes: int) -> bytes:
    """What the file holds, or somewhat more than `most_bytes` of it, so that it is known as too large."""
    if file.exists() and not file.is_file():
        raise ReadError("it is no ordinary file; it is not read")
    with file.open("rb") as opened:
        return opened.read(most_bytes + 1)


def _marked_last(entries: Iterator[IncomingDocument], failures: Sequence[str]) -> Iterator[IncomingDocument]:
    """The first of several is not marked with the file's hash: it is when all are stored.

    So a file whose reading was broken off, or that holds records that failed, does not count as unchanged the next time.
    """
    first, second = next(entries, None), next(entries, None)
    if first is None:
        return
    yield replace(first, source_hash=None) if second or failures else first
    if second:
        yield second
    yield from entries


def _remove_from(writer: DocumentWriter, source: str, keep: set[str]) -> list[str]:
    gone = [document.id for document in writer.engine.documents_from(source) if document.id not in keep]
    return [document_id for document_id in gone if writer.engine.remove(document_id)]


def _duplicates(placed: Sequence[PutResult]) -> Iterator[str]:
    for one in placed:
        if one.duplicate_of:
            yield f"the same text as {one.duplicate_of}"


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def changes_below(paths: Sequence[Path], stopping: Event) -> Iterator[list[Path]]:
    """The files and folders that change at and below `paths`, those hidden passed over, from the moment of this call.

    They end when `stopping` is set. Raises ReadError where a path is not there.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise ReadError(f"cannot watch {', '.join(missing)}: there is no such file or folder")
    changes = watch(*paths, watch_filter=None, stop_event=stopping, yield_on_timeout=True, rust_timeout=LISTENING_MS)
    first = next(changes)  # it listens from here on
    return (sorted({path for _, name in some if not _is_hidden(path := Path(name), paths)}) for some in chain([first], changes))


def follow(
    writer: DocumentWriter, sandbox: Sandbox, changes: Iterable[Sequence[Path]], stopping: Event
) -> Iterator[FileOutcome]:
    """Follow new, changed and deleted files until `changes` end; what changed is left to the next run once `stopping` is set."""
    for changed in changes:
        for document_id in remove_missing(writer, changed):
            yield FileOutcome(Path(document_id), Counter({Outcome.REMOVED: 1}))
        files = files_below([path for path in changed if path.exists()])
        for outcome in add_files(writer, sandbox, takewhile(lambda _: not stopping.is_set(), files)):
            if outcome.failures or set(outcome.documents) != {Outcome.UNCHANGED}:
                yield outcome
        if changed:
            writer.engine.maintain()


def _is_hidden(path: Path, roots: Sequence[Path]) -> bool:
    """Whether it, or a folder between it and the root that it is below, is hidden."""
    for root in roots:
        with suppress(ValueError):
            return any(part.startswith(".") for part in path.absolute().relative_to(root.absolute()).parts)
    return False
