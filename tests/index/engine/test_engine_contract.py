"""Contract of every engine, with the reference engine as the oracle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.types import Document, Passage
from index.engine import Engine
from index.filters import Combination, Comparison, Filter
from index.ranking.result import Ranking
from index.types import Origin
from tests.examples import examples
from tests.index.engine.conftest import NewEngine, OpenEngine
from tests.index.engine.examples import WORDS, document, searches, steps
from tests.index.engine.reference import Found, HashingEmbedder, ReferenceEngine

EMBEDDER = HashingEmbedder()
NOTHING = Combination("or", ())
EVERYTHING = Combination("and", ())


def passages_of(document: Document) -> list[Passage]:
    """A passage a paragraph."""
    found, start = [], 0
    for part in document.text.split("\n\n"):
        found.append(Passage(start, start + len(part), part, (), document.title))
        start += len(part) + 2
    return found


def put(engine: Engine, document: Document, source: str | None = None) -> str:
    passages = passages_of(document)
    vectors = EMBEDDER.embed_passages([passage.searchable_text for passage in passages])
    return engine.put(str(document.id), document, passages, vectors, origin=Origin(source, source))


def found(engine: Engine, ranking: Ranking) -> list[Found]:
    stored = {passage.id: passage for passage in engine.passages([c.passage_id for c in ranking.candidates])}
    return [
        Found(stored[c.passage_id].document.id, stored[c.passage_id].passage.start, c.score)
        for c in ranking.candidates
        if c.passage_id in stored
    ]


def search(engine: Engine, question: str, allowed: Filter | None = None) -> list[Found]:
    return found(engine, engine.search(engine.prepare(question, spelling=False), allowed))


def assert_same_ranking(ours: list[Found], expected: list[Found]) -> None:
    """The same scores; passages whose scores are equal but for rounding may change places."""
    assert [score for _, _, score in ours] == pytest.approx([score for _, _, score in expected], abs=1e-4)
    theirs = {(document_id, start): score for document_id, start, score in expected}
    assert {(document_id, start): score for document_id, start, score in ours} == pytest.approx(theirs, abs=1e-4)


Sequence = list[tuple[tuple, tuple]]  # type: ignore[type-arg]
sequences = st.lists(st.tuples(steps, searches), min_size=1, max_size=8)


@given(sequences)
@examples(40)
def test_matches_the_reference_after_any_sequence(new_local_engine: NewEngine, sequence: Sequence) -> None:
    check_any_sequence(new_local_engine, sequence)


def check_any_sequence(new_engine: NewEngine, sequence: Sequence) -> None:
    reference, exact = ReferenceEngine(), True
    with new_engine() as engine:
        for (name, *arguments), (question, allowed) in sequence:
            changed = name == "remove" or (name == "put" and arguments[0].id in reference.documents)
            if name == "put":
                incoming, source = arguments
                vectors = EMBEDDER.embed_passages([passage.searchable_text for passage in passages_of(incoming)])
                assert put(engine, incoming, source) == reference.put(incoming, passages_of(incoming), vectors, source)
            elif name == "remove":
                assert engine.remove(*arguments) == reference.remove(*arguments)
            elif name == "update_origin":
                document_id, location = arguments
                engine.update_origin(document_id, Origin(location, location))
                reference.update_source(document_id, location)
            else:
                getattr(engine, name)()
            # Until the index is rebuilt, removed passages may count in document frequencies.
            exact = name == "rebuild" or (exact and not (changed and engine.generation))
            query = engine.prepare(question, spelling=False)
            ours, expected = found(engine, engine.search(query, allowed)), reference.search(query, allowed)
            if exact:
                assert_same_ranking(ours, expected)
            assert {each[:2] for each in ours} == {each[:2] for each in expected}
            assert engine.counts() == reference.counts()
            for key in ("colour", "year", "source"):
                assert dict(engine.facets(key, allowed, 100)) == reference.facet(key, allowed)
        for document_id, stored in reference.documents.items():
            assert engine.content(document_id) == stored.document
            assert [passage.passage for passage in engine.passages_of(document_id)] == list(stored.passages)
            assert engine.holds(document_id, stored.document)
        assert [each.id for each in engine.documents()] == sorted(reference.documents)
        expected_counts = {document_id: len(stored.passages) for document_id, stored in reference.documents.items()}
        assert engine.passage_counts([*expected_counts, "unknown"]) == expected_counts


def filled(engine: Engine) -> ReferenceEngine:
    reference = ReferenceEngine()
    for number, word in enumerate(WORDS):
        each = document(f"d{number}", [f"{word} {WORDS[number - 1]}", f"{word} reed reed"], word)
        put(engine, each)
        vectors = EMBEDDER.embed_passages([passage.searchable_text for passage in passages_of(each)])
        reference.put(each, passages_of(each), vectors, None)
    return reference


def test_no_filter_allows_everything_and_an_empty_filter_nothing(engine: Engine) -> None:
    filled(engine)
    everything = search(engine, "otter reed")
    assert len(everything) == 2 * len(WORDS)
    assert search(engine, "otter reed", EVERYTHING) == everything
    for nothing in (NOTHING, Comparison("in", "id", ()), Comparison("eq", "id", "unknown")):
        assert search(engine, "otter reed", nothing) == []
        assert engine.facets("id", nothing, 10) in ([], ())


def test_ranks_with_context_synonyms_and_by_words_only_as_the_reference(engine: Engine) -> None:
    reference = filled(engine)
    engine.rebuild()
    query = engine.prepare("otter reed", spelling=False)
    for variant in (
        query,
        replace(query, context="salmon trout", context_weight=0.3),
        replace(query, lexical_only=True),
        replace(query, synonyms=(("otter", "heron"), ("otter reed", "salmon trout"))),
    ):
        assert_same_ranking(found(engine, engine.search(variant)), reference.search(variant))


@pytest.mark.parametrize("allowed", [None, Comparison("in", "id", ("d1", "d2")), NOTHING])
def test_snapshot_ranks_the_same_after_its_similarities_were_asked_for(engine: Engine, allowed: Filter | None) -> None:
    reference = filled(engine)
    engine.rebuild()
    query = engine.prepare("otter reed", spelling=False)
    with engine.snapshot(allowed) as snapshot:
        for vector in (query.vector, query.vector + EMBEDDER.embed_question("heron")):
            assert snapshot.best_similarity(vector) == pytest.approx(reference.best_similarity(vector, allowed), abs=1e-5)
        ranking = snapshot.search(query)
    assert_same_ranking(found(engine, ranking), reference.search(query, allowed))


def test_replaced_document_is_never_half_visible(engine: Engine) -> None:
    filled(engine)
    put(engine, document("changing", ["heron 0"] * 3))
    ended, wrong = Event(), []

    def read() -> None:
        while not ended.is_set():
            query = engine.prepare("heron")
            with engine.snapshot(Comparison("eq", "id", "changing")) as snapshot:
                candidates = snapshot.search(query).candidates
                texts = [stored.passage.text for stored in snapshot.passages([c.passage_id for c in candidates])]
            if len(texts) != 3 or len(set(texts)) != 1:
                wrong.append(texts)

    reading = Thread(target=read)
    reading.start()
    for version in range(1, 25):
        assert put(engine, document("changing", [f"heron {version}"] * 3)) == "replaced"
        engine.maintain()
    ended.set()
    reading.join()
    assert wrong == []


def test_removed_document_is_not_found(engine: Engine) -> None:
    filled(engine)
    for indexed in (False, True):
        if indexed:
            engine.rebuild()
        document_id = "d1" if indexed else "d2"
        assert engine.remove(document_id)
        assert document_id not in {each.document_id for each in search(engine, "otter heron trout")}
        assert engine.document(document_id) is None
        assert not engine.remove(document_id)


def test_filter_finds_a_document_by_its_current_source_only(engine: Engine) -> None:
    """A filter that was evaluated before the source changed is evaluated again."""
    put(engine, document("a", ["otter"]), "old.txt")
    old, new = Comparison("eq", "source", "old.txt"), Comparison("eq", "source", "new.txt")
    assert [len(search(engine, "otter", each)) for each in (old, new)] == [1, 0]
    assert dict(engine.facets("source", None, 10)) == {"old.txt": 1}
    before = engine.version
    engine.update_origin("a", Origin("new.txt", "new.txt"))
    assert [len(search(engine, "otter", each)) for each in (old, new)] == [0, 1]
    assert dict(engine.facets("source", None, 10)) == {"new.txt": 1}
    assert engine.version != before
    assert [each.id for each in engine.documents_from("new.txt")] == ["a"]
    assert engine.locations("n") == {"new.txt"}


def test_version_changes_with_every_change_of_an_answer(engine: Engine) -> None:
    versions = [engine.version]
    for change in (
        lambda: put(engine, document("a", ["otter"])),
        lambda: put(engine, document("a", ["heron"])),
        engine.rebuild,
        lambda: engine.remove("a"),
    ):
        change()
        assert engine.version not in versions
        versions.append(engine.version)
        search(engine, "otter")
        assert engine.version == versions[-1]


def test_put_stores_nothing_if_it_is_cancelled(engine: Engine) -> None:
    put(engine, document("a", ["otter"]))
    changed = document("a", ["heron"])
    passages = passages_of(changed)
    vectors = EMBEDDER.embed_passages([passage.text for passage in passages])
    assert engine.put("a", changed, passages, vectors, unless=lambda: True) == "cancelled"
    assert engine.content("a") == document("a", ["otter"])
    assert engine.find_duplicate(document("a", ["otter"]).version, excluding="b") == "a"
    assert engine.find_duplicate(document("a", ["otter"]).version, excluding="a") is None


def test_remove_cancels_the_jobs_of_the_document(engine: Engine) -> None:
    first, second = engine.jobs.accept("a.txt", b"otter", "a"), engine.jobs.accept("b.txt", b"heron", "b")
    assert engine.remove("a")
    assert engine.jobs.is_cancelled(first.id)
    taken = engine.jobs.take()
    assert taken is not None
    assert (taken[0].id, taken[1]) == (second.id, b"heron")
    engine.jobs.finish(second.id, 1, [])
    assert (engine.jobs.waiting(), engine.status().jobs_waiting) == (0, 0)
    assert not engine.remove("a")


def test_everything_is_found_after_it_is_opened_again(open_engine: OpenEngine, tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    assert engine.is_new
    filled(engine)
    engine.rebuild()
    put(engine, document("tail", ["otter alder"]), "tail.txt")
    engine.remove("d3")
    expected, status = search(engine, "otter reed"), engine.status()
    engine.close()
    reopened = open_engine(tmp_path)
    try:
        assert not reopened.is_new
        assert_same_ranking(search(reopened, "otter reed"), expected)
        assert reopened.counts() == (status.documents, status.passages)
    finally:
        reopened.close()


def test_exported_documents_are_put_as_they_were(new_engine: NewEngine, engine: Engine) -> None:
    filled(engine)
    engine.edit("d1", {"date": "2025-07-21", "metadata": {"topic": "reeds"}})
    ids = [each.id for each in engine.documents()]
    copies = [copy for copy in map(engine.export, ids) if copy]
    assert engine.export("unknown") is None
    with new_engine() as other:
        put(other, document("d1", ["replaced"]))
        other.put_copies(copies)
        again = [copy for copy in map(other.export, ids) if copy]
        assert found_in(other, "otter reed") == found_in(engine, "otter reed")
    assert [replace(copy.stored, number=0) for copy in again] == [replace(copy.stored, number=0) for copy in copies]
    for ours, theirs in zip(copies, again, strict=True):
        assert (ours.document, list(ours.passages), ours.fingerprint) == (
            theirs.document,
            list(theirs.passages),
            theirs.fingerprint,
        )
        assert np.allclose(ours.vectors, theirs.vectors, atol=1e-6)


def found_in(engine: Engine, question: str) -> dict[tuple[str, int], float]:
    return {(document_id, start): round(score, 3) for document_id, start, score in search(engine, question)}
