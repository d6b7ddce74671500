"""What every engine makes of a document: what it becomes when it is stored or edited, and its parts as JSON. Pure but for the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from corpus.types import Document, Heading, Table, text_version
from index.types import DamagedRow, DocumentVersion, Origin, StoredDocument

Edited = TypeVar("Edited", StoredDocument, Document)


def now() -> str:
    """ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def with_edits(document: Edited, edits: Mapping[str, Any]) -> Edited:
    """The document with what people changed: `title`, `date`, and `metadata` by key, where None removes a key."""
    if not edits:
        return document
    metadata = {**document.metadata, **edits.get("metadata", {})}
    return replace(
        document,
        title=edits.get("title", document.title),
        date=edits.get("date", document.date),
        metadata={key: value for key, value in metadata.items() if value is not None},
    )


def new_document(
    document_id: str, document: Document, origin: Origin, previous: StoredDocument | None, edits: Mapping[str, Any]
) -> StoredDocument:
    """With the time and the edits of the document that it replaces, and further edits; the number is given when it is stored."""
    changed = now()
    stored = StoredDocument(
        number=0,
        id=document_id,
        title=document.title,
        url=document.url,
        date=document.date,
        type=document.type,
        language=document.language,
        version=document.version,
        metadata=document.metadata,
        added=previous.added if previous else changed,
        changed=changed,
        edits={**(previous.edits if previous else {}), **edits},
        **asdict(origin),
    )
    return with_edits(stored, stored.edits)


def edited_document(stored: StoredDocument, changes: Mapping[str, Any]) -> StoredDocument:
    """With changes of `title`, `date`, `collection`, `access` and keys of the `metadata`; the very document if they change nothing."""
    edits = {**stored.edits, **changes}
    if "metadata" in edits:
        edits["metadata"] = {**stored.edits.get("metadata", {}), **changes.get("metadata", {})}
    edited = with_edits(replace(stored, edits=edits), edits)
    return stored if edited == stored else replace(edited, changed=now())


def replaced_version(present: DocumentVersion, until: str) -> DocumentVersion:
    """A present version as it is kept when another text replaces it: without the file it was read from, which is not kept."""
    return replace(present, stored=replace(present.stored, original=None), until=until)


def structure_of(document: Document) -> dict[str, Any]:
    """The parts of a document beside its text and its head, as JSON."""
    headings = [[h.start, h.end, h.level, h.title, h.anchor] for h in document.headings]
    tables = [[t.start, t.head_end, t.end, t.caption] for t in document.tables]
    return {"headings": headings, "tables": tables, "pages": list(document.pages)}


def content_of(stored: StoredDocument, text: str, structure: Mapping[str, Any]) -> Document:
    """The document of a head, a text and a structure. Raises DamagedRow if the head names another text."""
    if text_version(text) != stored.version:
        raise damaged_text(stored)
    return Document(
        text=text,
        title=stored.title,
        headings=tuple(Heading(*heading) for heading in structure["headings"]),
        tables=tuple(Table(*table) for table in structure.get("tables", ())),  # stored since 0.2
        pages=tuple(structure["pages"]),
        id=stored.id,
        url=stored.url,
        date=stored.date,
        type=stored.type,
        language=stored.language,
        metadata=stored.metadata,
    )


def damaged_text(stored: StoredDocument) -> DamagedRow:
    return DamagedRow(f"the stored text of {stored.id!r} is damaged; add it again or restore a backup")
