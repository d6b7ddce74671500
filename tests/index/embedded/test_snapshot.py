"""Passages that were removed from the unindexed tail are not found any more and take no memory."""

from __future__ import annotations

import tracemalloc

import numpy as np

from index.embedded.dense.brute_force import BruteForceDenseIndex
from index.embedded.lexical.brute_force import BruteForceLexicalIndex
from index.embedded.snapshot import UnindexedTail
from index.types import IndexedText
from tests.index.embedded.lexical.indexes import ids_of, query_for

BODIES = ("the apple garden", "a banana and an apple", "child care", "apple apple", "signed in 2025")


def tail_of(*numbers: int) -> UnindexedTail:
    tail = UnindexedTail(BruteForceDenseIndex(), BruteForceLexicalIndex(), 0)
    return extended(tail, *numbers) if numbers else tail


def extended(tail: UnindexedTail, *numbers: int) -> UnindexedTail:
    texts = [IndexedText(f"Title {number}", BODIES[number % len(BODIES)], number) for number in numbers]
    return tail.extended([(ids_of(*numbers), texts, np.eye(len(numbers), 8, dtype=np.float32))])


def test_a_tail_answers_as_if_removed_passages_had_never_been_there() -> None:
    removed = tail_of(1, 2, 3, 4, 5, 6)
    left = extended(removed.without(ids_of(2, 3, 6, 90)), 7, 8).without(ids_of(1))
    fresh = tail_of(4, 5, 7, 8)
    assert left.vectors.ids.tolist() == fresh.vectors.ids.tolist() == [4, 5, 7, 8]
    assert (len(left.lexical), left.lexical.total_length) == (len(fresh.lexical), fresh.lexical.total_length)
    asked = ids_of(1, 4, 5, 7, 8, 90)
    for word in ("apple", "banana", "title", "2025"):
        query = query_for(fresh.lexical, word)
        assert left.lexical.document_frequency(word) == fresh.lexical.document_frequency(word)
        assert left.lexical.search(query, 10).tolist() == fresh.lexical.search(query, 10).tolist()
        np.testing.assert_array_equal(left.lexical.match(query, asked).share, fresh.lexical.match(query, asked).share)
    assert len(removed.lexical) == 6  # searches that run on it still find everything


def test_a_document_that_is_replaced_for_ever_takes_no_more_memory() -> None:
    body, vector = "harbour " * 2_000, np.ones((1, 8), np.float32)
    tail = tail_of()
    tracemalloc.start()
    try:
        for number in range(1, 202):
            if number == 2:
                before, _ = tracemalloc.get_traced_memory()
            tail = tail.extended([(ids_of(number), [IndexedText("Opening hours", body, number)], vector)])
            tail = tail.without(ids_of(number - 1))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 100_000  # the terms of one version are 8,000 bytes
