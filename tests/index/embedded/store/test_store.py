"""The store: documents come back verbatim, replaced and removed as a whole, and damage and foreign files are noticed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.types import Document, Heading, Passage
from index.embedded.store.database import Database
from index.embedded.store.filter_sql import filter_sql
from index.embedded.store.filtered_documents import FilteredDocuments
from index.embedded.store.store import Store
from index.filters import Comparison
from index.types import DamagedRow, FingerprintMismatch, Matrix, NewerFormat, StoreError

OpenStore = Callable[..., Store]
FILE = "store.sqlite"

DOCUMENT = Document(
    text="Fees\nAn adult pays £82.80. A child pays less.",
    title="Passport fees",
    headings=(Heading(0, 4, 1, "Fees", "fees"),),
    pages=(0, 5),
    id="fees",
    url="https://example.org/fees",
    date="2025-07-21",
    type="guidance",
    language="en",
    metadata={"publisher": "HMPO", "tags": ["a", "b"], "year": 2025, "share": 0.5, "open": True},
)


OTHER = replace(DOCUMENT, text="Wizards live in towers. They have no fees.", title="Wizards", id="other", headings=(), pages=())


def passages_of(document: Document, size: int = 20) -> list[Passage]:
    """Spans of some characters each; where a passage begins and ends does not matter to the store."""
    starts = range(0, len(document.text), size)
    spans = [(start, min(start + size, len(document.text))) for start in starts]
    return [Passage(a, b, document.text[a:b], ("Fees",), document.title, 1, "fees") for a, b in spans]


def vectors_for(passages: list[Passage]) -> Matrix:
    vectors = np.random.default_rng(len(passages)).normal(size=(len(passages), 4)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def put(store: Store, document: Document = DOCUMENT, fingerprint: str = "model") -> None:
    passages = passages_of(document)
    store.put(str(document.id), document, passages, vectors_for(passages), fingerprint)


def stored_passages(store: Store, document_id: str = "fees") -> list[Passage]:
    return [stored.passage for stored in store.passages(store.passage_ids(document_id).tolist())]


def all_that_is_read(store: Store) -> list[Any]:
    """Everything a reader can get at, in comparable form."""
    batches = [(ids.tolist(), texts, matrix.tolist()) for ids, texts, matrix in store.passages_since(0, "model")]
    return [store.documents(), [store.content(d.id) for d in store.documents()], stored_passages(store), batches]


@pytest.fixture
def store(open_store: OpenStore, tmp_path: Path) -> Store:
    created = open_store(tmp_path, create=True)
    put(created)
    return created


def test_a_document_comes_back_whole_also_after_reopening(store: Store, open_store: OpenStore, tmp_path: Path) -> None:
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
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_text_is_kept_verbatim_with_the_digest_of_its_bytes(
    store: Store, open_store: OpenStore, tmp_path: Path, text: str, title: str, metadata: dict[str, str]
) -> None:
    document = Document(text=text, title=title, id="odd", metadata=metadata)
    put(store, document)
    assert store.content("odd") == document
    found = store.document("odd")
    assert found is not None
    assert found.version == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert "".join(passage.text for passage in stored_passages(store, "odd")) == text


def test_replacing_a_document_leaves_nothing_of_the_old_one(store: Store) -> None:
    old_ids, last = store.passage_ids("fees").tolist(), store.last_passage_id()
    put(store, replace(DOCUMENT, text="New text.", headings=(), pages=()))
    content = store.content("fees")
    assert content is not None
    assert content.text == "New text."
    assert store.counts() == (1, 1)
    assert store.passages(old_ids) == []
    assert min(store.passage_ids("fees")) > last
    assert store.removed_passages(0, last).tolist() == old_ids


def test_a_removed_document_is_gone_and_its_passage_ids_are_never_given_again(
    store: Store, open_store: OpenStore, tmp_path: Path
) -> None:
    old_ids = store.passage_ids("fees").tolist()
    store.remove("fees")
    for opened in (store, open_store(tmp_path)):
        assert opened.counts() == (0, 0)
        assert opened.content("fees") is None
        assert opened.passages(old_ids) == []
        assert list(opened.passages_since(0, "model")) == []
    put(store)
    assert set(store.passage_ids("fees").tolist()).isdisjoint(old_ids)


def test_removing_what_is_not_there_changes_nothing(store: Store) -> None:
    before = all_that_is_read(store)
    store.remove("no such document")
    assert all_that_is_read(store) == before


def test_documents_are_listed_in_the_order_of_their_ids_page_by_page(store: Store) -> None:
    for name in ("b", "a", "c"):
        put(store, replace(DOCUMENT, id=name))
    first = store.documents(limit=2)
    assert [document.id for document in first] == ["a", "b"]
    assert [document.id for document in store.documents(after=first[-1].id)] == ["c", "fees"]


def test_passages_come_in_the_order_they_were_asked_for_without_those_that_are_not_there(store: Store) -> None:
    first, second, *_ = store.passage_ids("fees").tolist()
    assert [stored.id for stored in store.passages([second, 999, first])] == [second, first]
    assert store.passages([]) == []


def test_vectors_of_another_model_are_refused_and_change_nothing(store: Store) -> None:
    before = all_that_is_read(store)
    with pytest.raises(FingerprintMismatch, match="other") as refusal:
        put(store, replace(DOCUMENT, text="Changed."), fingerprint="other")
    assert "model" in str(refusal.value)
    assert all_that_is_read(store) == before


def test_a_document_that_cannot_be_stored_whole_is_not_stored_at_all(store: Store) -> None:
    before = all_that_is_read(store)
    passages = passages_of(DOCUMENT)
    with pytest.raises(ValueError, match="vectors"):
        store.put("fees", DOCUMENT, passages, vectors_for(passages)[:1], "model")
    with pytest.raises(UnicodeEncodeError):
        put(store, replace(DOCUMENT, text="lone \ud800 surrogate"))
    assert all_that_is_read(store) == before


DAMAGES = [
    *(("documents", column) for column in ("id", "title", "url", "date", "type", "language", "version", "metadata")),
    *(("documents", column) for column in ("structure", "text", "hash", "structure_hash")),
    *(("passages", column) for column in ("document", "start", "end", "page", "anchor", "headings", "context", "text", "hash")),
    *(("vectors", column) for column in ("fingerprint", "passage", "vector", "hash")),
]


@pytest.mark.parametrize(("table", "column"), DAMAGES, ids=lambda value: str(value))
def test_a_flipped_bit_in_any_column_is_reported_and_its_row_withheld_while_the_rest_is_there(
    store: Store, open_store: OpenStore, tmp_path: Path, table: str, column: str
) -> None:
    put(store, OTHER)
    before, others = shown(store), shown(store, of="other")
    with apsw.Connection(str(tmp_path / FILE)) as connection:
        connection.pragma("foreign_keys", False)
        ((key, value),) = connection.execute(
            f'SELECT {"passage" if table == "vectors" else "rowid"}, "{column}" FROM {table} LIMIT 1'
        )
        connection.execute(
            f'UPDATE {table} SET "{column}" = ? WHERE {"passage" if table == "vectors" else "rowid"} = ?', (flipped(value), key)
        )
    opened = open_store(tmp_path)
    after = shown(opened)
    assert others <= after < before
    assert opened.damaged
    # Until it is added again, which also a later process knows of.
    assert open_store(tmp_path).damaged
    for document in (DOCUMENT, OTHER):
        put(opened, document)
    assert {line for line in shown(open_store(tmp_path)) if "passage" not in line} == {
        line for line in before if "passage" not in line
    }


def shown(store: Store, of: str | None = None) -> set[str]:
    """All that a reader is given, of one document or of all: a line each."""
    lines: set[str] = set()
    for document_id in [of] if of else ["fees", "other"]:
        try:
            lines |= {f"document {replace(found, number=0)}" for found in [store.document(document_id)] if found}
            lines |= {f"content {found}" for found in [store.content(document_id)] if found}
            lines |= {f"passage {stored.id} {stored.passage}" for stored in store.passages_of(document_id)}
        except DamagedRow:
            continue
    lines |= {f"document {replace(found, number=0)}" for found in store.documents() if of in (None, found.id)}
    ids = set(store.passage_ids(of).tolist()) if of else None
    for some, texts, matrix in store.passages_since(0, "model"):
        rows_ = zip(some.tolist(), texts, matrix.tolist(), strict=True)
        lines |= {f"passage {i} {text.title} {text.body} {vector}" for i, text, vector in rows_ if ids is None or i in ids}
    return lines


def flipped(value: Any) -> Any:
    """The value with the lowest bit of its last byte turned over."""
    if isinstance(value, int):
        return value ^ 1
    data = value.encode() if isinstance(value, str) else value
    changed = data[:-1] + bytes([data[-1] ^ 1])
    return changed.decode() if isinstance(value, str) else changed


def test_a_document_is_removed_without_looking_through_all_others(store: Store, tmp_path: Path) -> None:
    put(store, OTHER)
    database = Database(tmp_path)
    # What SQLite would do besides, to see that nothing refers to it, is in its plan too.
    for table, key in (("documents", "number"), ("passages", "id")):
        plan = [row[3] for row in database.rows(f"EXPLAIN QUERY PLAN DELETE FROM {table} WHERE {key} = 1")]
        assert plan
        assert not any("SCAN" in line for line in plan), plan
    database.close()
    store.remove("fees")
    assert not store.has_document("fees")
    assert [stored.document.id for stored in store.passages(range(1, 20))] == ["other"] * len(passages_of(OTHER))


def test_what_filters_let_through_is_known_by_what_changed_and_told_without_the_texts(store: Store, tmp_path: Path) -> None:
    put(store, OTHER)
    fees, other = (found.number for found in store.documents())
    by_type, by_source = Comparison("eq", "type", "guidance"), Comparison("eq", "source", "wizards.txt")
    filtered = FilteredDocuments(Database(tmp_path, read_only=True))
    for filters in range(20):  # more than are kept
        assert filtered.numbers(Comparison("gte", "year", 2025 - filters)).tolist() == [fees, other]
    assert filtered.numbers(by_type).tolist() == [fees, other]
    assert filtered.numbers(by_source).tolist() == []
    assert store.update_source("other", "wizards.txt", None)
    filtered.forget()
    assert filtered.numbers(by_source).tolist() == [other]
    put(store, replace(OTHER, id="third"))
    assert filtered.numbers(by_type).tolist() == [fees, other, other + 1]
    for filter_ in (by_type, by_source, Comparison("in", "publisher", ("HMPO",))):
        condition, values = filter_sql(filter_)
        with apsw.Connection(str(tmp_path / FILE)) as connection:
            plan = [
                row[3]
                for row in connection.execute(f"EXPLAIN QUERY PLAN SELECT d.number FROM documents d WHERE {condition}", values)
            ]
        assert any("COVERING INDEX" in line for line in plan), plan


def test_a_store_of_a_newer_format_is_refused_with_the_way_out(store: Store, open_store: OpenStore, tmp_path: Path) -> None:
    with apsw.Connection(str(tmp_path / FILE)) as connection:
        connection.pragma("user_version", connection.pragma("user_version") + 1)
    for options in ({}, {"read_only": True}, {"create": True}):
        with pytest.raises(NewerFormat, match="install the version that wrote it"):
            open_store(tmp_path, **options)


@pytest.mark.parametrize(
    "contents", [b"just some text, not a database " * 40, b"\0" * 4096, b""], ids=["text", "zeros", "empty"]
)
def test_a_file_that_is_not_a_store_is_refused_and_left_alone(open_store: OpenStore, tmp_path: Path, contents: bytes) -> None:
    (tmp_path / FILE).write_bytes(contents)
    with pytest.raises(StoreError, match="not a Quotable store"):
        open_store(tmp_path)
    assert (tmp_path / FILE).read_bytes() == contents


def test_another_programs_database_is_refused_and_left_alone(open_store: OpenStore, tmp_path: Path) -> None:
    with apsw.Connection(str(tmp_path / FILE)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    contents = (tmp_path / FILE).read_bytes()
    for options in ({}, {"create": True}, {"read_only": True}):
        with pytest.raises(StoreError, match="not a Quotable store"):
            open_store(tmp_path, **options)
    assert (tmp_path / FILE).read_bytes() == contents


def test_a_folder_without_a_store_is_not_given_one_by_reading(open_store: OpenStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open"):
        open_store(tmp_path, read_only=True)
    with pytest.raises(StoreError, match="cannot open"):
        open_store(tmp_path / "missing", create=True)
    assert list(tmp_path.iterdir()) == []


def test_a_store_opened_to_read_cannot_be_written(store: Store, open_store: OpenStore, tmp_path: Path) -> None:
    reading = open_store(tmp_path, read_only=True)
    with pytest.raises(StoreError, match="cannot be written"):
        reading.remove("fees")
    assert reading.content("fees") == DOCUMENT


WRITES_SLOWLY = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE documents SET title = 'half done'")
print("writing", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""


def test_readers_see_the_last_whole_state_while_another_process_writes(
    store: Store, open_store: OpenStore, tmp_path: Path
) -> None:
    before = all_that_is_read(store)
    with subprocess.Popen(
        [sys.executable, "-c", WRITES_SLOWLY, str(tmp_path / FILE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == "writing\n"
        reading = open_store(tmp_path, read_only=True)
        assert all_that_is_read(reading) == before
        writer.stdin.write("\n")
    assert writer.returncode == 0


def test_two_stores_never_share_an_identity(open_store: OpenStore, tmp_path: Path) -> None:
    identities = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        identities |= {open_store(tmp_path / name, create=True).identity, open_store(tmp_path / name).identity}
    assert len(identities) == 2


def test_a_folder_that_is_reached_through_a_link_is_opened(open_store: OpenStore, tmp_path: Path) -> None:
    folder, link = tmp_path / "data", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    open_store(link, create=True)
    assert open_store(folder, read_only=True).last_passage_id() == 0


def test_a_text_that_has_become_bytes_is_damaged(store: Store, open_store: OpenStore, tmp_path: Path) -> None:
    with apsw.Connection(str(tmp_path / FILE)) as connection:
        connection.execute("UPDATE documents SET text = CAST(text AS BLOB)")
    with pytest.raises(DamagedRow, match="damaged"):
        open_store(tmp_path).content("fees")


def test_a_lost_passage_is_reported_and_an_unknown_id_is_not(store: Store, tmp_path: Path) -> None:
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
