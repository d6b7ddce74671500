"""What a document becomes when it is stored or edited. Pure but for the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from corpus.types import Document
from index.types import Origin, StoredDocument, with_edits


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_document(document_id: str, document: Document, origin: Origin, previous: StoredDocument | None) -> StoredDocument:
    """With the time and the edits of the document that it replaces; the number is given when it is stored."""
    now = _now()
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
        added=previous.added if previous else now,
        changed=now,
        edits=previous.edits if previous else {},
        **asdict(origin),
    )
    return with_edits(stored, stored.edits)


def edited_document(stored: StoredDocument, changes: Mapping[str, Any]) -> StoredDocument:
    """With changes of `title`, `date` and keys of the `metadata`; the very document if they change nothing."""
    edits = {**stored.edits, **changes}
    if "metadata" in edits:
        edits["metadata"] = {**stored.edits.get("metadata", {}), **changes.get("metadata", {})}
    edited = with_edits(replace(stored, edits=edits), edits)
    return stored if edited == stored else replace(edited, changed=_now())
