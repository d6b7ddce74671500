"""Fits the coefficients of qa/answering/confidence.py to what the product itself finds on the dev sets, and says how well they carry over.

    python -m benchmarks.quality.fit_confidence     # prints the coefficients, and each set by a fit on all the others

A set counts the same whatever its size: 80% its own questions, 10% foreign ones, 10% near misses and questions whose answers were
taken away. The two kinds of cuts of squad2 (small and middling corpora) are left out together with it, since they share its
questions. cranfield counts a third: its collection says "relevant" of much that answers nothing.
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
RIDGE = 1e-3  # on standardised facts
FACTS = ("SIMILARITY", "COVERAGE", "MISSING_NAMES", "TENFOLD")
SHIPPED = (INTERCEPT, SIMILARITY, COVERAGE, MISSING_NAMES, TENFOLD)

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """The facts of a set's questions (n, 4), whether it answers them, of what kind they are, and what each weighs."""

    facts: Floats
    answerable: Floats
    kinds: Sequence[Kind]
    weights: Floats

    @classmethod
    def of(cls, observations: Sequence[Observation]) -> Labelled:
        weights = mix_weights(observations)
        kept = [(one, weight) for one, weight in zip(observations, weights, strict=True) if weight and one.evidence]
        facts = [
            (e.similarity, e.coverage, e.missing_names, np.log10(e.passages))
            for one, _ in kept
            if (e := one.evidence) is not None
        ]
        kinds = [one.kind for one, _ in kept]
        return cls(
            np.array(facts), np.array([kind is Kind.OWN for kind in kinds], float), kinds, np.array([w for _, w in kept])
        )


def fit(sets: Mapping[str, Labelled]) -> Floats:
    """Intercept and one coefficient a fact: weighted logistic regression."""
    facts = np.concatenate([each.facts for each in sets.values()])
    answerable = np.concatenate([each.answerable for each in sets.values()])
    weights = np.concatenate([SHARE.get(name, 1.0) * each.weights / each.weights.sum() for name, each in sets.items()])
    weights = weights / weights.sum()
    mean, spread = facts.mean(0), facts.std(0) + 1e-9
    inputs = np.column_stack([np.ones(len(facts)), (facts - mean) / spread])

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        logit = inputs @ coefficients
        p = 1 / (1 + np.exp(-logit))
        # log(1 + exp(-z)) for either sign, without overflow
        value = weights @ (np.logaddexp(0, logit) - answerable * logit) + RIDGE * coefficients[1:] @ coefficients[1:]
        return float(value), inputs.T @ (weights * (p - answerable)) + 2 * RIDGE * np.r_[0, coefficients[1:]]

    found = minimize(loss, np.zeros(inputs.shape[1]), jac=True).x
    return np.r_[found[0] - (found[1:] * mean / spread).sum(), found[1:] / spread]


def probabilities(coefficients: Floats, labelled: Labelled) -> Floats:
    return np.asarray(1 / (1 + np.exp(-(coefficients[0] + labelled.facts @ coefficients[1:]))))


def judged(p: Floats, labelled: Labelled) -> dict[str, float]:
    """AUROC against each kind, ECE on the mix, and the shares refused at each operating point."""
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


def left_out(name: str, sets: Mapping[str, Labelled]) -> dict[str, Labelled]:
    """The sets that a fit judged on `name` may see."""
    squad = {"squad2", *CUTS}
    return {other: each for other, each in sets.items() if other != name and not (name in squad and other in squad)}


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
        + "  ".join(f"{key} = {value:.2f}" for key, value in zip(("INTERCEPT", *FACTS), coefficients, strict=True))
    )
    print(
        "in the code:    "
        + "  ".join(f"{key} = {value:.2f}" for key, value in zip(("INTERCEPT", *FACTS), SHIPPED, strict=True))
    )
    _show("each set by a fit on the others", {n: judged(probabilities(fit(left_out(n, sets)), s), s) for n, s in sets.items()})
    _show("by the coefficients in the code", {n: judged(probabilities(np.array(SHIPPED), s), s) for n, s in sets.items()})


if __name__ == "__main__":
    main()
