"""Fits the coefficients of qa/answering/confidence.py on the dev sets, and cross-validates them over the sets.

    python -m benchmarks.quality.fit_confidence     # prints the coefficients, and the figures of each set by a fit on all others

Every set has the same total weight: 80% own questions, 10% foreign, 10% near misses and questions without their answers. squad2 and
the corpora cut out of it are left out together, because they share questions. cranfield counts a third, because many of its relevant
documents do not answer the question.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from benchmarks.quality.cut_corpora import CUTS
from benchmarks.quality.dev_sets import DATA, RANKED
from benchmarks.quality.observations import Kind, Observation, observe
from benchmarks.quality.run import ANSWER_THRESHOLDS, mix_weights
from qa.answering.confidence import COVERAGE, INTERCEPT, MISSING_NAMES, SIMILARITY, TENFOLD
from qa.evaluation import measures

SETS = (*RANKED, "mtrag", *CUTS)
SHARE = {"cranfield": 0.3}
RIDGE = 1e-3  # on standardised features
FEATURES = ("SIMILARITY", "COVERAGE", "MISSING_NAMES", "TENFOLD")
SHIPPED = (INTERCEPT, SIMILARITY, COVERAGE, MISSING_NAMES, TENFOLD)

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Features of a set's questions (n, 4), whether the set answers them, their kinds and their weights."""

    features: Floats
    answerable: Floats
    kinds: Sequence[Kind]
    weights: Floats

    @classmethod
    def of(cls, observations: Sequence[Observation]) -> Labelled:
        weights = mix_weights(observations)
        kept = [(one, weight) for one, weight in zip(observations, weights, strict=True) if weight and one.evidence]
        features = [
            (e.similarity, e.coverage, e.missing_names, np.log10(e.passages))
            for one, _ in kept
            if (e := one.evidence) is not None
        ]
        kinds = [one.kind for one, _ in kept]
        return cls(
            np.array(features), np.array([kind is Kind.OWN for kind in kinds], float), kinds, np.array([w for _, w in kept])
        )


def fit(sets: Mapping[str, Labelled]) -> Floats:
    """Weighted logistic regression: the intercept, then one coefficient for each feature."""
    features = np.concatenate([each.features for each in sets.values()])
    answerable = np.concatenate([each.answerable for each in sets.values()])
    weights = np.concatenate([SHARE.get(name, 1.0) * each.weights / each.weights.sum() for name, each in sets.items()])
    weights = weights / weights.sum()
    mean, spread = features.mean(0), features.std(0) + 1e-9
    inputs = np.column_stack([np.ones(len(features)), (features - mean) / spread])

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        logit = inputs @ coefficients
        p = 1 / (1 + np.exp(-logit))
        # log(1 + exp(z)) without overflow
        value = weights @ (np.logaddexp(0, logit) - answerable * logit) + RIDGE * coefficients[1:] @ coefficients[1:]
        return float(value), inputs.T @ (weights * (p - answerable)) + 2 * RIDGE * np.r_[0, coefficients[1:]]

    found = minimize(loss, np.zeros(inputs.shape[1]), jac=True).x
    return np.r_[found[0] - (found[1:] * mean / spread).sum(), found[1:] / spread]


def probabilities(coefficients: Floats, labelled: Labelled) -> Floats:
    return np.asarray(1 / (1 + np.exp(-(coefficients[0] + labelled.features @ coefficients[1:]))))


def evaluate(p: Floats, labelled: Labelled) -> dict[str, float]:
    """AUROC against each kind, ECE on the mix, and the shares refused at each threshold."""
    kinds = np.array(labelled.kinds)
    own = kinds == Kind.OWN
    figures = {}
    for kind in (Kind.FOREIGN, Kind.NEAR, Kind.REMOVED):
        both = own | (kinds == kind)
        area = measures.auroc(p[both], own[both])
        if area is not None:
            figures[f"AUROC {kind}"] = area
    figures["ECE"] = measures.expected_calibration_error(p, labelled.answerable, labelled.weights)
    for point in ANSWER_THRESHOLDS:
        figures[f"{point:.2f} own"] = float((p[own] < point).mean())
        figures[f"{point:.2f} foreign"] = float((p[kinds == Kind.FOREIGN] < point).mean())
    return figures


def training_sets(name: str, sets: Mapping[str, Labelled]) -> dict[str, Labelled]:
    """The sets for a fit that is evaluated on `name`."""
    related = {"squad2", *CUTS}
    return {other: each for other, each in sets.items() if other != name and not (name in related and other in related)}


def _show(title: str, by_set: Mapping[str, Mapping[str, float]]) -> None:
    print(title)
    for name, figures in (*by_set.items(), ("mean", _mean(by_set))):
        aurocs = "  ".join(f"{key} {value:.3f}" for key, value in figures.items() if key.startswith(("AUROC", "ECE")))
        print(f"  {name:10} {aurocs}")
    print("  refused at: " + "  ".join(f"{point:.2f}" for point in ANSWER_THRESHOLDS))
    for name, figures in (*by_set.items(), ("mean", _mean(by_set))):
        for kind in ("own", "foreign"):
            print(f"  {name:10} {kind:8}" + "  ".join(f"{figures[f'{point:.2f} {kind}']:5.3f}" for point in ANSWER_THRESHOLDS))


def _mean(by_set: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for figures in by_set.values() for name in figures)
    return {name: float(np.mean([f[name] for f in by_set.values() if name in f])) for name in names}


def main() -> None:
    if not DATA.is_dir():
        print(f"skipped: the dev sets are not at {DATA}; set QUOTABLE_SHARED to the folder that holds data/")
        return
    names = sys.argv[1:] or SETS
    sets = {name: Labelled.of(observe(name)) for name in names}
    for name, each in sets.items():
        counts = {kind.value: sum(one is kind for one in each.kinds) for kind in Kind}
        print(f"{name:10} " + "  ".join(f"{count} {kind}" for kind, count in counts.items() if count))
    coefficients = fit(sets)
    print(
        "fitted on all:  "
        + "  ".join(f"{key} = {value:.2f}" for key, value in zip(("INTERCEPT", *FEATURES), coefficients, strict=True))
    )
    print(
        "in the code:    "
        + "  ".join(f"{key} = {value:.2f}" for key, value in zip(("INTERCEPT", *FEATURES), SHIPPED, strict=True))
    )
    _show(
        "each set by a fit on all others",
        {n: evaluate(probabilities(fit(training_sets(n, sets)), s), s) for n, s in sets.items()},
    )
    _show("coefficients in the code", {n: evaluate(probabilities(np.array(SHIPPED), s), s) for n, s in sets.items()})


if __name__ == "__main__":
    main()
