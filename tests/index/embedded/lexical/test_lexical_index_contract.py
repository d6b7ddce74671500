"""The contract of a LexicalIndex, checked for every implementation against the oracle."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.embedded.lexical.tantivy_index import TantivyLexicalIndex
from index.types import Ids, IndexedText, LexicalMatch
from tests.examples import examples
from tests.index.embedded.lexical.indexes import CLOSE, Corpus, Make, filled, ids_of, query_for, texts_of
from tests.index.oracle import Hit, OracleLexicalIndex, lexical_hits

COLUMNS = ("share", "adjacent", "proximity", "title")


# Stop words, inflected forms, compounds and their parts, other scripts, and query syntax.
WORDS = st.sampled_from(
    'the of apple apples banana child care childcare signing signed AND OR -not field:x "quoted Größe 東京都 naïve 2025 *'.split()
)
BODIES = st.lists(WORDS, max_size=25).map(" ".join)
TITLES = st.lists(WORDS, max_size=3).map(" ".join)
TEXTS = st.builds(IndexedText, TITLES, BODIES, st.integers(1, 9))
QUESTIONS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
SETS = st.sets(st.integers(1, 60), max_size=30).map(lambda numbers: ids_of(*sorted(numbers)))
ASKED = st.lists(st.integers(1, 90), max_size=20).map(lambda numbers: ids_of(*numbers))


@st.composite
def corpora(draw: st.DrawFn) -> Corpus:
    texts = draw(st.lists(TEXTS, max_size=20))
    steps = draw(st.lists(st.integers(1, 4), min_size=len(texts), max_size=len(texts)))
    return np.cumsum(np.array(steps, np.int64)), texts


def assert_alike(found: list[Hit], expected: list[Hit]) -> None:
    """Equal ids and scores; the last bits, and so the order of equal scores, may differ."""
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], abs=CLOSE)
    assert {h.passage_id: h.score for h in found} == pytest.approx({h.passage_id: h.score for h in expected}, abs=CLOSE)
    assert found == sorted(found, key=lambda hit: (-hit.score, hit.passage_id))


def assert_same_match(found: LexicalMatch, expected: LexicalMatch) -> None:
    assert found.documents.tolist() == expected.documents.tolist()
    for column in COLUMNS:
        values = getattr(found, column)
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, getattr(expected, column), atol=CLOSE, err_msg=column)


@given(corpus=corpora(), question=QUESTIONS, context=st.just("") | QUESTIONS, allowed=st.none() | SETS)
@examples(60)
def test_search_returns_the_oracles_scores_and_ids(
    make: Make, corpus: Corpus, question: str, context: str, allowed: Ids | None
) -> None:
    reference, index = filled(OracleLexicalIndex, corpus), filled(make, corpus)
    query = query_for(reference, question, context)
    assert query_for(index, question, context) == query
    found = lexical_hits(index, query, 1000, allowed)
    assert_alike(found, lexical_hits(reference, query, 1000, allowed))
    assert all(hit.score > 0 for hit in found)
    assert all(hit.score <= 1 or query.expansions for hit in found)


@given(corpus=corpora(), question=QUESTIONS, removed=SETS, asked=ASKED)
@examples(60)
def test_matches_follow_the_order_of_ids_and_are_nan_for_unknown_ids(
    make: Make, corpus: Corpus, question: str, removed: Ids, asked: Ids
) -> None:
    reference, index = filled(OracleLexicalIndex, corpus), filled(make, corpus)
    reference.remove(removed)
    index.remove(removed)
    query = query_for(reference, question)
    found = index.match(query, asked)
    assert_same_match(found, reference.match(query, asked))
    documents = {i: text.document for i, text in zip(corpus[0].tolist(), corpus[1], strict=True) if i not in removed}
    assert found.documents.tolist() == [documents.get(i, 0) for i in asked.tolist()]
    for column in COLUMNS:
        values = getattr(found, column)
        assert [not math.isnan(value) for value in values] == [i in documents for i in asked.tolist()]
        if column != "share":
            assert all(0 <= value <= 1 + CLOSE for value in values if not math.isnan(value))


@given(corpus=corpora(), removed=SETS, numbers=st.sets(st.integers(1, 99), max_size=5))
@examples(40)
def test_passages_of_documents_exclude_removed_ones(make: Make, corpus: Corpus, removed: Ids, numbers: set[int]) -> None:
    index = filled(make, corpus)
    index.remove(removed)
    expected = [
        i for i, text in zip(corpus[0].tolist(), corpus[1], strict=True) if text.document in numbers and i not in removed
    ]
    assert index.passages_of_documents(ids_of(*sorted(numbers))).tolist() == expected


@given(corpus=corpora(), question=QUESTIONS)
@examples(40)
def test_search_finds_every_passage_with_a_positive_share(make: Make, corpus: Corpus, question: str) -> None:
    index = filled(make, corpus)
    query = query_for(index, question)
    found = dict(lexical_hits(index, query, 1000))
    shares = dict(zip(corpus[0].tolist(), index.match(query, corpus[0]).share.tolist(), strict=True))
    assert found == pytest.approx({i: share for i, share in shares.items() if share > 0}, abs=CLOSE)


@given(corpus=corpora(), question=QUESTIONS, k=st.integers(1, 30))
@examples(40)
def test_smaller_k_returns_a_prefix(make: Make, corpus: Corpus, question: str, k: int) -> None:
    index = filled(make, corpus)
    query = query_for(index, question)
    assert lexical_hits(index, query, k) == lexical_hits(index, query, 1000)[:k]


@given(corpus=corpora(), question=QUESTIONS, removed=SETS)
@examples(40)
def test_removed_passages_are_not_found(make: Make, corpus: Corpus, question: str, removed: Ids) -> None:
    reference, index = filled(OracleLexicalIndex, corpus), filled(make, corpus)
    reference.remove(removed)
    index.remove(removed)
    query = query_for(reference, question)
    assert (len(index), index.total_length) == (len(reference), reference.total_length)
    assert_alike(lexical_hits(index, query, 1000), lexical_hits(reference, query, 1000))
    assert not set(removed.tolist()) & {hit.passage_id for hit in lexical_hits(index, query, 1000)}
    for k, allowed in ((0, None), (3, None), (1000, ids_of(1, 2, 3, 4)), (2, ids_of(1, 2, 3, 4))):
        assert_alike(lexical_hits(index, query, k, allowed), lexical_hits(reference, query, 1000, allowed)[:k])


@given(corpus=corpora(), question=QUESTIONS, cut=st.integers(0, 20))
@examples(40)
def test_adding_and_removing_passages_restores_the_index(make: Make, corpus: Corpus, question: str, cut: int) -> None:
    ids, texts = corpus
    index = filled(make, (ids[:cut], texts[:cut]))
    query = query_for(index, question)
    before, length = lexical_hits(index, query, 1000), index.total_length
    if len(ids[cut:]):
        index.add(ids[cut:], texts[cut:])
        index.remove(ids[cut:])
    assert lexical_hits(index, query, 1000) == before
    assert (len(index), index.total_length) == (len(ids[:cut]), length)


@pytest.mark.parametrize("step", [1, 7, 50])
def test_passages_can_be_added_in_any_number_of_steps(make: Make, step: int) -> None:
    ids = np.arange(1, 51, dtype=np.int64)
    texts = [IndexedText("number", f"apple {'banana ' * (n % 5)} number{n}", n) for n in ids.tolist()]
    index, reference = make(), filled(OracleLexicalIndex, (ids, texts))
    query = query_for(reference, "banana number7")
    for start in range(0, 50, step):
        index.add(ids[start : start + step], texts[start : start + step])
        assert len(index) == min(start + step, 50)
    assert_alike(lexical_hits(index, query, 100), lexical_hits(reference, query, 100))
    assert_same_match(index.match(query, ids), reference.match(query, ids))


@pytest.mark.parametrize("allowed", [None, np.arange(200, 12_000, dtype=np.int64)], ids=["no filter", "a wide filter"])
def test_search_over_thousands_of_passages_agrees_with_the_oracle(make: Make, allowed: Ids | None) -> None:
    random = np.random.default_rng(2)
    vocabulary = np.array([f"word{number}" for number in range(400)])
    texts = texts_of(*(" ".join(vocabulary[random.zipf(1.3, random.integers(5, 60)) % 400]) for _ in range(3000)))
    corpus = np.arange(1, 3001, dtype=np.int64), texts
    reference, index = filled(OracleLexicalIndex, corpus), filled(make, corpus)
    for question in ("word3 word150", "word1 word2 word399", "word77", "word1 word1 word250"):
        query = query_for(reference, question)
        assert_alike(lexical_hits(index, query, 10, allowed), lexical_hits(reference, query, 10, allowed))


def test_equal_scores_are_ordered_by_id_when_k_cuts_through_them(make: Make) -> None:
    ids = np.arange(5, 155, dtype=np.int64)
    index = filled(make, (ids, texts_of(*["the same apple"] * 150)))
    query = query_for(index, "apples")
    assert [hit.passage_id for hit in lexical_hits(index, query, 20)] == ids[:20].tolist()
    index.remove(ids_of(5, 7))
    assert [hit.passage_id for hit in lexical_hits(index, query, 3)] == [6, 8, 9]


def test_neighbouring_words_find_their_compound(make: Make) -> None:
    index = filled(make, (ids_of(1, 2), texts_of("childcare costs", "apple costs")))
    assert [hit.passage_id for hit in lexical_hits(index, query_for(index, "child care"), 5)] == [1]


def test_empty_filter_differs_from_no_filter(make: Make) -> None:
    index = filled(make, (ids_of(1, 2), texts_of("apple", "apple banana")))
    query = query_for(index, "apple")
    assert [hit.passage_id for hit in lexical_hits(index, query, 10, None)] == [1, 2]
    assert lexical_hits(index, query, 10, ids_of()) == []
    assert [hit.passage_id for hit in lexical_hits(index, query, 10, ids_of(2, 99))] == [2]


@pytest.mark.parametrize("question", ["the of and", "zebra", "", "?!"])
def test_question_without_known_words_finds_nothing(make: Make, question: str) -> None:
    index = filled(make, (ids_of(1), texts_of("apple banana")))
    query = query_for(index, question)
    assert lexical_hits(index, query, 10) == []
    match = index.match(query, ids_of(1))
    assert [getattr(match, column).tolist() for column in COLUMNS] == [[0]] * 4


def test_empty_index_and_k_zero_find_nothing(make: Make) -> None:
    query = query_for(filled(make, (ids_of(1), texts_of("apple"))), "apple")
    empty = make()
    assert (len(empty), empty.total_length, empty.document_frequency("apple")) == (0, 0, 0)
    assert lexical_hits(empty, query, 5) == []
    assert empty.match(query, ids_of(1)).share.tolist() == pytest.approx([math.nan], nan_ok=True)
    assert empty.match(query, ids_of()).share.tolist() == []
    assert lexical_hits(filled(make, (ids_of(1), texts_of("apple"))), query, 0) == []


def test_passage_without_terms_is_kept_but_not_found(make: Make) -> None:
    index = filled(make, (ids_of(1, 2), texts_of("the of and", "apple")))
    query = query_for(index, "apple")
    assert len(index) == 2
    assert [hit.passage_id for hit in lexical_hits(index, query, 5)] == [2]
    assert index.match(query, ids_of(1)).share.tolist() == [0]


def test_remove_ignores_unknown_and_removed_ids(make: Make) -> None:
    index = filled(make, (ids_of(1, 2), texts_of("apple", "apple banana")))
    query = query_for(index, "apple")
    for _ in range(2):
        index.remove(ids_of(2, 50))
        assert (len(index), index.total_length) == (1, 1)
        assert [hit.passage_id for hit in lexical_hits(index, query, 5)] == [1]


def test_saved_tantivy_index_loads_unchanged(tmp_path: Path) -> None:
    saved = TantivyLexicalIndex(tmp_path)
    ids = np.arange(1, 101, dtype=np.int64) * 2
    saved.add(ids, [IndexedText("apples", f"apple number{n % 10} {'banana ' * (n % 3)}", n + 1) for n in range(100)])
    saved.save(tmp_path)
    loaded = TantivyLexicalIndex.load(tmp_path)
    query = query_for(saved, "number3 bananas")
    assert query_for(loaded, "number3 bananas") == query
    assert (len(loaded), loaded.total_length) == (len(saved), saved.total_length)
    assert lexical_hits(loaded, query, 30) == lexical_hits(saved, query, 30)
    assert lexical_hits(loaded, query, 30, ids_of(2, 4, 8)) == lexical_hits(saved, query, 30, ids_of(2, 4, 8))
    assert_same_match(loaded.match(query, ids), saved.match(query, ids))
    loaded.remove(ids_of(8))
    assert math.isnan(loaded.match(query, ids_of(8)).share[0])


def test_frequencies_among_many_passages_are_close_and_never_0_for_a_term_that_one_is_found_to_hold() -> None:
    """The short passages, which score best for a term, are none of those that are counted."""
    index = TantivyLexicalIndex(few_allowed=500)
    long = ["boat", *(f"word{number}" for number in range(40))]
    bodies = [" ".join(long if number % 4 == 0 else long[1:]) if number % 3 == 0 else "boat" for number in range(9_000)]
    bodies[3_003] += " lamp"
    index.add(np.arange(1, 9_001), texts_of(*bodies))
    among = np.arange(1, 9_001, 3)  # the long ones, of which every fourth holds it
    count = index.frequency_among(among)
    assert count("boat") == pytest.approx(750, rel=0.2)
    assert [count(term) for term in ("word1", "lamp", "pier")] == [3_000, 1, 0]
