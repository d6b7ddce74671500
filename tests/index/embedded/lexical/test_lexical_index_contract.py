"""The contract of a LexicalIndex, kept by every implementation: the exact one is the oracle for scores and ids."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.embedded.dense.brute_force import ExactLexicalIndex
from index.embedded.lexical.brute_force import BruteForceLexicalIndex
from index.embedded.lexical.tantivy_index import TantivyLexicalIndex
from index.ranking.lexical_query import lexical_query
from index.text.analysis import terms
from index.text.idf import smooth_idf
from index.types import Hit, Ids, IndexedText, LexicalIndex, LexicalMatch, LexicalQuery

Make = Callable[[], LexicalIndex]
Corpus = tuple[Ids, list[IndexedText]]
CLOSE = 1e-6
COLUMNS = ("share", "adjacent", "together", "title")


@pytest.fixture(scope="module", autouse=True)
def few_rows_at_once() -> Iterator[None]:
    """So that sets of some dozen ids are gone through as those of a million are."""
    with mock.patch("index.id_sets.ROWS_AT_ONCE", 3):
        yield


@pytest.fixture(
    scope="module", params=[ExactLexicalIndex, BruteForceLexicalIndex, TantivyLexicalIndex], ids=["exact", "scanned", "tantivy"]
)
def make(request: pytest.FixtureRequest) -> Make:
    implementation: Make = request.param
    return implementation


# Stop words, inflected forms of one stem, neighbours that are also one word, other scripts, and marks of a query language.
WORDS = st.sampled_from(
    'the of apple apples banana child care childcare signing signed AND OR -not field:x "quoted Größe 東京都 naïve 2025 *'.split()
)
BODIES = st.lists(WORDS, max_size=25).map(" ".join)
TITLES = st.lists(WORDS, max_size=3).map(" ".join)
TEXTS = st.builds(IndexedText, TITLES, BODIES, st.integers(1, 9))
QUESTIONS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
SETS = st.sets(st.integers(1, 60), max_size=30).map(lambda numbers: ids_of(*sorted(numbers)))
ASKED = st.lists(st.integers(1, 90), max_size=20).map(lambda numbers: ids_of(*numbers))


def ids_of(*numbers: int) -> Ids:
    return np.array(numbers, np.int64)


def texts_of(*bodies: str) -> list[IndexedText]:
    return [IndexedText("", body, 1) for body in bodies]


@st.composite
def corpora(draw: st.DrawFn) -> Corpus:
    texts = draw(st.lists(TEXTS, max_size=20))
    steps = draw(st.lists(st.integers(1, 4), min_size=len(texts), max_size=len(texts)))
    return np.cumsum(np.array(steps, np.int64)), texts


def filled(make: Make, corpus: Corpus) -> LexicalIndex:
    index = make()
    if len(corpus[0]):
        index.add(*corpus)
    return index


def query_for(index: LexicalIndex, question: str, context: str = "") -> LexicalQuery:
    mean_length = index.total_length / max(len(index), 1)
    return lexical_query(question, index.document_frequency, len(index), mean_length, {}, context=context, context_weight=0.3)


def assert_alike(found: list[Hit], expected: list[Hit]) -> None:
    """The same ids with the same scores; engines may differ in the last bits and so in the order of what is equal."""
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
@settings(max_examples=60)
def test_search_gives_the_oracles_scores_and_ids(
    make: Make, corpus: Corpus, question: str, context: str, allowed: Ids | None
) -> None:
    reference, index = filled(ExactLexicalIndex, corpus), filled(make, corpus)
    query = query_for(reference, question, context)
    assert query_for(index, question, context) == query
    found = index.search(query, 1000, allowed)
    assert_alike(found, reference.search(query, 1000, allowed))
    assert all(hit.score > 0 for hit in found)
    assert all(hit.score <= 1 or query.besides for hit in found)


@given(corpus=corpora(), question=QUESTIONS, removed=SETS, asked=ASKED)
@settings(max_examples=60)
def test_how_passages_match_comes_in_the_order_of_the_ids_and_is_nan_for_unknown_ones(
    make: Make, corpus: Corpus, question: str, removed: Ids, asked: Ids
) -> None:
    reference, index = filled(ExactLexicalIndex, corpus), filled(make, corpus)
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
@settings(max_examples=40)
def test_the_passages_of_documents_are_those_that_were_added_and_not_removed(
    make: Make, corpus: Corpus, removed: Ids, numbers: set[int]
) -> None:
    index = filled(make, corpus)
    index.remove(removed)
    expected = [
        i for i, text in zip(corpus[0].tolist(), corpus[1], strict=True) if text.document in numbers and i not in removed
    ]
    assert index.of_documents(ids_of(*sorted(numbers))).tolist() == expected


@given(corpus=corpora(), question=QUESTIONS)
@settings(max_examples=40)
def test_a_passage_that_is_found_has_the_score_that_its_match_says(make: Make, corpus: Corpus, question: str) -> None:
    index = filled(make, corpus)
    query = query_for(index, question)
    found = dict(index.search(query, 1000))
    shares = dict(zip(corpus[0].tolist(), index.match(query, corpus[0]).share.tolist(), strict=True))
    assert found == pytest.approx({i: share for i, share in shares.items() if share > 0}, abs=CLOSE)


@given(corpus=corpora(), question=QUESTIONS, k=st.integers(1, 30))
@settings(max_examples=40)
def test_a_smaller_k_gives_the_beginning_of_the_same_list(make: Make, corpus: Corpus, question: str, k: int) -> None:
    index = filled(make, corpus)
    query = query_for(index, question)
    assert index.search(query, k) == index.search(query, 1000)[:k]


@given(corpus=corpora(), question=QUESTIONS, removed=SETS)
@settings(max_examples=40)
def test_what_was_removed_is_never_found(make: Make, corpus: Corpus, question: str, removed: Ids) -> None:
    reference, index = filled(ExactLexicalIndex, corpus), filled(make, corpus)
    reference.remove(removed)
    index.remove(removed)
    query = query_for(reference, question)
    assert (len(index), index.total_length) == (len(reference), reference.total_length)
    assert_alike(index.search(query, 1000), reference.search(query, 1000))
    assert not set(removed.tolist()) & {hit.passage_id for hit in index.search(query, 1000)}
    for k, allowed in ((0, None), (3, None), (1000, None), (1000, ids_of(1, 2, 3, 4)), (2, ids_of(1, 2, 3, 4))):
        found = {hit.passage_id for hit in index.search(query, k, allowed)}
        assert set(index.candidates(query, k, allowed).tolist()) == found


@given(corpus=corpora(), question=QUESTIONS, cut=st.integers(0, 20))
@settings(max_examples=40)
def test_adding_and_removing_again_changes_nothing(make: Make, corpus: Corpus, question: str, cut: int) -> None:
    ids, texts = corpus
    index = filled(make, (ids[:cut], texts[:cut]))
    query = query_for(index, question)
    before, length = index.search(query, 1000), index.total_length
    if len(ids[cut:]):
        index.add(ids[cut:], texts[cut:])
        index.remove(ids[cut:])
    assert index.search(query, 1000) == before
    assert (len(index), index.total_length) == (len(ids[:cut]), length)


@pytest.mark.parametrize("step", [1, 7, 50])
def test_it_does_not_matter_in_how_many_steps_passages_were_added(make: Make, step: int) -> None:
    ids = np.arange(1, 51, dtype=np.int64)
    texts = [IndexedText("number", f"apple {'banana ' * (n % 5)} number{n}", n) for n in ids.tolist()]
    index, reference = make(), filled(ExactLexicalIndex, (ids, texts))
    query = query_for(reference, "banana number7")
    for start in range(0, 50, step):
        index.add(ids[start : start + step], texts[start : start + step])
        assert len(index) == min(start + step, 50)
    assert_alike(index.search(query, 100), reference.search(query, 100))
    assert_same_match(index.match(query, ids), reference.match(query, ids))


@pytest.mark.parametrize("allowed", [None, np.arange(200, 12_000, dtype=np.int64)], ids=["no filter", "a wide filter"])
def test_the_best_of_thousands_of_passages_are_the_oracles(make: Make, allowed: Ids | None) -> None:
    random = np.random.default_rng(2)
    vocabulary = np.array([f"word{number}" for number in range(400)])
    texts = texts_of(*(" ".join(vocabulary[random.zipf(1.3, random.integers(5, 60)) % 400]) for _ in range(3000)))
    corpus = np.arange(1, 3001, dtype=np.int64), texts
    reference, index = filled(ExactLexicalIndex, corpus), filled(make, corpus)
    for question in ("word3 word150", "word1 word2 word399", "word77", "word1 word1 word250"):
        query = query_for(reference, question)
        assert_alike(index.search(query, 10, allowed), reference.search(query, 10, allowed))


def test_equal_scores_come_by_rising_id_also_where_k_cuts_through_them(make: Make) -> None:
    ids = np.arange(5, 155, dtype=np.int64)
    index = filled(make, (ids, texts_of(*["the same apple"] * 150)))
    query = query_for(index, "apples")
    assert [hit.passage_id for hit in index.search(query, 20)] == ids[:20].tolist()
    index.remove(ids_of(5, 7))
    assert [hit.passage_id for hit in index.search(query, 3)] == [6, 8, 9]


def test_the_share_is_the_written_formula(make: Make) -> None:
    index = filled(make, (ids_of(1, 2, 3), texts_of("apple banana", "apple apple cherry date", "elder")))
    apple, cherry, missing = 1.5, 2.0, 0.5
    query = LexicalQuery(
        ((terms("apple")[0], apple), (terms("cherry")[0], cherry), ("nowhere", missing)), (), index.total_length / 3
    )
    # k1 = .9, b = .4; lengths 2, 4, 1 of mean 7/3; over what a passage with every term, each without end, would score.
    norm = {length: 0.9 * (1 - 0.4 + 0.4 * length / (7 / 3)) for length in (2, 4)}
    best = apple + cherry + missing
    expected = {
        1: apple * 1 / (1 + norm[2]) / best,
        2: (apple * 2 / (2 + norm[4]) + cherry * 1 / (1 + norm[4])) / best,
    }
    found = index.search(query, 10)
    assert [hit.passage_id for hit in found] == [2, 1]
    assert dict(found) == pytest.approx(expected, abs=CLOSE)
    assert index.match(query, ids_of(3, 2, 9)).share.tolist() == pytest.approx(
        [0, expected[2], math.nan], abs=CLOSE, nan_ok=True
    )


def test_terms_of_the_context_count_and_where_they_stand_does_not(make: Make) -> None:
    index = filled(make, (ids_of(1, 2), texts_of("apple banana cherry", "banana date")))
    (apple,), (banana,) = terms("apple"), terms("banana")
    query = LexicalQuery(((banana, 2.0),), (), 2.5, ((apple, 0.5),))
    norm = {length: 0.9 * (1 - 0.4 + 0.4 * length / 2.5) for length in (3, 2)}
    match = index.match(query, ids_of(1, 2))
    assert match.share.tolist() == pytest.approx([(2 + 0.5) / (1 + norm[3]) / 2.5, 2 / (1 + norm[2]) / 2.5], abs=CLOSE)
    assert match.together.tolist() == [1, 1]
    assert [hit.passage_id for hit in index.search(LexicalQuery(((terms("elder")[0], 2.0),), (), 2.5, ((apple, 0.5),)), 5)] == [
        1
    ]
    both = query_for(index, "banana", "banana apple")
    assert [term for term, _ in both.weights] == [banana]
    assert [term for term, _ in both.context] == [apple]


def test_how_words_stand_together_is_the_written_formula(make: Make) -> None:
    filler = " ".join(f"filler{number}" for number in range(20))
    texts = [
        IndexedText("Passport fees", "an adult pays", 1),
        IndexedText("Letters", "passport fees and the adult", 2),
        IndexedText("Letters", f"fees {filler} adult passport", 3),
    ]
    index = filled(make, (ids_of(1, 2, 3), texts))
    (passport,), (fees,), (adult,) = terms("passport"), terms("fees"), terms("adult")
    query = LexicalQuery(((passport, 3.0), (fees, 1.0), (adult, 2.0)), (), 6.0)
    match = index.match(query, ids_of(1, 2, 3))
    # Pairs weigh 3 + 1 and 1 + 2. The stop words between "fees" and "adult" are no terms.
    assert match.adjacent.tolist() == pytest.approx([1, 1, 0], abs=CLOSE)
    # In the third, no 15 terms in a row hold "fees" (1 of 6) and the others (5 of 6).
    assert match.together.tolist() == pytest.approx([1, 1, 5 / 6], abs=CLOSE)
    # Both terms of the first title are the query's, with 4 of 6 of its weight.
    assert match.title.tolist() == pytest.approx([4 / 6, 0, 0], abs=CLOSE)
    assert match.documents.tolist() == [1, 2, 3]


def test_the_idf_is_the_written_formula() -> None:
    # 300 passages of general language stand beside the corpus's 100; the word is in 7 of those and in a tenth of these.
    assert smooth_idf(7, 100, 0.1) == pytest.approx(math.log(1 + (400 - 37 + 0.5) / (37 + 0.5)))
    assert smooth_idf(100, 100, 1) > 0
    assert smooth_idf(101, 100, 0.1) == smooth_idf(100, 100, 0.1)


def test_a_word_written_as_two_in_the_question_is_found_as_one(make: Make) -> None:
    index = filled(make, (ids_of(1, 2), texts_of("childcare costs", "apple costs")))
    assert [hit.passage_id for hit in index.search(query_for(index, "child care"), 5)] == [1]


def test_no_filter_is_not_the_same_as_an_empty_one(make: Make) -> None:
    index = filled(make, (ids_of(1, 2), texts_of("apple", "apple banana")))
    query = query_for(index, "apple")
    assert [hit.passage_id for hit in index.search(query, 10, None)] == [1, 2]
    assert index.search(query, 10, ids_of()) == []
    assert [hit.passage_id for hit in index.search(query, 10, ids_of(2, 99))] == [2]


@pytest.mark.parametrize("question", ["the of and", "zebra", "", "?!"])
def test_a_question_without_a_known_word_finds_nothing(make: Make, question: str) -> None:
    index = filled(make, (ids_of(1), texts_of("apple banana")))
    query = query_for(index, question)
    assert index.search(query, 10) == []
    match = index.match(query, ids_of(1))
    assert [getattr(match, column).tolist() for column in COLUMNS] == [[0]] * 4


def test_an_empty_index_and_a_k_of_zero_find_nothing(make: Make) -> None:
    query = query_for(filled(make, (ids_of(1), texts_of("apple"))), "apple")
    empty = make()
    assert (len(empty), empty.total_length, empty.document_frequency("apple")) == (0, 0, 0)
    assert empty.search(query, 5) == []
    assert empty.match(query, ids_of(1)).share.tolist() == pytest.approx([math.nan], nan_ok=True)
    assert empty.match(query, ids_of()).share.tolist() == []
    assert filled(make, (ids_of(1), texts_of("apple"))).search(query, 0) == []


def test_a_passage_without_a_single_term_is_kept_and_not_found(make: Make) -> None:
    index = filled(make, (ids_of(1, 2), texts_of("the of and", "apple")))
    query = query_for(index, "apple")
    assert len(index) == 2
    assert [hit.passage_id for hit in index.search(query, 5)] == [2]
    assert index.match(query, ids_of(1)).share.tolist() == [0]


def test_removing_unknown_ids_and_the_same_ids_twice_is_passed_over(make: Make) -> None:
    index = filled(make, (ids_of(1, 2), texts_of("apple", "apple banana")))
    query = query_for(index, "apple")
    for _ in range(2):
        index.remove(ids_of(2, 50))
        assert (len(index), index.total_length) == (1, 1)
        assert [hit.passage_id for hit in index.search(query, 5)] == [1]


def test_the_tantivy_index_comes_back_from_disk_as_it_was_saved(tmp_path: Path) -> None:
    saved = TantivyLexicalIndex(tmp_path)
    ids = np.arange(1, 101, dtype=np.int64) * 2
    saved.add(ids, [IndexedText("apples", f"apple number{n % 10} {'banana ' * (n % 3)}", n + 1) for n in range(100)])
    saved.save(tmp_path)
    loaded = TantivyLexicalIndex.load(tmp_path)
    query = query_for(saved, "number3 bananas")
    assert query_for(loaded, "number3 bananas") == query
    assert (len(loaded), loaded.total_length) == (len(saved), saved.total_length)
    assert loaded.search(query, 30) == saved.search(query, 30)
    assert loaded.search(query, 30, ids_of(2, 4, 8)) == saved.search(query, 30, ids_of(2, 4, 8))
    assert_same_match(loaded.match(query, ids), saved.match(query, ids))
    loaded.remove(ids_of(8))
    assert math.isnan(loaded.match(query, ids_of(8)).share[0])
