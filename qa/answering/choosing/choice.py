"""Chooses among units: scores them by their features, lets the reader read where that leaves doubt, and says how probable each is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from corpus.types import Span
from index.ranking.result import Candidate, Ranking
from index.types import Matrix, Scores, StoredPassage, Vector
from qa.answering.choosing.comparing import Compare, compared_features
from qa.answering.choosing.features import UnitFeatures
from qa.answering.choosing.reading import READ_WINDOWS, Reading, read_windows, reading_features, windows_in_order
from qa.answering.choosing.weights import Weights, weights
from qa.answering.confidence import Evidence, topic_log_odds
from qa.answering.reader.windows import Reader
from qa.answering.units.unit import Unit
from qa.settings.settings import Read

# "auto" does not read where the probability without reading is at least SURE, or at most HOPELESS. It reads FIRST_WINDOWS, and
# MORE_WINDOWS where the best probability after that is below ENOUGH. docs/decisions/0020-reading.md has the figures.
SURE, HOPELESS = 0.95, 0.02
FIRST_WINDOWS, ENOUGH, MORE_WINDOWS = 2, 0.85, 2
# A larger share of the choice counts as this: where a document has one sentence, it says how few there are, not that it answers.
MOST_SHARE = 0.99


@dataclass(frozen=True, slots=True)
class Choice:
    """A unit with the probability that its quote answers.

    `names`, `values` and `contributions`: of its features. `reading`: None if it was not read.
    """

    unit: Unit
    probability: float
    names: Sequence[str]
    values: Vector
    contributions: Vector
    reading: Reading | None = None

    @property
    def span(self) -> Span | None:
        return self.reading.span if self.reading else None


def choose(
    ranking: Ranking,
    found: Sequence[tuple[Candidate, StoredPassage]],
    units: Sequence[Unit],
    evidence: Evidence,
    reader: Reader | None = None,
    read: Read = "auto",
    compare: Compare | None = None,
) -> list[Choice]:
    """The units, best first; those that were not read come last if any were. Units with the same quote are one, the best of them.

    `found`: the passages of the units, best first. `evidence`: of the topic. `reader`: None if none reads the language; where it would
    read, `compare` is used then.
    """
    if not units:
        return []
    matrix = UnitFeatures(ranking, found).matrix(units)
    context = context_of(evidence)
    unread = _choices(units, matrix, context, weights(read=False))
    best = unread[0].probability
    if read == "never" or (read == "auto" and not HOPELESS < best < SURE):
        return unread
    scores = matrix @ weights(read=False).choice
    if reader is None:
        if compare is None:
            return unread
        return _choices(units, compared_features(units, matrix, scores, compare), context, weights(read=False))
    windows = windows_in_order(units, scores, [stored for _, stored in found])
    first, more = (FIRST_WINDOWS, MORE_WINDOWS) if read == "auto" else (READ_WINDOWS, 0)
    readings = read_windows(reader, ranking.question, windows[:first])
    chosen = _choices_by_reading(units, matrix, context, readings)
    if (others := windows[first : first + more]) and chosen[0].probability < ENOUGH:
        readings |= read_windows(reader, ranking.question, others, first)
        chosen = _choices_by_reading(units, matrix, context, readings)
    quotes = {choice.unit.quote for choice in chosen}
    lowest = chosen[-1].probability
    rest = [choice for choice in unread if choice.unit.quote not in quotes]
    return chosen + [replace(one, probability=lowest) if one.probability > lowest else one for one in rest]


def _choices_by_reading(
    units: Sequence[Unit], matrix: Matrix, context: Vector, readings: Mapping[int, Reading]
) -> list[Choice]:
    places = list(readings)
    extended = np.concatenate([matrix[places], reading_features(readings)], axis=1)
    return _choices([units[i] for i in places], extended, context, weights(read=True), list(readings.values()))


def _choices(
    units: Sequence[Unit], matrix: Matrix, context: Vector, learned: Weights, readings: Sequence[Reading | None] | None = None
) -> list[Choice]:
    scores = matrix @ learned.choice
    shares = quote_shares(units, scores)
    best = best_of_quotes(units, scores)
    certainty = certainty_features(matrix, scores, shares, context)
    parts = certainty * learned.certainty
    log_odds = parts.sum(axis=1) + learned.intercept
    readings = readings or [None] * len(units)
    order = sorted(best, key=lambda i: (-shares[i], i))
    # A later choice is not a better one.
    probabilities = np.minimum.accumulate(1 / (1 + np.exp(-log_odds[order].astype(float)))).tolist()
    contributions = matrix * learned.choice
    return [
        Choice(units[i], probability, learned.features, matrix[i], contributions[i], readings[i])
        for i, probability in zip(order, probabilities, strict=True)
    ]


def context_of(evidence: Evidence) -> Vector:
    """What is the same for all units of a search: the topic's log-odds, and the logarithm of the number of passages."""
    return np.array([topic_log_odds(evidence), math.log10(max(evidence.passages, 1))], np.float32)


def quote_shares(units: Sequence[Unit], scores: Scores) -> Scores:
    """The softmax of the scores and of 0 for "none of these", summed over the units that are quoted alike (the items of a short list)."""
    top = max(float(scores.max()), 0.0)
    odds = np.exp(scores - top)
    sums: dict[tuple[int, Span], float] = {}
    for unit, one in zip(units, odds.tolist(), strict=True):
        key = (unit.place, unit.quote)
        sums[key] = sums.get(key, 0.0) + one
    total = float(odds.sum()) + math.exp(-top)
    return np.array([sums[unit.place, unit.quote] / total for unit in units], np.float32)


def best_of_quotes(units: Sequence[Unit], scores: Scores) -> list[int]:
    """The index of the best unit of each quote."""
    best: dict[tuple[int, Span], int] = {}
    for i, unit in enumerate(units):
        key = (unit.place, unit.quote)
        if key not in best or scores[i] > scores[best[key]]:
            best[key] = i
    return list(best.values())


def certainty_features(matrix: Matrix, scores: Scores, shares: Scores, context: Vector) -> Matrix:
    """The features and CERTAINTY of each unit, shape (units, features + 4)."""
    clipped = np.clip(shares, 1e-4, MOST_SHARE)
    columns = (np.log(clipped / (1 - clipped)), scores, np.full(len(scores), context[0]), np.full(len(scores), context[1]))
    return np.concatenate([matrix, np.stack(columns, axis=1)], axis=1).astype(np.float32)
