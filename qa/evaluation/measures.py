"""What a run of questions is judged by, named as the field names it. Pure.

Rankings are judged by ir-measures (trec_eval's own code but for MRR, which trec_eval cannot cut off), AUROC and precision-recall curves by
scikit-learn; calibration, coverage and significance are written out here with their sources.
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
    """One bin of a reliability diagram: mean confidence, share that was answerable, and the weight of what fell into it."""

    confidence: float
    answerable: float
    weight: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired comparison of means, B minus A: a 95% bootstrap interval and a two-sided randomisation p-value."""

    mean: float
    low: float
    high: float
    p: float


def ranking_measures(
    ranked: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, float]]:
    """Measure -> question id -> value, for every question of `relevant`; one that found nothing scores 0.

    `ranked`: what each question found, best first, without repeats; `relevant`: the gain of what it should find.
    """
    import ir_measures  # brings scipy along: only when something is measured

    by_measure = {ir_measures.parse_measure(name.replace("MRR", "RR")): name for name in RANKING_MEASURES}
    values: dict[str, dict[str, float]] = {name: dict.fromkeys(relevant, 0.0) for name in RANKING_MEASURES}
    run = {question: {name: 1.0 / rank for rank, name in enumerate(names, 1)} for question, names in ranked.items()}
    judged = {question: dict(gains) for question, gains in relevant.items() if gains}
    if judged:
        for metric in ir_measures.iter_calc(list(by_measure), judged, run):
            values[by_measure[metric.measure]][metric.query_id] = float(metric.value)
    return values


def auroc(confidences: ArrayLike, answerable: ArrayLike) -> float | None:
    """The chance that an answerable question gets more confidence than one that is not; None where there is only one kind."""
    truth = np.asarray(answerable, bool)
    if truth.all() or not truth.any():
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, np.asarray(confidences)))


def reliability(
    confidences: ArrayLike, answerable: ArrayLike, weights: ArrayLike | None = None, bins: int = CALIBRATION_BINS
) -> list[Bin]:
    """Equal-width bins of confidence that hold anything, from low to high."""
    p, truth = np.asarray(confidences, float), np.asarray(answerable, float)
    w = np.ones_like(p) if weights is None else np.asarray(weights, float)
    places = np.minimum((p * bins).astype(int), bins - 1)
    found = []
    for place in range(bins):
        here = places == place
        if weight := float(w[here].sum()):
            found.append(Bin(float(p[here] @ w[here]) / weight, float(truth[here] @ w[here]) / weight, weight))
    return found


def expected_calibration_error(
    confidences: ArrayLike, answerable: ArrayLike, weights: ArrayLike | None = None, bins: int = CALIBRATION_BINS
) -> float:
    """ECE: the mean distance of confidence and truth over the bins of `reliability`, by their weight (Naeini et al. 2015)."""
    found = reliability(confidences, answerable, weights, bins)
    total = sum(one.weight for one in found)
    return sum(one.weight * abs(one.confidence - one.answerable) for one in found) / total if total else 0.0


def coverage_at_precision(confidences: ArrayLike, answerable: ArrayLike, precision: float = PRECISION_FOR_COVERAGE) -> float:
    """The largest share of answerable questions above a threshold above which at least `precision` of all are answerable."""
    from sklearn.metrics import precision_recall_curve

    precisions, recalls, _ = precision_recall_curve(np.asarray(answerable, bool), np.asarray(confidences))
    return float(recalls[precisions >= precision].max(initial=0.0))


def compare(a: Sequence[float], b: Sequence[float], seed: int = 0, resamples: int = RESAMPLES) -> Difference:
    """Whether B differs from A over the same questions; the same seed gives the same figures.

    Fisher's randomisation test (Smucker et al. 2007: signs of the differences flipped at random) and the percentile bootstrap.
    Raises ValueError where the questions are not the same number, or none.
    """
    if len(a) != len(b) or not len(a):
        raise ValueError(f"a comparison needs the same questions on both sides; there are {len(a)} and {len(b)}")
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
