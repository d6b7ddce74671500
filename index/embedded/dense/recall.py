"""How much of what exact search would find an approximate index finds, and how hard it must search to find enough. Pure.

The questions are made of the passages' own vectors: `unit(v + STEP (u - w))` of three passages drawn at random. So they lie as far
from the passages as real questions do, in the directions in which passages differ, and are no easier (docs/decisions/0014-scale.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from index.types import Ids, Matrix, Scores, Vector

DEPTH = 10
TARGET = 0.99
# What is aimed at with one half of the questions, so that the other half, which are only measured, reach TARGET as well.
AIM = 0.995
QUESTIONS = 400
STEP = 1.5
SEED = 1
BLOCK = 20_000  # rows at a time: 30 MB at 384 dimensions
# Sums of float32 in another order are taken as equal.
CLOSE = 1e-5

Find = Callable[[Vector, int], Ids]


@dataclass(frozen=True, slots=True)
class Recall:
    """`value`: the share of the DEPTH best passages by exact search that are found, over `questions`, with this search effort."""

    value: float
    questions: int
    effort: int


def tuned(matrix: Matrix, find: Find, most: int) -> Recall:
    """The least effort, up to `most`, at which AIM is reached; its recall on questions that had no part in the choice.

    `find(question, effort)` gives the rows that a search of DEPTH finds. Where the recall measured is below TARGET the effort is
    doubled until it is reached.
    """
    questions = sample_questions(matrix)
    best = best_scores(matrix, questions)
    half = len(questions) // 2
    low, high = 0, 1
    while high < most and recall(matrix, find, high, questions[:half], best[:half]) < AIM:
        low, high = high, min(2 * high, most)
    while high - low > max(low // 8, 1):
        middle = (low + high) // 2
        if recall(matrix, find, middle, questions[:half], best[:half]) < AIM:
            low = middle
        else:
            high = middle
    while True:
        value = recall(matrix, find, high, questions[half:], best[half:])
        if value >= TARGET or high == most:
            return Recall(value, len(questions) - half, high)
        high = min(2 * high, most)


def recall(matrix: Matrix, find: Find, effort: int, questions: Matrix, best: Scores) -> float:
    """A passage that scores as well as the last of the best counts as one of them: which of equals is found is chance."""
    found = 0
    for question, scores in zip(questions, best, strict=True):
        rows = np.sort(find(question, effort))
        found += min(int((matrix[rows] @ question >= scores[-1] - CLOSE).sum()), len(scores))
    return found / best.size


def sample_questions(matrix: Matrix) -> Matrix:
    """The same ones every time for the same vectors."""
    numbers = np.random.default_rng(SEED)
    of, one, other = (matrix[np.sort(numbers.integers(0, len(matrix), QUESTIONS))] for _ in range(3))
    order = numbers.permutation(QUESTIONS)
    moved = of[order] + np.float32(STEP) * (one[numbers.permutation(QUESTIONS)] - other)
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    questions: Matrix = (moved / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    return questions


def best_scores(matrix: Matrix, questions: Matrix) -> Scores:
    """For each question the DEPTH highest cosines, highest first, by looking at every row, some at a time."""
    best = np.full((len(questions), 0), 0, np.float32)
    for first in range(0, len(matrix), BLOCK):
        scores = np.concatenate([best, questions @ matrix[first : first + BLOCK].T], axis=1)
        best = -np.sort(-scores, axis=1)[:, :DEPTH] if scores.shape[1] <= DEPTH else -np.sort(_least(-scores), axis=1)
    return best


def _least(scores: Scores) -> Scores:
    return np.partition(scores, DEPTH - 1, axis=1)[:, :DEPTH]
