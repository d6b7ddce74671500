"""What an audience may not read changes nothing that it is told: every engine answers as if it held the readable documents alone."""

from __future__ import annotations

from typing import Any

import pytest

from corpus.types import Document
from index.access.audience import NOBODY, Audience
from index.access.restricted import RestrictedEngine
from index.engine import Engine
from index.filters import Comparison, both
from index.listing import DocumentQuery
from index.text.analysis import terms
from tests.index.engine.examples import WORDS, document
from tests.index.engine.reference import HashingEmbedder, ReferenceEngine
from tests.index.engine.test_engine_contract import assert_same_ranking, found, passages_of

EMBEDDER = HashingEmbedder()
CANARY = "zephyrine"
# Document -> its collection and groups.
PLACES: dict[str, dict[str, Any]] = {
    "d0": {},
    "d1": {"collection": "press"},
    "d2": {"collection": "press", "access": ["staff", "board"]},
    "d3": {"collection": "hr", "access": ["staff"]},
    "d4": {"collection": "hr", "access": None},
    "d5": {"access": ["board"]},
    "d6": {"collection": "hr"},
    "d7": {"collection": "press", "access": ["guests"]},
}
AUDIENCES = {
    Audience(None): {"d0", "d1", "d4", "d6"},
    Audience(None, ("staff",)): {"d0", "d1", "d2", "d3", "d4", "d6"},
    Audience(("press",)): {"d1"},
    Audience(("press", "hr"), ("board", "guests")): {"d1", "d2", "d4", "d6", "d7"},
    Audience(("default",), ("board",)): {"d0", "d5"},
    Audience(("none",), ("staff",)): set(),
    NOBODY: set(),
}


def example(number: int) -> Document:
    word = WORDS[number]
    return document(
        f"d{number}", [f"{word} {WORDS[number - 1]}", f"{word} reed reed {CANARY if number in (2, 5) else ''}"], word
    )


def put(engine: Engine, each: Document, **edits: Any) -> None:
    vectors = EMBEDDER.embed_passages([passage.searchable_text for passage in passages_of(each)])
    engine.put(str(each.id), each, passages_of(each), vectors, edits=edits)


@pytest.fixture
def filled(engine: Engine) -> Engine:
    for number in range(len(WORDS)):
        put(engine, example(number), **PLACES[f"d{number}"])
    return engine


def reference_of(readable: set[str]) -> ReferenceEngine:
    reference = ReferenceEngine()
    for number in range(len(WORDS)):
        if f"d{number}" in readable:
            each = example(number)
            vectors = EMBEDDER.embed_passages([passage.searchable_text for passage in passages_of(each)])
            reference.put(each, passages_of(each), vectors, None)
    return reference


def check(engine: Engine, audience: Audience, readable: set[str]) -> None:
    reference, view = reference_of(readable), RestrictedEngine(engine, audience)
    assert view.counts() == reference.counts()
    assert dict(view.facets("id", None, 10)) == dict.fromkeys(readable, 1)
    page = view.page(DocumentQuery(sort="id"))
    assert ({stored.id for stored in page.documents}, page.total) == (readable, len(readable))
    for question in ("otter reed", f"heron {CANARY} salmon"):
        query = view.prepare(question, spelling=False)
        for allowed in (None, Comparison("in", "id", ("d1", "d2", "d3"))):
            with view.snapshot(allowed) as snapshot:
                ranking = snapshot.search(query)
                assert snapshot.best_similarity(query.vector) == pytest.approx(
                    reference.best_similarity(query.vector, allowed), abs=1e-5
                )
            assert_same_ranking(found(engine, ranking), reference.search(query, allowed))
            texts = [f"{stored.document.title} {stored.document.text}" for stored in reference.documents.values()]
            assert set(ranking.absent) == set(terms(question)) - {term for text in texts for term in terms(text)}
            assert ranking.passages == len(found(engine, ranking))
    for number in range(len(WORDS)):
        document_id, may_read = f"d{number}", f"d{number}" in readable
        assert (view.document(document_id) is not None) == may_read
        assert (view.content(document_id) is not None) == may_read
        assert bool(view.passages_of(document_id)) == may_read
        own = [stored.id for stored in engine.passages_of(document_id)]
        assert [stored.id for stored in view.passages(own)] == (own if may_read else [])
        assert view.passage_counts([document_id]) == ({document_id: len(own)} if may_read else {})


def test_an_audience_gets_what_the_readable_documents_alone_would_give(filled: Engine) -> None:
    for indexed in (False, True):
        if indexed:
            filled.rebuild()
        for audience, readable in AUDIENCES.items():
            check(filled, audience, readable)


def test_a_change_of_groups_binds_at_once(filled: Engine) -> None:
    staff = Audience(None, ("staff",))
    readable = set(AUDIENCES[staff])
    check(filled, staff, readable)
    filled.edit("d3", {"access": ["board"]})
    check(filled, staff, readable - {"d3"})
    filled.edit("d3", {"access": None, "collection": "press"})
    check(filled, staff, readable)
    check(filled, Audience(("press",)), {"d1", "d3"})
    put(filled, example(3))  # replaced, without naming a collection
    stored = filled.document("d3")
    assert stored
    assert (stored.collection, stored.access) == ("press", None)
    assert dict(filled.facets("collection", both(staff, None), 10)) == {"default": 1, "press": 3, "hr": 2}
