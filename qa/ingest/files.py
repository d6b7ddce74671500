"""Adds files, folders and addresses: reads them, stores their documents, and reports an outcome per file."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

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
class _Content:
    """The bytes of a file or address. `document_id` and `url` are for documents that have none of their own."""

    body: bytes
    name: str
    source: str
    document_id: str
    url: str | None = None


def files_below(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the given files, and all files in the given folders except hidden ones, sorted by name and without repetition."""
    seen: set[Path] = set()
    for path in paths:
        for file in _walk(path) if path.is_dir() else [path]:
            if (resolved := file.resolve()) not in seen:
                seen.add(resolved)
                yield file


def add_files(
    writer: DocumentWriter,
    sandbox: Sandbox,
    files: Iterable[Path],
    on_stored: OnStored = lambda share, passages: None,
) -> Iterator[FileOutcome]:
    """Add files: skip unchanged ones, replace changed ones, and go on after a failure."""
    for file in files:
        try:
            content = _Content(_load(file, sandbox.max_bytes), file.name, source_of(file), id_for_file(file))
            yield _add(writer, sandbox, file, content, on_stored)
        except QuotableError as error:
            yield FileOutcome(file, Counter(), (str(error),))
        except OSError as error:
            yield FileOutcome(file, Counter(), (error.strerror or str(error),))


def add_addresses(writer: DocumentWriter, sandbox: Sandbox, fetcher: Fetcher, urls: Iterable[str]) -> Iterator[FileOutcome]:
    """Fetch and add documents as `add_files` adds files."""
    for url in urls:
        try:
            fetched = fetcher.fetch(url)
            content = _Content(fetched.body, fetched.name, url, id_for_address(url), fetched.url)
            yield _add(writer, sandbox, url, content)
        except QuotableError as error:
            yield FileOutcome(url, Counter(), (str(error),))


def remove_missing(writer: DocumentWriter, paths: Sequence[Path]) -> list[str]:
    """Remove the documents of files at or below `paths` that no longer exist; return their ids."""
    removed = []
    for path in paths:
        with suppress(ReadError):
            place = source_of(path)
            for source in writer.engine.sources(place):
                if (source == place or source.startswith(place + os.sep)) and not Path(source).exists():
                    removed += _remove_documents(writer, source, keep=set())
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
    """Yield the documents of a file, and append the reasons of failures to `failures`.

    A repeated id gets "~2" appended. `url` is for documents that have none of their own.
    """
    digest = hashlib.sha256(body).hexdigest()
    counts: Counter[str] = Counter()
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
        counts[document_id] += 1
        if counts[document_id] > 1:
            document_id = f"{document_id}~{counts[document_id]}"
        yield IncomingDocument(document_id, replace(found, url=url) if url and not found.url else found, source, digest)


def source_of(path: Path) -> str:
    """The absolute path, as stored with the documents of a file. Raises ReadError if it is not UTF-8."""
    source = str(path.resolve())
    try:
        source.encode()
    except UnicodeEncodeError as error:
        raise ReadError("its name is not in UTF-8; rename it") from error
    return source


def _add(
    writer: DocumentWriter,
    sandbox: Sandbox,
    path: Path | str,
    content: _Content,
    on_stored: OnStored = lambda share, passages: None,
) -> FileOutcome:
    source, body = content.source, content.body
    digest = hashlib.sha256(body).hexdigest()
    stored = writer.engine.documents_from(source)
    if stored and all(document.source_hash == digest for document in stored):
        return FileOutcome(path, Counter({Outcome.UNCHANGED: len(stored)}))
    failures: list[str] = []
    entries = read_entries(
        sandbox, body, content.name, lambda document: document.id or content.document_id, source, failures, content.url
    )
    share = 1 / max(body.count(b"\n"), 1) if content.name.lower().endswith(".jsonl") else 1.0
    results = []
    for result in writer.put_all(_defer_hash(entries, failures)):
        results.append(result)
        on_stored(share, result.passages)
    if results:
        _remove_documents(writer, source, keep={result.id for result in results})
    if results and not failures:
        writer.engine.update_source(results[0].id, source, digest)
    return FileOutcome(path, Counter(result.outcome for result in results), failures, _duplicate_notes(results))


def _load(file: Path, max_bytes: int) -> bytes:
    """The content of a file, or one byte more than `max_bytes` of it, which the sandbox rejects."""
    if file.exists() and not file.is_file():
        raise ReadError("it is not a regular file; skipped")
    with file.open("rb") as opened:
        return opened.read(max_bytes + 1)


def _defer_hash(entries: Iterator[IncomingDocument], failures: Sequence[str]) -> Iterator[IncomingDocument]:
    """Store the first of several documents without the file's hash, which is added when all are stored.

    A file whose reading was interrupted, or that had failures, is therefore not unchanged next time.
    """
    first, second = next(entries, None), next(entries, None)
    if first is None:
        return
    yield replace(first, source_hash=None) if second or failures else first
    if second:
        yield second
    yield from entries


def _remove_documents(writer: DocumentWriter, source: str, keep: set[str]) -> list[str]:
    obsolete = [document.id for document in writer.engine.documents_from(source) if document.id not in keep]
    return [document_id for document_id in obsolete if writer.engine.remove(document_id)]


def _duplicate_notes(results: Sequence[PutResult]) -> list[str]:
    return [f"the same text as {result.duplicate_of}" for result in results if result.duplicate_of]


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))
