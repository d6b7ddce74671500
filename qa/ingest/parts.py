"""Documents that are parts of a file's document: attachments of a message, whose ids are below the message's."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import replace

from corpus.types import Document
from index.engine import Engine
from index.types import DamagedRow
from qa.audit import AuditLog, Change

# Metadata key: the id of the document that a document is a part of.
PART_OF = "part_of"
_PAGE = 100


def part_id(file_id: str, document: Document) -> str:
    """The id of a document of a file: `file_id`, or one below it for an attachment or a message of a mailbox."""
    return f"{file_id}/{document.part}" if document.part else file_id


def as_part(document: Document, document_id: str, known: Container[str]) -> Document:
    """The document with the id of the one it is a part of, if that is among the `known` ids of the same file."""
    if document.part is None:
        return document
    parent = document_id.rpartition("/")[0]
    metadata = {**document.metadata, PART_OF: parent} if parent in known else document.metadata
    return replace(document, part=None, metadata=metadata)


def remove_with_parts(engine: Engine, document_id: str, audit: AuditLog) -> bool:
    """Remove a document and its parts; false if there was neither a document nor a waiting job."""
    stored = None
    with suppress(DamagedRow):  # it can be removed
        stored = engine.document(document_id)
    parts = list(_parts_of(engine, document_id))
    known = engine.remove(document_id)
    for part in parts:
        engine.remove(part)
    if known or parts:
        collection = stored.collection if stored else None
        audit.record(Change.REMOVE, "removed", documents=[document_id, *parts], collection=collection)
    return known


def _parts_of(engine: Engine, document_id: str) -> Iterator[str]:
    """The ids of its parts and of theirs. Other documents may have ids below it, too, such as pages of a site."""
    below, after = f"{document_id}/", f"{document_id}/"
    parents = {document_id}
    while page := engine.documents(after, _PAGE):
        for document in page:
            if not document.id.startswith(below):
                return
            if document.metadata.get(PART_OF) in parents:
                parents.add(document.id)
                yield document.id
        after = page[-1].id
