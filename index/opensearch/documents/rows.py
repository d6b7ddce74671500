"""Documents and passages as rows of the cluster's index, and back."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from corpus.types import Document, Passage
from index.documents import content_of, structure_of
from index.opensearch.documents.fields import MAX_TERM, compared_terms, counted_terms
from index.ranking.features import term_hash
from index.text.analysis import passage_terms, terms
from index.types import DocumentVersion, Matrix, StoredDocument, StoredPassage, Vector

Row = dict[str, Any]

# A passage's id is its document's number and its place there, so that the ids of a document are consecutive and rise with every put.
# 33 bits and 20 bits: a number that JSON keeps.
PLACE_BITS = 20
MAX_PASSAGES = 1 << PLACE_BITS
_MAX_TOKEN = 200  # characters; the analyzer would split a term beyond 255
_EMPTY = np.empty(0, np.uint32)


@dataclass(frozen=True, slots=True)
class Record:
    """A document as it was committed. `revision`: of its rows. `lengths`: the number of terms of all its passages.

    `versions`: its present text and the earlier ones that are kept, the newest first; each earlier one has its own content, named by its
    number. Searches leave them out.
    """

    stored: StoredDocument
    revision: int
    passages: int
    lengths: int
    versions: Sequence[DocumentVersion] = ()

    @property
    def key(self) -> str:
        return key_of(self.stored.id)

    @property
    def kept_numbers(self) -> list[int]:
        """Of the contents of its earlier texts."""
        return [version.stored.number for version in self.versions[1:]]


def key_of(document_id: str) -> str:
    """What a document's rows are named and routed by: an id may be longer than the cluster allows."""
    return hashlib.sha256(document_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def record_name(key: str) -> str:
    return f"r{key}"


def passage_name(revision: int, place: int) -> str:
    return f"p{revision}-{place}"


def content_name(number: int) -> str:
    return f"c{number}"


def first_id(number: int) -> int:
    return number << PLACE_BITS


def number_of(passage_id: int) -> int:
    return passage_id >> PLACE_BITS


def token(term: str) -> str:
    """A term as the cluster's analyzer keeps it."""
    return term if len(term) <= _MAX_TOKEN else f"{term[:_MAX_TOKEN]}…{term_hash(term):08x}"


def record_row(record: Record) -> Row:
    stored = record.stored
    order = {"id": stored.id, "title": stored.title.casefold()}
    order |= {name: getattr(stored, name) or "" for name in ("file_name", "type", "date", "language", "added", "changed")}
    return {
        "kind": "record",
        "key": record.key,
        "number": stored.number,
        "revision": record.revision,
        "removed": False,
        "passages": record.passages,
        "lengths": record.lengths,
        "document_id": stored.id,
        **{
            name: getattr(stored, name)
            for name in ("title", "source", "url", "date", "type", "language", "collection", "location", "original")
        },
        "version": stored.version,
        "year": stored.date[:4] if stored.date else None,
        "file_key": (stored.file_name or "").casefold()[:MAX_TERM],
        **{f"order_{name}": value[:MAX_TERM] for name, value in order.items()},
        "fields": compared_terms(stored),
        "facets": counted_terms(stored),
        "stored": _as_row(stored),
        # `stored` of the first is that of the document.
        "versions": [
            {
                "since": each.since,
                "until": each.until,
                "by": each.by,
                **({"stored": _as_row(each.stored)} if each.until else {}),
            }
            for each in record.versions
        ],
    }


def tombstone(document_id: str, number: int) -> Row:
    """What stays of a removed document, so that a put that began earlier does not bring it back."""
    key = key_of(document_id)
    own = {"document_id": document_id, "number": number, "revision": number, "written": int(time.time())}
    return {"kind": "record", "key": key, "removed": True, "passages": 0, "lengths": 0, **own}


def record_of(row: Mapping[str, Any]) -> Record:
    """Of a record that is not removed."""
    stored = _as_stored(row["stored"])
    versions = [
        DocumentVersion(_as_stored(each["stored"]) if "stored" in each else stored, each["since"], each["until"], each["by"])
        for each in row.get("versions", ())
    ]
    # Without any: stored by a version of this program that kept none.
    return Record(
        stored, row["revision"], row["passages"], row["lengths"], versions or [DocumentVersion(stored, stored.changed)]
    )


def _as_row(stored: StoredDocument) -> Row:
    return asdict(stored) | {"metadata": json.dumps(dict(stored.metadata)), "edits": json.dumps(dict(stored.edits))}


def _as_stored(row: Mapping[str, Any]) -> StoredDocument:
    return StoredDocument(**{**row, "metadata": json.loads(row["metadata"]), "edits": json.loads(row["edits"])})


def content_row(key: str, number: int, document: Document) -> Row:
    parts = structure_of(document) | {"text": document.text}
    return {"kind": "content", "key": key, "number": number, "written": int(time.time()), "content": parts}


def document_of(stored: StoredDocument, row: Mapping[str, Any]) -> Document:
    """Raises DamagedRow if the text is not the one that the record names."""
    return content_of(stored, row["content"]["text"], row["content"])


def passage_rows(
    stored: StoredDocument,
    indexed_title: str,
    revision: int,
    passages: Sequence[Passage],
    vectors: Matrix,
    *,
    by_language: bool = True,
) -> Iterator[Row]:
    """`indexed_title`: the title that the passages were embedded with. `by_language`: the terms are those of the document's language."""
    own = {"kind": "passage", "key": key_of(stored.id), "number": stored.number, "revision": revision}
    own |= {"fields": compared_terms(stored), "written": int(time.time())}
    for place, (passage, vector) in enumerate(zip(passages, vectors, strict=True)):
        body = "\n".join((*passage.headings, passage.text))
        title, in_body = (
            passage_terms(indexed_title, body, stored.language) if by_language else (terms(indexed_title), terms(body))
        )
        found = title + in_body
        hashes = np.array([term_hash(term) for term in found], "<u4")
        yield {
            **own,
            "id": first_id(stored.number) + place,
            "terms": " ".join(map(token, found)),
            "hashes": _encode(hashes.tobytes()),
            "title_length": len(title),
            "lengths": len(found),
            "vector": vector.tolist(),
            "floats": _encode(np.ascontiguousarray(vector, "<f4").tobytes()),
            "indexed_title": indexed_title,
            "passage": asdict(passage),
        }


def passage_of(row: Mapping[str, Any]) -> Passage:
    own = dict(row["passage"])
    return Passage(**own | {"headings": tuple(own["headings"])})


def stored_passage(passage_id: int, record: Record, row: Mapping[str, Any]) -> StoredPassage:
    return StoredPassage(passage_id, record.stored, passage_of(row))


def hashes_of(fields: Mapping[str, Any]) -> Any:
    """The hashed terms of a passage, uint32 (n,)."""
    found = fields.get("hashes")
    return np.frombuffer(_decode(found[0]), "<u4") if found else _EMPTY


def vector_of(fields: Mapping[str, Any]) -> Vector:
    return np.frombuffer(_decode(fields["floats"][0]), "<f4").astype(np.float32)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))
