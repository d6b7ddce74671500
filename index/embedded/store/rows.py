"""Convert rows of the store to values and back. Each row has a hash of its contents, checked whenever it is read."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from corpus.types import Document, Passage
from index.documents import content_of, damaged_text, structure_of
from index.embedded.store.database import Database
from index.types import DamagedRow, DocumentVersion, StoredDocument, Vector

Row = tuple[Any, ...]
Value = TypeVar("Value")

DOCUMENT_COLUMNS = (
    "id, title, source, source_hash, url, date, type, language, version, metadata, location, file_name, original, added, changed,"
    " edits, hash"
)
CONTENT_COLUMNS = "structure, text, structure_hash"
VECTOR_COLUMNS = "fingerprint, passage, vector, hash"
VERSION_COLUMNS = "id, version, since, until, stored_by, head, hash"
PASSAGE_COLUMNS = 'document, start, "end", page, anchor, headings, context, text, hash'


_HEAD = tuple(name.strip() for name in DOCUMENT_COLUMNS.split(","))[:-1]
_JSON_COLUMNS = ("metadata", "edits")


def document_row(stored: StoredDocument, document: Document) -> Row:
    """The number, DOCUMENT_COLUMNS and CONTENT_COLUMNS."""
    structure = json.dumps(structure_of(document), ensure_ascii=False)
    return (stored.number, *document_head(stored), structure, document.text, row_hash(structure))


def document_head(stored: StoredDocument) -> Row:
    """DOCUMENT_COLUMNS of a document."""
    values = [getattr(stored, name) for name in _HEAD]
    head = tuple(_as_json(value) if name in _JSON_COLUMNS else value for name, value in zip(_HEAD, values, strict=True))
    return (*head, row_hash(stored.number, *head))


def stored_document(number: int, row: Sequence[Any]) -> StoredDocument:
    """From DOCUMENT_COLUMNS."""
    *head, stored_hash = row
    if row_hash(number, *head) != stored_hash:
        raise DamagedRow(f"the stored document {head[0]!r} is damaged; add it again or restore a backup")
    pairs = zip(_HEAD, head, strict=True)
    return StoredDocument(number, **{name: json.loads(value) if name in _JSON_COLUMNS else value for name, value in pairs})


def title_key(title: str) -> str:
    """What lists are searched and sorted by."""
    return title.casefold()


@lru_cache(maxsize=512)
def cached_document(number: int, row: Row) -> StoredDocument:
    """`stored_document`, cached by the whole row, which needs no second check."""
    return stored_document(number, row)


def content(stored: StoredDocument, row: Row) -> Document:
    """A document from its head and CONTENT_COLUMNS."""
    structure, text, structure_hash = row
    if not isinstance(text, str) or row_hash(structure) != structure_hash:
        raise damaged_text(stored)
    return content_of(stored, text, json.loads(structure))


def version_row(number: int, version: DocumentVersion, document: Document | None) -> Row:
    """The number, VERSION_COLUMNS and CONTENT_COLUMNS. `document`: None for the present text, which is with the document itself."""
    stored = version.stored
    head = json.dumps(asdict(stored), ensure_ascii=False) if document else ""
    structure = json.dumps(structure_of(document), ensure_ascii=False) if document else ""
    row = (stored.id, stored.version, version.since, version.until, version.by, head)
    return (number, *row, row_hash(number, *row), structure, document.text if document else "", row_hash(structure))


def stored_version(number: int, row: Sequence[Any], present: StoredDocument) -> DocumentVersion:
    """From VERSION_COLUMNS. `present`: the document as it is stored now."""
    _, _, since, until, by, head = _intact_version(number, row)
    return DocumentVersion(StoredDocument(**json.loads(head)) if head else present, since, until, by)


def version_content(stored: StoredDocument, row: Row) -> Document:
    """As `content`, of an earlier text."""
    try:
        return content(stored, row)
    except DamagedRow:
        raise _damaged_version(stored.id) from None


def check_version(number: int, row: Sequence[Any], content_row: Row) -> None:
    """Raises DamagedRow unless VERSION_COLUMNS and CONTENT_COLUMNS are intact."""
    *_, head = _intact_version(number, row)
    if head:
        version_content(StoredDocument(**json.loads(head)), content_row)


def _intact_version(number: int, row: Sequence[Any]) -> Sequence[Any]:
    """VERSION_COLUMNS without the hash."""
    *values, stored_hash = row
    if row_hash(number, *values) != stored_hash:
        raise _damaged_version(values[0])
    return values


def _damaged_version(document_id: str) -> DamagedRow:
    return DamagedRow(f"an earlier text of {document_id!r} is damaged; `qa check --repair` drops it, or restore a backup")


def passage_row(passage_id: int, number: int, passage: Passage) -> Row:
    """The id and PASSAGE_COLUMNS; `number` is the document's."""
    headings = json.dumps(passage.headings, ensure_ascii=False)
    row = (number, passage.start, passage.end, passage.page, passage.anchor, headings, passage.context, passage.text)
    return (passage_id, *row, row_hash(passage_id, *row))


def passage(passage_id: int, row: Sequence[Any]) -> Passage:
    """From PASSAGE_COLUMNS."""
    *values, stored_hash = row
    if row_hash(passage_id, *values) != stored_hash:
        raise DamagedRow(f"the stored passage {passage_id} is damaged; add its document again or restore a backup")
    _, start, end, page, anchor, headings, context, text = values
    return Passage(start, end, text, tuple(json.loads(headings)), context, page, anchor)


@lru_cache(maxsize=512)
def cached_passage(passage_id: int, row: Row) -> Passage:
    """`passage`, cached by the whole row."""
    return passage(passage_id, row)


def vector_row(fingerprint: str, passage_id: int, vector: Vector) -> Row:
    data = np.ascontiguousarray(vector, "<f4").tobytes()
    return fingerprint, passage_id, data, row_hash(fingerprint, passage_id, data)


def vector(fingerprint: str, passage_id: int, data: bytes | None, stored_hash: bytes | None) -> Vector:
    """Raises DamagedRow, also for a missing vector."""
    if data is None or row_hash(fingerprint, passage_id, data) != stored_hash:
        raise DamagedRow(f"the stored vector of passage {passage_id} is damaged; add its document again or restore a backup")
    return np.frombuffer(data, "<f4").astype(np.float32)


def row_hash(*values: Any) -> bytes:
    """128 bits over types, lengths and contents of the values."""
    digest = hashlib.blake2b(digest_size=16)
    for value in values:
        data = value if isinstance(value, bytes) else str(value).encode()
        digest.update(f"{type(value).__name__}{len(data)}:".encode())
        digest.update(data)
    return digest.digest()


def _as_json(value: Any) -> str:
    return json.dumps(dict(value), ensure_ascii=False, sort_keys=True)


class RowReader:
    """Turns rows of a database into values and reports damaged ones."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen = threading.local()

    def reading(self) -> AbstractContextManager[None]:
        """As `Database.reading`."""
        return self._database.reading()

    def renew(self) -> None:
        """As `Database.renew`."""
        self._database.renew()

    def _read_one(self, parse: Callable[..., Value], *values: Any) -> Value:
        """The value of one row. Raises DamagedRow."""
        try:
            return parse(*values)
        except DamagedRow as damage:
            self._database.damage.report(str(damage))
            raise

    def _read_each(self, parse: Callable[[int, Any], Value], rows: Iterable[tuple[int, Sequence[Any]]]) -> dict[int, Value]:
        """Values by number, without those of damaged rows."""
        read: dict[int, Value] = {}
        for number, row in rows:
            try:
                read[number] = parse(number, row)
            except DamagedRow as damage:
                self._database.damage.report(str(damage))
        return read
