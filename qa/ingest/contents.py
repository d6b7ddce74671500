"""Stores the documents in the bytes of a file, an upload or an address, in place of those that were read from there before."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from corpus.sandbox.pool import Sandbox
from corpus.types import Document, ReadFailure
from index.engine import Engine
from index.jobs import IfExists, Job, JobKind
from index.types import Origin, StoredDocument
from qa.ingest.parts import as_part, part_id
from qa.ingest.writer import DocumentWriter, IncomingDocument, Outcome, PutResult, check_document_id, id_for_address

_UPLOAD = "upload:"


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file or address. `document_id` and `url` are for documents that have none of their own.

    `edits`: of its documents, as in `Engine.put`.
    """

    body: bytes
    name: str
    origin: Origin
    document_id: str
    url: str | None = None
    edits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """What became of a file: documents by outcome, reasons of failures, and notes. `crashed`: its reader crashed."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    crashed: bool = False


def upload_location(document_id: str) -> str:
    """The location of what is uploaded under an id."""
    return f"{_UPLOAD}{document_id}"


def address_location(url: str, document_id: str) -> str:
    """The location of what is fetched: the address, or the id that was given instead."""
    return url if document_id == id_for_address(url) else upload_location(document_id)


def job_location(job: Job) -> str:
    """The location of what a job stores."""
    return address_location(job.name, job.document_id) if job.kind is JobKind.ADDRESS else upload_location(job.document_id)


def upload_source(name: str) -> str:
    """The name of an uploaded file, with the folders below the one that was dropped. Never leads anywhere else."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return "/".join(part for part in parts if part not in ("/", "..")) or "document"


def store(
    writer: DocumentWriter,
    sandbox: Sandbox,
    content: Content,
    report: Report,
    if_exists: IfExists = IfExists.REPLACE,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[PutResult]:
    """Store the documents of a file, yielding a result for each, and remove those that the file no longer holds.

    `cancelled`: as in `DocumentWriter.put_all`; nothing is removed then.
    """
    is_kept = writer.keep_originals and content.origin.file_name is not None
    with writer.engine.keep_original(content.body) if is_kept else nullcontext() as original:
        digest = original or hashlib.sha256(content.body).hexdigest()
        origin = replace(content.origin, source_hash=digest, original=original)
        yield from _store(writer, sandbox, replace(content, origin=origin), report, if_exists, cancelled)


def _store(
    writer: DocumentWriter,
    sandbox: Sandbox,
    content: Content,
    report: Report,
    if_exists: IfExists,
    cancelled: Callable[[], bool],
) -> Iterator[PutResult]:
    engine, origin = writer.engine, content.origin
    stored = engine.documents_from(str(origin.location))
    hashes = {document.source_hash for document in stored}
    # Where damage was found, everything is read again, which repairs it.
    if hashes == {origin.source_hash} and not engine.degraded:
        yield from _leave_unchanged(writer, stored, content, report)
        return
    # Not what an interrupted run of this very file has stored.
    if hashes - {origin.source_hash, None} and if_exists is not IfExists.REPLACE:
        _refuse(stored[0], len(stored), if_exists, report)
        return
    entries = _entries(engine, sandbox, content, if_exists, report)
    ids = []
    for result in writer.put_all(_defer_hash(entries, report), cancelled):
        yield result
        if result.outcome is Outcome.CANCELLED:
            return
        report.outcomes[result.outcome] += 1
        ids.append(result.id)
    if ids:
        held = set(ids)
        for document in stored:
            if document.id not in held:
                engine.remove(document.id, keep_jobs=True)
                writer.record_removal(document)
        if not report.failures:
            _complete_hash(engine, ids[0], origin.source_hash)


def _leave_unchanged(
    writer: DocumentWriter, stored: Sequence[StoredDocument], content: Content, report: Report
) -> Iterator[PutResult]:
    """An unchanged file may have an original only now, another place below the folder that was added, or another collection."""
    engine, origin = writer.engine, content.origin
    for document in stored:
        writer.edit(document, content.edits)
        now = origin if origin.original else replace(origin, original=document.original)
        if document.origin != now:
            engine.update_origin(document.id, now)
        report.outcomes[Outcome.UNCHANGED] += 1
        yield PutResult(document.id, Outcome.UNCHANGED)


def _refuse(stored: StoredDocument, count: int, if_exists: IfExists, report: Report) -> None:
    if if_exists is IfExists.FAIL:
        report.failures.append(already_there(stored))
    else:
        report.outcomes[Outcome.KEPT] += count


def _complete_hash(engine: Engine, document_id: str, digest: str | None) -> None:
    if stored := engine.document(document_id):
        engine.update_origin(document_id, replace(stored.origin, source_hash=digest))


def already_there(stored: StoredDocument) -> str:
    """The reason for refusing a document whose id is taken."""
    of_date = f" of {stored.date[:10]}" if stored.date else ""
    return f"the document {stored.id}{of_date} is already there (version {stored.version[:19]}); add it with if_exists=replace"


def _entries(
    engine: Engine, sandbox: Sandbox, content: Content, if_exists: IfExists, report: Report
) -> Iterator[IncomingDocument]:
    """Yield the documents of a file that are to be stored. A repeated id gets "~2" appended."""
    origin, name = content.origin, content.name
    counts: Counter[str] = Counter()
    for found in sandbox.read(content.body, name):
        if isinstance(found, ReadFailure):
            report.failures.append(found.reason)
            report.crashed |= found.crashed
            continue
        document_id = part_id(found.id or content.document_id, found)
        try:
            check_document_id(document_id)
        except ValueError as error:
            report.failures.append(f"{name}: the id {document_id[:80]!r} {error}")
            continue
        counts[document_id] += 1
        if counts[document_id] > 1:
            document_id = f"{document_id}~{counts[document_id]}"
        stored = None if if_exists is IfExists.REPLACE else engine.document(document_id)
        if stored is None or stored.location == origin.location:
            unread = found.metadata.get("not_read")
            report.notes += unread if isinstance(unread, list) else ()
            document = as_part(_with_url(found, content.url), document_id, counts)
            yield IncomingDocument(document_id, document, origin, content.edits)
        else:
            _refuse(stored, 1, if_exists, report)


def _with_url(document: Document, url: str | None) -> Document:
    return replace(document, url=url) if url and not document.url and not document.part else document


def _defer_hash(entries: Iterator[IncomingDocument], report: Report) -> Iterator[IncomingDocument]:
    """Store the first of several documents without the file's hash, which is added when all are stored.

    A file whose reading was interrupted, or that had failures, is therefore not unchanged next time.
    """
    first, second = next(entries, None), next(entries, None)
    if first is None:
        return
    if second or report.failures:
        yield replace(first, origin=replace(first.origin, source_hash=None))
    else:
        yield first
    if second:
        yield second
    yield from entries
