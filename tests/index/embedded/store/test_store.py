"""Storing, replacing, removing and listing documents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from corpus.types import Document
from index.embedded.store.database import Database
from index.embedded.store.store import Store
from index.types import FingerprintMismatch
from tests.examples import examples
from tests.index.embedded.store.examples import (
    DOCUMENT,
    OTHER,
    passages_of,
    put,
    read_everything,
    stored_passages,
    vectors_for,
)

OpenStore = Callable[..., Store]


def test_returns_a_document_unchanged_also_after_reopening(store: Store, open_store: OpenStore, tmp_path: Path) -> None:
    for opened in (store, open_store(tmp_path), open_store(tmp_path, read_only=True)):
        assert opened.content("fees") == DOCUMENT
        assert stored_passages(opened) == passages_of(DOCUMENT)
        ((ids, texts, matrix),) = opened.passages_since(0, "model")
        assert ids.tolist() == opened.passage_ids("fees").tolist()
        assert {text.title for text in texts} == {DOCUMENT.title}
        assert all(passage.text in text.body for passage, text in zip(passages_of(DOCUMENT), texts, strict=True))
        np.testing.assert_array_equal(matrix, vectors_for(passages_of(DOCUMENT)))


@given(
    text=st.text(max_size=300),
    title=st.text(max_size=40),
    metadata=st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=3),
)
@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_keeps_any_text_verbatim_with_its_digest(
    store: Store, open_store: OpenStore, tmp_path: Path, text: str, title: str, metadata: dict[str, str]
) -> None:
    document = Document(text=text, title=title, id="odd", metadata=metadata)
    put(store, document)
    assert store.content("odd") == document
    found = store.document("odd")
    assert found is not None
    assert found.version == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert "".join(passage.text for passage in stored_passages(store, "odd")) == text


def test_replacing_a_document_removes_the_old_one(store: Store) -> None:
    old_ids, last = store.passage_ids("fees").tolist(), store.last_passage_id()
    put(store, replace(DOCUMENT, text="New text.", headings=(), pages=()))
    content = store.content("fees")
    assert content is not None
    assert content.text == "New text."
    assert store.counts() == (1, 1)
    assert store.passages(old_ids) == []
    assert min(store.passage_ids("fees")) > last
    assert store.removed_passages(0, last).tolist() == old_ids


def test_passage_ids_of_a_removed_document_are_never_reused(store: Store, open_store: OpenStore, tmp_path: Path) -> None:
    old_ids = store.passage_ids("fees").tolist()
    store.remove("fees")
    for opened in (store, open_store(tmp_path)):
        assert opened.counts() == (0, 0)
        assert opened.content("fees") is None
        assert opened.passages(old_ids) == []
        assert list(opened.passages_since(0, "model")) == []
    put(store)
    assert set(store.passage_ids("fees").tolist()).isdisjoint(old_ids)


def test_removing_an_unknown_document_changes_nothing(store: Store) -> None:
    before = read_everything(store)
    store.remove("no such document")
    assert read_everything(store) == before


def test_lists_documents_by_id_page_by_page(store: Store) -> None:
    for name in ("b", "a", "c"):
        put(store, replace(DOCUMENT, id=name))
    first = store.documents(limit=2)
    assert [document.id for document in first] == ["a", "b"]
    assert [document.id for document in store.documents(after=first[-1].id)] == ["c", "fees"]


def test_returns_existing_passages_in_the_requested_order(store: Store) -> None:
    first, second, *_ = store.passage_ids("fees").tolist()
    assert [stored.id for stored in store.passages([second, 999, first])] == [second, first]
    assert store.passages([]) == []


def test_rejects_vectors_of_another_model(store: Store) -> None:
    before = read_everything(store)
    with pytest.raises(FingerprintMismatch, match="other") as refusal:
        put(store, replace(DOCUMENT, text="Changed."), fingerprint="other")
    assert "model" in str(refusal.value)
    assert read_everything(store) == before


def test_a_failed_put_stores_nothing(store: Store) -> None:
    before = read_everything(store)
    passages = passages_of(DOCUMENT)
    with pytest.raises(ValueError, match="vectors"):
        store.put("fees", DOCUMENT, passages, vectors_for(passages)[:1], "model")
    with pytest.raises(UnicodeEncodeError):
        put(store, replace(DOCUMENT, text="lone \ud800 surrogate"))
    assert read_everything(store) == before


def test_removes_a_document_without_scanning_tables(store: Store, tmp_path: Path) -> None:
    put(store, OTHER)
    database = Database(tmp_path)
    # The plan includes SQLite's own checks of references.
    for table, key in (("documents", "number"), ("passages", "id")):
        plan = [row[3] for row in database.rows(f"EXPLAIN QUERY PLAN DELETE FROM {table} WHERE {key} = 1")]
        assert plan
        assert not any("SCAN" in line for line in plan), plan
    database.close()
    store.remove("fees")
    assert not store.has_document("fees")
    assert [stored.document.id for stored in store.passages(range(1, 20))] == ["other"] * len(passages_of(OTHER))


def test_removal_between_two_reads_is_no_damage(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge reads passages, then their documents; meanwhile another thread may replace one of them."""
    read_rows = Database.rows_by_key

    def remove_first(database: Database, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        if "FROM documents" in statement:
            removal = Thread(target=store.remove, args=("fees",))
            removal.start()
            removal.join()
        return read_rows(database, statement, *values)

    monkeypatch.setattr(Database, "rows_by_key", remove_first)
    ids = store.passage_ids("fees")
    ((found, _, _),) = store.passages_since(0, "model")
    assert found.tolist() == ids.tolist()
    assert list(store.passages_since(0, "model")) == []
    put(store)
    assert [stored.id for stored in store.passages(store.passage_ids("fees").tolist())]
    assert not store.damaged
