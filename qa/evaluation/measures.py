"""Measures of ranking and confidence, under their usual names. Pure.

ir-measures computes the ranking measures (with trec_eval's code, except MRR, which trec_eval cannot cut off), scikit-learn AUROC
and precision-recall curves. Calibration error, coverage and significance are implemented here with their sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RECALL_CUTOFFS = (1, 3, 5, 10, 20, 50)
RANKING_MEASURES = ("nDCG@10", "MRR@10", "Success@1", "Success@5", *(f"R@{k}" for k in RECALL_CUTOFFS))
CALIBRATION_BINS = 15  # Guo et al. 2017, On Calibration of Modern Neural Networks
PRECISION_FOR_COVERAGE = 0.95
RESAMPLES = 10_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram: mean confidence, share of answerable questions, total weight."""

    confidence: float
    answerable: float
    weight: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Paired difference of means, B minus A, with a 95% bootstrap interval and a two-sided randomisation p-value."""

    mean: float
    low: float
    high: float
    p: float


def ranking_measures(
    ranked: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, float]]:
    """Measure -> question id -> value, for every question in `relevant`; 0 for a question without results.

    `ranked`: question id -> names found, best first, without duplicates. `relevant`: question id -> name -> gain.
    """
    import ir_measures  # imports scipy

    by_measure = {ir_measures.parse_measure(name.replace("MRR", "RR")): name for name in RANKING_MEASURES}
    values: dict[str, dict[str, float]] = {name: dict.fromkeys(relevant, 0.0) for name in RANKING_MEASURES}
    run = {question: {name: 1.0 / rank for rank, name in enumerate(names, 1)} for question, names in ranked.items()}
    judged = {question: dict(gains) for question, gains in relevant.items() if gains}
    if judged:
        for metric in ir_measures.iter_calc(list(by_measure), judged, run):
            values[by_measure[metric.measure]][metric.query_id] = float(metric.value)
    return values


def auroc(confidences: ArrayLike, answerable: ArrayLike) -> float | None:
    """Probability that an answerable question gets a higher confidence than an unanswerable one. None if either kind is missing."""
    truth = np.asarray(answerable, bool)
    if truth.all() or not truth.any():
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, np.asarray(confidences)))


def reliability(
    confidences: ArrayLike, answerable: ArrayLike, weights: ArrayLike | None = None, bins: int = CALIBRATION_BINS
) -> list[Bin]:
    """The non-empty equal-width bins of confidence, lowest first."""
    p, truth = np.asarray(confidences, float), np.asarray(answerable, float)
    w = np.ones_like(p) if weights is None else np.asarray(weights, float)
    places = np.minimum((p * bins).astype(int), bins - 1)
    found = []
    for place in range(bins):
        inside = places == place
        if weight := float(w[inside].sum()):
            found.append(Bin(float(p[inside] @ w[inside]) / weight, float(truth[inside] @ w[inside]) / weight, weight))
    return found


def expected_calibration_error(
    confidences: ArrayLike, answerable: ArrayLike, weights: ArrayLike | None = None, bins: int = CALIBRATION_BINS
) -> float:
    """ECE: weighted mean of |confidence - share answerable| over the bins of `reliability` (Naeini et al. 2015)."""
    found = reliability(confidences, answerable, weights, bins)
    total = sum(one.weight for one in found)
    return sum(one.weight * abs(one.confidence - one.answerable) for one in found) / total if total else 0.0


def coverage_at_precision(confidences: ArrayLike, answerable: ArrayLike, precision: float = PRECISION_FOR_COVERAGE) -> float:
    """The largest recall of answerable questions over all thresholds with at least this precision."""
    from sklearn.metrics import precision_recall_curve

    precisions, recalls, _ = precision_recall_curve(np.asarray(answerable, bool), np.asarray(confidences))
    return float(recalls[precisions >= precision].max(initial=0.0))


def compare(a: Sequence[float], b: Sequence[float], seed: int = 0, resamples: int = RESAMPLES) -> Difference:
    """Compare B with A over the same questions. Deterministic for a seed.

    Fisher's randomisation test (Smucker et al. 2007: random sign flips of the differences) and the percentile bootstrap.
    Raises ValueError if the two lengths differ or are 0.
    """
    if len(a) != len(b) or not len(a):
        raise ValueError(
            f"cannot compare {len(a)} with {len(b)} questions: both sides must have the same questions, at least one"
        )
    differences: Floats = np.asarray(b, float) - np.asarray(a, float)
    mean = float(differences.mean())
    random = np.random.default_rng(seed)
    flipped, drawn = np.empty(resamples), np.empty(resamples)
    for i in range(resamples):
        flipped[i] = differences @ (random.integers(0, 2, len(differences)) * 2 - 1)
        drawn[i] = differences[random.integers(0, len(differences), len(differences))].mean()
    extreme = int((np.abs(flipped) >= abs(differences.sum()) - 1e-12).sum())
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Difference(mean, float(low), float(high), (extreme + 1) / (resamples + 1))
