"""Tunes nprobe of an approximate index for recall against exact search. Pure.

Questions are derived from the passages' own vectors: `unit(v + STEP (u - w))` of three random passages. They lie as far from the
passages as real questions do, in the directions in which passages differ (docs/decisions/0014-scale.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.types import Ids, Matrix, Scores, Vector

DEPTH = 10
TARGET = 0.99
# Recall required on the half of the questions that tunes, so that the half that only measures reaches TARGET too.
TUNING_TARGET = 0.995
QUESTIONS = 400
STEP = 1.5
SEED = 1
BLOCK = 20_000  # rows at a time: 30 MB at 384 dimensions
TOLERANCE = 1e-5  # between float32 sums in different orders

Find = Callable[[Vector, int], Ids]


@dataclass(frozen=True, slots=True)
class Recall:
    """Recall@DEPTH against exact search, measured with `questions` questions at this nprobe."""

    value: float
    questions: int
    nprobe: int

    def to_json(self) -> dict[str, Any]:
        return {"value": self.value, "questions": self.questions, "effort": self.nprobe}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Recall:
        return cls(record["value"], record["questions"], record["effort"])


def tune_nprobe(matrix: Matrix, find: Find, lists: int) -> Recall:
    """The least nprobe up to `lists` that reaches TUNING_TARGET, with its recall on questions that were not used for tuning.

    `find(question, nprobe)` returns the rows that a search re-scores. nprobe is doubled while the measured recall is below TARGET.
    """
    questions = sample_questions(matrix)
    best = best_scores(matrix, questions)
    half = len(questions) // 2
    low, high = 0, 1
    while high < lists and measure_recall(matrix, find, high, questions[:half], best[:half]) < TUNING_TARGET:
        low, high = high, min(2 * high, lists)
    while high - low > max(low // 8, 1):
        middle = (low + high) // 2
        if measure_recall(matrix, find, middle, questions[:half], best[:half]) < TUNING_TARGET:
            low = middle
        else:
            high = middle
    while True:
        value = measure_recall(matrix, find, high, questions[half:], best[half:])
        if value >= TARGET or high == lists:
            return Recall(value, len(questions) - half, high)
        high = min(2 * high, lists)


def measure_recall(matrix: Matrix, find: Find, nprobe: int, questions: Matrix, best: Scores) -> float:
    """A row that scores as well as the DEPTH-th best counts as found: the order of equal scores is arbitrary."""
    found = 0
    for question, scores in zip(questions, best, strict=True):
        rows = np.sort(find(question, nprobe))
        found += min(int((matrix[rows] @ question >= scores[-1] - TOLERANCE).sum()), len(scores))
    return found / best.size


def sample_questions(matrix: Matrix) -> Matrix:
    """(QUESTIONS, d), deterministic for the same vectors."""
    numbers = np.random.default_rng(SEED)
    of, one, other = (matrix[np.sort(numbers.integers(0, len(matrix), QUESTIONS))] for _ in range(3))
    order = numbers.permutation(QUESTIONS)
    moved = of[order] + np.float32(STEP) * (one[numbers.permutation(QUESTIONS)] - other)
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    questions: Matrix = (moved / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    return questions


def best_scores(matrix: Matrix, questions: Matrix) -> Scores:
    """The DEPTH highest cosines of each question, descending, by exact search in blocks of rows."""
    best = np.full((len(questions), 0), 0, np.float32)
    for first in range(0, len(matrix), BLOCK):
        negated = -np.concatenate([best, questions @ matrix[first : first + BLOCK].T], axis=1)
        if negated.shape[1] > DEPTH:
            negated = np.partition(negated, DEPTH - 1, axis=1)[:, :DEPTH]
        best = -np.sort(negated, axis=1)
    return best
