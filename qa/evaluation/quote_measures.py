"""Measures of the shown quotes and their confidence, with bootstrap intervals: of all questions, and by kind. Pure.

Risk-coverage: answer the most confident questions first; the risk is the share of them whose quote is not right (El-Yaniv and Wiener 2010),
the area under the curve is its mean over all coverages (Geifman and El-Yaniv 2017). Questions that nothing answers count as not right.
Every measure is computed from weights of the questions, so that a bootstrap sample is one row of a matrix of counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.answering.confidence import LIKELY_CONFIDENCE
from qa.evaluation.matching import Match
from qa.evaluation.measures import CALIBRATION_BINS

RIGHT, PART, WRONG, ANY_RIGHT = "quote right", "quote part", "quote wrong", "any quote right"
WRONGLY_REFUSED, AREA, SELECTIVE = "wrongly refused", "AURC", "right at 80% coverage"
LIKELY, LIKELY_NOT_RIGHT, LIKELY_WRONG = "called likely", "likely, not right", "likely, wrong"
AUROC, ECE = "AUROC of right", "ECE of the quote"
REFUSED, REFUSED_AT_5 = "rightly refused", "rightly refused at 5%"
COVERAGE = 0.8
# REFUSED_AT_5 uses the highest threshold that refuses at most this share of the answerable questions.
GOOD_REFUSED = 0.05
RESAMPLES = 1_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class JudgedQuote:
    """The first quote for one question, even if it was refused. `match`: None if nothing answers the question. `any_right`: whether
    this or another quote is right.
    """

    kind: str
    match: Match | None
    confidence: float
    any_right: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure with its 95% bootstrap interval (percentiles; resampled by question)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class QuoteFigures:
    """`by_kind`: kind -> measure -> estimate. `counts`: kind -> number of questions. `curve`: (coverage, risk) from the most confident."""

    overall: Mapping[str, Estimate]
    by_kind: Mapping[str, Mapping[str, Estimate]]
    counts: Mapping[str, int]
    curve: Sequence[tuple[float, float]]


def measure_quotes(judged: Sequence[JudgedQuote], threshold: float, seed: int = 0) -> QuoteFigures:
    """All measures that apply. `threshold`: questions with a lower confidence are refused. Raises ValueError without questions."""
    if not judged:
        raise ValueError("there are no questions to measure")
    sample = _Sample(judged, threshold)
    n = len(judged)
    resampled = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(float)
    kinds = list(dict.fromkeys(one.kind for one in judged))
    return QuoteFigures(
        overall=_estimates(sample, resampled, np.ones(n, bool)),
        by_kind={kind: _estimates(sample, resampled, sample.kinds == kind) for kind in kinds},
        counts={kind: int((sample.kinds == kind).sum()) for kind in kinds},
        curve=sample.curve(),
    )


def _estimates(sample: _Sample, resampled: Floats, inside: NDArray[np.bool_]) -> dict[str, Estimate]:
    point = sample.measures(np.ones((1, len(inside))), inside)
    spread = sample.measures(resampled, inside)
    found = {}
    for name, value in point.items():
        if np.isfinite(value[0]):
            low, high = np.nanquantile(spread[name], (0.025, 0.975))
            found[name] = Estimate(float(value[0]), float(low), float(high))
    return found


class _Sample:
    """The questions, the most confident first, as arrays (n,). `weights` in its methods: (samples, n)."""

    def __init__(self, judged: Sequence[JudgedQuote], threshold: float) -> None:
        ordered = sorted(judged, key=lambda one: -one.confidence)
        self.kinds = np.array([one.kind for one in ordered])
        self._confidence = np.array([one.confidence for one in ordered])
        self._answerable = np.array([one.match is not None for one in ordered])
        self._matches = {match: np.array([one.match is match for one in ordered]) for match in Match}
        self._any_right = np.array([one.match is Match.RIGHT or one.any_right for one in ordered])
        self._refused = self._confidence < threshold
        # Questions with the same confidence form a group; `_group` is the group of each question.
        _, self._starts, inverse = np.unique(-self._confidence, return_index=True, return_inverse=True)
        self._group = inverse.reshape(-1)

    def curve(self) -> list[tuple[float, float]]:
        coverage, risk = self._risk(np.ones((1, len(self.kinds))))
        ends = [*(self._starts[1:] - 1), len(self.kinds) - 1]
        return [(float(coverage[0, place]), float(risk[0, place])) for place in ends]

    def measures(self, weights: Floats, inside: NDArray[np.bool_]) -> dict[str, Floats]:
        """Measure -> one value for each sample, NaN where it does not apply."""
        within = weights * inside
        right, wrong = self._matches[Match.RIGHT], self._matches[Match.WRONG]
        likely = self._confidence >= LIKELY_CONFIDENCE
        unanswerable = ~self._answerable
        coverage, risk = self._risk(within)
        return {
            RIGHT: _share(within, right, self._answerable),
            PART: _share(within, self._matches[Match.PART], self._answerable),
            WRONG: _share(within, wrong, self._answerable),
            ANY_RIGHT: _share(within, self._any_right, self._answerable),
            WRONGLY_REFUSED: _share(within, self._refused, self._answerable),
            REFUSED: _share(within, self._refused, unanswerable),
            REFUSED_AT_5: _divide((within * self._refused_at(weights)) @ unanswerable, within @ unanswerable),
            LIKELY: _share(within, likely, np.ones_like(likely)),
            LIKELY_NOT_RIGHT: _share(within, ~right, likely),
            LIKELY_WRONG: _share(within, wrong, likely & self._answerable),
            AREA: _divide((within * np.nan_to_num(risk)).sum(1), within.sum(1)),
            SELECTIVE: 1 - risk[np.arange(len(risk)), (coverage >= COVERAGE - 1e-9).argmax(1)],
            AUROC: self._auroc(within),
            ECE: self._calibration_error(within),
        }

    def _risk(self, weights: Floats) -> tuple[Floats, Floats]:
        """Coverage and risk up to each question. Within a group of equal confidence the errors are spread evenly."""
        errors = _divide(self._grouped(weights * ~self._matches[Match.RIGHT]), self._grouped(weights))
        even = np.nan_to_num(errors)[:, self._group] * weights
        covered = weights.cumsum(1)
        return _divide(covered, covered[:, -1:]), _divide(even.cumsum(1), covered)

    def _refused_at(self, weights: Floats) -> NDArray[np.bool_]:
        """Which questions are refused by the highest confidence as threshold that refuses at most GOOD_REFUSED of the answerable."""
        good = self._grouped(weights * self._answerable)
        below = good.sum(1, keepdims=True) - good.cumsum(1)  # in less confident groups
        highest = (below <= GOOD_REFUSED * good.sum(1, keepdims=True) + 1e-9).argmax(1)
        return np.asarray(self._group > highest[:, None])

    def _auroc(self, weights: Floats) -> Floats:
        right = self._grouped(weights * self._matches[Match.RIGHT])
        others = self._grouped(weights * ~self._matches[Match.RIGHT])
        total = others.sum(1, keepdims=True)
        below = total - others.cumsum(1)
        return _divide((right * (below + others / 2)).sum(1), right.sum(1) * total[:, 0])

    def _calibration_error(self, weights: Floats) -> Floats:
        """ECE of the confidence that the quote is right, as `measures.expected_calibration_error`."""
        bins = np.minimum((self._confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
        gaps = weights * (self._confidence - self._matches[Match.RIGHT])
        by_bin = np.stack([gaps[:, bins == place].sum(1) for place in range(CALIBRATION_BINS)], 1)
        return _divide(np.abs(by_bin).sum(1), weights.sum(1))

    def _grouped(self, values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values, self._starts, axis=1))


def _share(weights: Floats, part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> Floats:
    return _divide(weights @ (part & whole), weights @ whole)


def _divide(part: Floats, whole: Floats) -> Floats:
    """NaN where the whole is 0."""
    whole = np.broadcast_to(whole, part.shape)
    found: Floats = np.full(part.shape, np.nan)
    return np.divide(part, whole, out=found, where=whole > 0)
