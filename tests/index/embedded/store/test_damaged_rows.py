"""Damaged and lost rows are reported, and withheld from readers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from index.embedded.store.store import Store
from index.types import DamagedRow, StoredDocument
from tests.index.embedded.store.examples import (
    DOCUMENT,
    FILE,
    OTHER,
    put,
)

OpenStore = Callable[..., Store]

DAMAGES = [
    *(("documents", column) for column in ("id", "title", "url", "date", "type", "language", "version", "metadata")),
    *(("documents", column) for column in ("structure", "text", "hash", "structure_hash")),
    *(("passages", column) for column in ("document", "start", "end", "page", "anchor", "headings", "context", "text", "hash")),
    *(("vectors", column) for column in ("fingerprint", "passage", "vector", "hash")),
]


@pytest.mark.parametrize(("table", "column"), DAMAGES, ids=lambda value: str(value))
def test_a_flipped_bit_in_any_column_is_reported_and_its_row_withheld(
    store: Store, open_store: OpenStore, tmp_path: Path, table: str, column: str
) -> None:
    put(store, OTHER)
    before, others = readable_lines(store), readable_lines(store, of="other")
    with apsw.Connection(str(tmp_path / FILE)) as connection:
        connection.pragma("foreign_keys", False)
        ((key, value),) = connection.execute(
            f'SELECT {"passage" if table == "vectors" else "rowid"}, "{column}" FROM {table} LIMIT 1'
        )
        connection.execute(
            f'UPDATE {table} SET "{column}" = ? WHERE {"passage" if table == "vectors" else "rowid"} = ?',
            (flip_last_bit(value), key),
        )
    opened = open_store(tmp_path)
    after = readable_lines(opened)
    assert others <= after < before
    assert opened.damaged
    # Still damaged in a later process, until the document is added again.
    assert open_store(tmp_path).damaged
    for document in (DOCUMENT, OTHER):
        put(opened, document)
    assert {line for line in readable_lines(open_store(tmp_path)) if "passage" not in line} == {
        line for line in before if "passage" not in line
    }


def test_a_text_stored_as_bytes_is_damaged(store: Store, open_store: OpenStore, tmp_path: Path) -> None:
    with apsw.Connection(str(tmp_path / FILE)) as connection:
        connection.execute("UPDATE documents SET text = CAST(text AS BLOB)")
    with pytest.raises(DamagedRow, match="damaged"):
        open_store(tmp_path).content("fees")


def test_reports_a_lost_passage_but_not_an_unknown_id(store: Store, tmp_path: Path) -> None:
    first, second, *_ = store.passage_ids("fees").tolist()
    put(store, OTHER)
    store.remove("other")
    store.purge_removed_passages(store.removed_passages())
    assert [stored.id for stored in store.passages(range(1, 1000))] == store.passage_ids("fees").tolist()
    assert not store.damaged
    with apsw.Connection(str(tmp_path / FILE)) as connection:
        connection.execute("DELETE FROM passages WHERE id = ?", (second,))
    assert [stored.id for stored in store.passages([first, second])] == [first]
    assert store.damaged


def readable_lines(store: Store, of: str | None = None) -> set[str]:
    """What can be read of one document or of all, one line for each item."""
    lines: set[str] = set()
    for document_id in [of] if of else ["fees", "other"]:
        try:
            lines |= {_line(found) for found in [store.document(document_id)] if found}
            lines |= {f"content {found}" for found in [store.content(document_id)] if found}
            lines |= {f"passage {stored.id} {stored.passage}" for stored in store.passages_of(document_id)}
        except DamagedRow:
            continue
    lines |= {_line(found) for found in store.documents() if of in (None, found.id)}
    ids = set(store.passage_ids(of).tolist()) if of else None
    for some, texts, matrix in store.passages_since(0, "model"):
        rows_ = zip(some.tolist(), texts, matrix.tolist(), strict=True)
        lines |= {f"passage {i} {text.title} {text.body} {vector}" for i, text, vector in rows_ if ids is None or i in ids}
    return lines


def _line(document: StoredDocument) -> str:
    return f"document {replace(document, number=0, added='', changed='')}"


def flip_last_bit(value: Any) -> Any:
    """The value with the lowest bit of its last byte inverted."""
    if isinstance(value, int):
        return value ^ 1
    data = value.encode() if isinstance(value, str) else value
    changed = data[:-1] + bytes([data[-1] ^ 1])
    return changed.decode() if isinstance(value, str) else changed
