"""BM25 share and the other lexical features follow their written formulas, in every implementation."""

from __future__ import annotations

import math

import pytest

from index.text.analysis import terms
from index.text.idf import smooth_idf
from index.types import IndexedText, LexicalQuery
from tests.index.embedded.lexical.indexes import CLOSE, Make, filled, ids_of, query_for, texts_of
from tests.index.oracle import lexical_hits


def test_bm25_share_follows_its_formula(make: Make) -> None:
    index = filled(make, (ids_of(1, 2, 3), texts_of("apple banana", "apple apple cherry date", "elder")))
    apple, cherry, missing = 1.5, 2.0, 0.5
    query = LexicalQuery(
        ((terms("apple")[0], apple), (terms("cherry")[0], cherry), ("nowhere", missing)), (), index.total_length / 3
    )
    # k1 = .9, b = .4; lengths 2, 4, 1 with mean 7/3; divided by the upper bound, every term with an infinite frequency.
    norm = {length: 0.9 * (1 - 0.4 + 0.4 * length / (7 / 3)) for length in (2, 4)}
    best = apple + cherry + missing
    expected = {
        1: apple * 1 / (1 + norm[2]) / best,
        2: (apple * 2 / (2 + norm[4]) + cherry * 1 / (1 + norm[4])) / best,
    }
    found = lexical_hits(index, query, 10)
    assert [hit.passage_id for hit in found] == [2, 1]
    assert dict(found) == pytest.approx(expected, abs=CLOSE)
    assert index.match(query, ids_of(3, 2, 9)).share.tolist() == pytest.approx(
        [0, expected[2], math.nan], abs=CLOSE, nan_ok=True
    )


def test_context_terms_count_for_bm25_only(make: Make) -> None:
    index = filled(make, (ids_of(1, 2), texts_of("apple banana cherry", "banana date")))
    (apple,), (banana,) = terms("apple"), terms("banana")
    query = LexicalQuery(((banana, 2.0),), (), 2.5, ((apple, 0.5),))
    norm = {length: 0.9 * (1 - 0.4 + 0.4 * length / 2.5) for length in (3, 2)}
    match = index.match(query, ids_of(1, 2))
    assert match.share.tolist() == pytest.approx([(2 + 0.5) / (1 + norm[3]) / 2.5, 2 / (1 + norm[2]) / 2.5], abs=CLOSE)
    assert match.proximity.tolist() == [1, 1]
    assert [
        hit.passage_id for hit in lexical_hits(index, LexicalQuery(((terms("elder")[0], 2.0),), (), 2.5, ((apple, 0.5),)), 5)
    ] == [1]
    both = query_for(index, "banana", "banana apple")
    assert [term for term, _ in both.weights] == [banana]
    assert [term for term, _ in both.context] == [apple]


def test_adjacency_proximity_and_title_follow_their_formulas(make: Make) -> None:
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
    # Pairs weigh 3 + 1 and 1 + 2. Stop words between "fees" and "adult" are no terms.
    assert match.adjacent.tolist() == pytest.approx([1, 1, 0], abs=CLOSE)
    # In the third, no window of 15 terms contains both "fees" (1 of 6) and the others (5 of 6).
    assert match.proximity.tolist() == pytest.approx([1, 1, 5 / 6], abs=CLOSE)
    # Both terms of the first title are the query's, with 4/6 of its weight.
    assert match.title.tolist() == pytest.approx([4 / 6, 0, 0], abs=CLOSE)
    assert match.documents.tolist() == [1, 2, 3]


def test_idf_follows_its_formula() -> None:
    # 300 general passages, a tenth of them with the word, and the corpus's 100, 7 of them with the word.
    assert smooth_idf(7, 100, 0.1) == pytest.approx(math.log(1 + (400 - 37 + 0.5) / (37 + 0.5)))
    assert smooth_idf(100, 100, 1) > 0
    assert smooth_idf(101, 100, 0.1) == smooth_idf(100, 100, 0.1)
