"""The contract of a DenseIndex, checked for every implementation against cosines in double precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.embedded.dense.brute_force import BruteForceDenseIndex
from index.embedded.dense.flat import FlatDenseIndex
from index.embedded.dense.ivf import IvfDenseIndex
from index.embedded.dense.protocol import DenseIndex
from index.types import Ids, Matrix, Vector
from tests.examples import examples
from tests.index.oracle import Hit, dense_hits

DIMENSION = 8
Make = Callable[[], DenseIndex]
CLOSE = 1e-6  # between float32 sums in different orders


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    """Process a few dozen ids in blocks, as a million would be."""
    with mock.patch("index.id_sets.ROWS_AT_ONCE", 3):
        yield


@pytest.fixture(scope="module", params=["brute force", "flat", "IVF"])
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Make:
    implementations: dict[str, Make] = {
        "brute force": BruteForceDenseIndex,
        "flat": lambda: FlatDenseIndex(DIMENSION),
        "IVF": lambda: IvfDenseIndex(DIMENSION, tmp_path_factory.mktemp("vectors")),
    }
    return implementations[str(request.param)]


def unit(rows: list[list[int]]) -> Matrix:
    matrix = np.array(rows, np.float32).reshape(-1, DIMENSION)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def ids_of(*numbers: int) -> Ids:
    return np.array(numbers, np.int64)


# Few values per component, so that equal vectors and scores are common.
VECTOR = st.lists(st.integers(-2, 2), min_size=DIMENSION, max_size=DIMENSION).filter(any)
QUESTION = VECTOR.map(lambda row: unit([row])[0])
SETS = st.sets(st.integers(1, 120), max_size=60).map(lambda numbers: ids_of(*sorted(numbers)))


@st.composite
def corpora(draw: st.DrawFn) -> tuple[Ids, Matrix]:
    """Passages with ascending ids with gaps, some with equal vectors."""
    rows = draw(st.lists(VECTOR, max_size=40))
    steps = draw(st.lists(st.integers(1, 5), min_size=len(rows), max_size=len(rows)))
    return np.cumsum(np.array(steps, np.int64)), unit(rows)


def filled(make: Make, ids: Ids, vectors: Matrix) -> DenseIndex:
    index = make()
    if len(ids):
        index.add(ids, vectors)
    return index


def oracle(ids: Ids, vectors: Matrix, question: Vector) -> dict[int, float]:
    """The cosine of every passage, in double precision and without an index."""
    return {
        int(i): math.fsum(float(a) * float(b) for a, b in zip(row, question, strict=True))
        for i, row in zip(ids, vectors, strict=True)
    }


def assert_best(hits: list[Hit], expected: dict[int, float], k: int) -> None:
    """`hits` are the k best of `expected` with their scores, best first, equal scores by ascending id."""
    assert len(hits) == min(k, len(expected))
    assert len({hit.passage_id for hit in hits}) == len(hits)
    for hit in hits:
        assert hit.score == pytest.approx(expected[hit.passage_id], abs=CLOSE)
    assert [hit.score for hit in hits] == pytest.approx(sorted(expected.values(), reverse=True)[: len(hits)], abs=CLOSE)
    assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.passage_id))


@given(corpus=corpora(), question=QUESTION, k=st.integers(1, 60))
def test_search_returns_the_best_cosines(make: Make, corpus: tuple[Ids, Matrix], question: Vector, k: int) -> None:
    assert_best(dense_hits(filled(make, *corpus), question, k), oracle(*corpus, question), k)


@given(corpus=corpora(), question=QUESTION, k=st.integers(1, 60), allowed=SETS)
def test_filter_keeps_allowed_passages_and_their_scores(
    make: Make, corpus: tuple[Ids, Matrix], question: Vector, k: int, allowed: Ids
) -> None:
    expected = {i: score for i, score in oracle(*corpus, question).items() if i in allowed}
    assert_best(dense_hits(filled(make, *corpus), question, k, allowed), expected, k)


@given(corpus=corpora(), question=QUESTION, removed=SETS, allowed=st.none() | SETS)
def test_removed_passages_are_not_found(
    make: Make, corpus: tuple[Ids, Matrix], question: Vector, removed: Ids, allowed: Ids | None
) -> None:
    index = filled(make, *corpus)
    index.remove(removed)
    expected = {
        i: score for i, score in oracle(*corpus, question).items() if i not in removed and (allowed is None or i in allowed)
    }
    assert_best(dense_hits(index, question, 1000, allowed), expected, 1000)
    for k in (0, 3):
        assert_best(dense_hits(index, question, k, allowed), expected, k)
    assert len(index) == len(set(corpus[0].tolist()) - set(removed.tolist()))


@given(corpus=corpora(), question=QUESTION, cut=st.integers(0, 40))
def test_adding_and_removing_passages_restores_the_index(
    make: Make, corpus: tuple[Ids, Matrix], question: Vector, cut: int
) -> None:
    ids, vectors = corpus
    index = filled(make, ids[:cut], vectors[:cut])
    before = dense_hits(index, question, 1000)
    if len(ids[cut:]):
        index.add(ids[cut:], vectors[cut:])
        index.remove(ids[cut:])
    assert dense_hits(index, question, 1000) == before
    assert len(index) == len(ids[:cut])


@given(corpus=corpora(), question=QUESTION, cuts=st.sets(st.integers(0, 40), max_size=4))
def test_passages_can_be_added_in_any_number_of_steps(
    make: Make, corpus: tuple[Ids, Matrix], question: Vector, cuts: set[int]
) -> None:
    ids, vectors = corpus
    index = make()
    edges = [0, *sorted(cuts), len(ids)]
    for start, end in pairwise(edges):
        if start < end:
            index.add(ids[start:end], vectors[start:end])
    assert_best(dense_hits(index, question, 1000), oracle(ids, vectors, question), 1000)


@given(
    corpus=corpora(),
    question=QUESTION,
    removed=SETS,
    asked=st.lists(st.integers(1, 200), max_size=30).map(lambda n: ids_of(*n)),
)
def test_scores_follow_the_order_of_ids_and_are_nan_for_unknown_ids(
    make: Make, corpus: tuple[Ids, Matrix], question: Vector, removed: Ids, asked: Ids
) -> None:
    index = filled(make, *corpus)
    index.remove(removed)
    known = {i: score for i, score in oracle(*corpus, question).items() if i not in removed}
    found = index.scores(question, asked)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [known.get(i, math.nan) for i in asked.tolist()], atol=CLOSE)


@given(corpus=corpora(), question=QUESTION)
@examples(30)
def test_implementations_return_equal_scores_and_ids(make: Make, corpus: tuple[Ids, Matrix], question: Vector) -> None:
    reference = dense_hits(filled(BruteForceDenseIndex, *corpus), question, 1000)
    found = dense_hits(filled(make, *corpus), question, 1000)
    assert {hit.passage_id for hit in found} == {hit.passage_id for hit in reference}
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in reference], abs=CLOSE)


@pytest.mark.parametrize("k", [1, 5, 99, 150, 299])
def test_equal_scores_are_ordered_by_id_when_k_cuts_through_them(make: Make, k: int) -> None:
    ids = np.arange(10, 310, dtype=np.int64)
    index = filled(make, ids, unit([[1, 1, 0, 0, 0, 0, 0, 0]] * 300))
    hits = dense_hits(index, unit([[1, 0, 0, 0, 0, 0, 0, 0]])[0], k)
    assert [hit.passage_id for hit in hits] == ids[:k].tolist()
    assert {round(hit.score, 6) for hit in hits} == {round(math.sqrt(0.5), 6)}


def test_cosine_is_one_with_itself_and_minus_one_with_its_opposite(make: Make) -> None:
    vector = unit([[1, 2, -1, 0, 2, 1, 1, -2]])
    hits = dense_hits(filled(make, ids_of(3, 7), np.concatenate([-vector, vector])), vector[0], 2)
    assert [hit.passage_id for hit in hits] == [7, 3]
    assert [hit.score for hit in hits] == pytest.approx([1, -1], abs=CLOSE)


def test_empty_filter_differs_from_no_filter(make: Make) -> None:
    index = filled(make, ids_of(1, 2), unit([[1] * 8, [2, 1, 1, 1, 1, 1, 1, 1]]))
    question = unit([[1] * 8])[0]
    assert len(dense_hits(index, question, 10, None)) == 2
    assert dense_hits(index, question, 10, ids_of()) == []
    assert [hit.passage_id for hit in dense_hits(index, question, 10, ids_of(2))] == [2]
    assert dense_hits(index, question, 10, ids_of(99)) == []


def test_empty_index_and_k_zero_find_nothing(make: Make) -> None:
    question = unit([[1] * 8])[0]
    assert dense_hits(make(), question, 5) == []
    assert len(make()) == 0
    assert dense_hits(filled(make, ids_of(1), unit([[1] * 8])), question, 0) == []


def test_remove_ignores_unknown_and_removed_ids(make: Make) -> None:
    index = filled(make, ids_of(1, 2), unit([[1] * 8, [1] * 8]))
    for _ in range(2):
        index.remove(ids_of(2, 50))
        assert len(index) == 1
        assert [hit.passage_id for hit in dense_hits(index, unit([[1] * 8])[0], 5)] == [1]


def test_saved_flat_index_loads_unchanged(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(200, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    saved = FlatDenseIndex(DIMENSION)
    saved.add(np.arange(1, 201, dtype=np.int64) * 3, vectors)
    saved.save(tmp_path)
    loaded = FlatDenseIndex.load(tmp_path)
    assert len(loaded) == 200
    for question in vectors[:20]:
        assert dense_hits(loaded, question, 30) == dense_hits(saved, question, 30)
        assert dense_hits(loaded, question, 30, ids_of(3, 6, 300)) == dense_hits(saved, question, 30, ids_of(3, 6, 300))
    loaded.remove(ids_of(3))
    loaded.add(ids_of(900), vectors[:1])
    assert dense_hits(loaded, vectors[0], 1)[0].passage_id == 900
