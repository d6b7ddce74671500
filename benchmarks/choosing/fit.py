"""Learns the weights of the choice and of its probability from the observed sets.

    python -m benchmarks.choosing.fit     # writes qa/answering/choosing/weights.json, prints the figures

The choice is a softmax over the units of a question (the likelihood of the right ones, with an L2 penalty); the probability is a logistic
regression over the first quotes. In both, what a unit lacks never speaks for it, and what it covers of the question never against it.
With the reader, each question counts with as many windows as "auto" reads at least and at most, and is judged with each number and with
those of "always". Every set is also judged by weights that were fitted on the other sets. `judged` is never fitted on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.choosing.collect import FOLDER, Observed, read_observed
from benchmarks.choosing.questions import documents_of_questions
from benchmarks.quality.dev_sets import ROOT
from benchmarks.reader.own import is_validation
from qa.answering.choosing.choice import FIRST_WINDOWS, MORE_WINDOWS, best_of_quotes, certainty_features, quote_shares
from qa.answering.choosing.features import FEATURES
from qa.answering.choosing.reading import READ_WINDOWS, READING_FEATURES, reading_features
from qa.answering.choosing.weights import CERTAINTY, FILE_NAME
from qa.evaluation.measures import auroc, expected_calibration_error

FITTED = ("training", "own", "releases", "single", "squad")
JUDGED = "judged"
CHOICE_PENALTY, CERTAINTY_PENALTY = 10.0, 30.0
FIRST_QUOTES = 3  # of each question, whose probability is fitted
# Of questions in the fit of the probability. In squad2 three of five are impossible, elsewhere one of ten.
# Those that the documents nearly answer count more, because a confident wrong answer harms more than a doubted right one.
WEIGHTS = {"impossible": 0.25, "near_miss": 3.0}

# Features whose weights are at least 0, and at most.
FOR = {
    "covered", "covered by lead-in", "covered by headings", "covered by sentence before", "covered by word beginnings", "close together",
    "range holds a number of the question", "rank", "passage score", "similarity", "new words",
}  # fmt: skip
AGAINST = {name for name in FEATURES if "missing" in name or "lacks" in name or "without" in name} | {
    "ranges hold no number of the question", "passage score behind first",
}  # fmt: skip

FITTED_COUNTS = (FIRST_WINDOWS, FIRST_WINDOWS + MORE_WINDOWS)
COUNTS = (*FITTED_COUNTS, READ_WINDOWS)  # of windows

Floats = NDArray[np.float64]
Sets = Mapping[str, Sequence[Observed]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights for the features as they are; they are standardised only while fitting."""

    choice: Floats
    certainty: Floats
    intercept: float


def of_readings(observed: Sequence[Observed], windows: int) -> list[Observed]:
    """Only the units of the first `windows`, with the reader's features."""
    found = []
    for one in observed:
        readings = {i: reading for i, reading in one.readings.items() if reading.window < windows}
        places = list(readings)
        matrix = np.concatenate([one.matrix[places], reading_features(readings)], axis=1)
        found.append(
            replace(
                one,
                units=[one.units[i] for i in places],
                quotes=[one.quotes[i] for i in places],
                matrix=matrix,
                right=one.right[places],
                part=one.part[places],
            )
        )
    return found


def _unknown_to_reader(observed: Sequence[Observed]) -> list[Observed]:
    """The questions that the reader did not learn from: of those it knows, its readings are better than of others."""
    documents = documents_of_questions()
    return [
        one
        for one in observed
        if one.question not in documents or one.kind == "foreign" or is_validation(documents[one.question])
    ]


def fit(observed: Sequence[Observed]) -> Fitted:
    choice = _fit_choice([one for one in observed if one.right.any()])
    certainty, intercept = _fit_logistic(*_first_quotes(observed, choice))
    return Fitted(choice, certainty, intercept)


def _fit_choice(observed: Sequence[Observed]) -> Floats:
    every = np.concatenate([one.matrix for one in observed]).astype(float)
    mean, deviation = every.mean(0), every.std(0) + 1e-6
    questions = [((one.matrix - mean) / deviation, one.right.astype(float)) for one in observed]

    def loss(weights: Floats) -> tuple[float, Floats]:
        total, gradient = 0.0, np.zeros_like(weights)
        for matrix, right in questions:
            scores = matrix @ weights
            share = np.exp(scores - scores.max())
            share /= share.sum()
            held = share @ right + 1e-12
            total -= float(np.log(held))
            gradient += matrix.T @ (share - share * right / held)
        return total + CHOICE_PENALTY * weights @ weights, gradient + 2 * CHOICE_PENALTY * weights

    found: Floats = minimize(
        loss, np.zeros(every.shape[1]), jac=True, method="L-BFGS-B", bounds=_bounds(every.shape[1]), options={"maxiter": 300}
    ).x
    return found / deviation


def _first_quotes(observed: Sequence[Observed], choice: Floats) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """The inputs of the probability of the first quotes, whether each is right, and its weight."""
    rows, truth, weight = [], [], []
    for one in observed:
        if len(one.units):
            order, features = quotes_in_order(one, choice)
            first = order[:FIRST_QUOTES]
            rows.append(features[first])
            truth.append(one.right[first])
            weight.append(np.full(len(first), WEIGHTS.get(one.kind, 1.0)))
    return np.concatenate(rows), np.concatenate(truth), np.concatenate(weight)


def quotes_in_order(one: Observed, choice: Floats) -> tuple[list[int], Floats]:
    """The places of the best unit of each quote, best first, and the inputs of the probability of every unit."""
    scores = (one.matrix @ choice).astype(np.float32)
    shares = quote_shares(one.units, scores)
    order = sorted(best_of_quotes(one.units, scores), key=lambda i: (-shares[i], i))
    return order, certainty_features(one.matrix, scores, shares, one.context).astype(float)


def _fit_logistic(rows: Floats, truth: NDArray[np.bool_], weight: Floats) -> tuple[Floats, float]:
    mean, deviation = rows.mean(0), rows.std(0) + 1e-6
    inputs = np.concatenate([(rows - mean) / deviation, np.ones((len(rows), 1))], axis=1)
    target = truth.astype(float)
    penalty = np.append(np.full(rows.shape[1], CERTAINTY_PENALTY), 0.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        z = inputs @ weights
        value = weight @ (np.logaddexp(0, z) - target * z) + penalty @ weights**2
        return float(value), inputs.T @ (weight * (1 / (1 + np.exp(-z)) - target)) + 2 * penalty * weights

    bounds = _bounds(inputs.shape[1])
    found = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500}).x
    weights = found[:-1] / deviation
    return weights, float(found[-1] - mean @ weights)


def _bounds(count: int) -> list[tuple[float | None, float | None]]:
    """Of `count` weights, of which those of FEATURES are the first."""
    of_features = [(0.0 if name in FOR else None, 0.0 if name in AGAINST else None) for name in FEATURES]
    return of_features + [(None, None)] * (count - len(FEATURES))


def judge(observed: Sequence[Observed], fitted: Fitted, likely: float = 0.8) -> dict[str, Any]:
    """Right quotes, wrong ones among the likely, refusals at the threshold that refuses 5% of the answerable, calibration."""
    probability, right, kinds = [], [], []
    for one in observed:
        if len(one.units):
            order, features = quotes_in_order(one, fitted.choice)
            probability.append(1 / (1 + np.exp(-(features[order[0]] @ fitted.certainty + fitted.intercept))))
            right.append(bool(one.right[order[0]]))
        else:
            probability.append(0.0)
            right.append(False)
        kinds.append(one.kind if not one.answerable else "answerable")
    p, truth, kind = np.array(probability), np.array(right), np.array(kinds)
    good = kind == "answerable"
    threshold = float(np.quantile(p[good], 0.05)) if good.any() else 0.0
    confident = p >= likely
    return {
        "questions": int(good.sum()),
        "right": float(truth[good].mean()),
        "bound": float(np.mean([bool(one.right.any()) for one in observed if one.answerable])),
        "likely": float(confident.mean()),
        "likely wrong": float(1 - truth[confident].mean()) if confident.any() else None,
        "near refused": float((p[kind == "near_miss"] < threshold).mean()) if (kind == "near_miss").any() else None,
        "near likely": float((p[kind == "near_miss"] >= likely).mean()) if (kind == "near_miss").any() else None,
        "impossible AUROC": auroc(p[good | (kind == "impossible")], good[good | (kind == "impossible")]),
        "foreign refused": float((p[kind == "foreign"] < threshold).mean()) if (kind == "foreign").any() else None,
        "right AUROC": auroc(p, truth),
        "ECE": expected_calibration_error(p, truth),
        "threshold": threshold,
    }


def by_kind(observed: Sequence[Observed], fitted: Fitted) -> str:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for one in observed:
        if one.answerable and len(one.units):
            order, _ = quotes_in_order(one, fitted.choice)
            found[one.kind].update(right=int(one.right[order[0]]), all=1, possible=int(one.right.any()))
    return ", ".join(f"{kind} {each['right']}/{each['possible']}/{each['all']}" for kind, each in sorted(found.items()))


def _shown(figures: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}" for name, value in figures.items()
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry", action="store_true", help="print the figures only")
    options = parser.parse_args(arguments)
    names = [name for name in (*FITTED, JUDGED) if (FOLDER / f"{name}.pickle").is_file()]
    observed = {name: read_observed(name) for name in names}
    written: dict[str, Any] = {"unread": _learn("unread", FEATURES, observed, [observed])}
    if any(one.readings for each in observed.values() for one in each):
        unknown = {name: each if name == JUDGED else _unknown_to_reader(each) for name, each in observed.items()}
        by_count = {count: {name: of_readings(each, count) for name, each in unknown.items()} for count in COUNTS}
        written["read"] = _learn(
            "read", FEATURES + READING_FEATURES, by_count[READ_WINDOWS], [by_count[n] for n in FITTED_COUNTS]
        )
        fitted = Fitted(
            *(np.array(list(written["read"][part].values())) for part in ("choice", "certainty")), written["read"]["intercept"]
        )
        for count, each in by_count.items():
            print(f"{count} windows, judged: {_shown(judge(each[JUDGED], fitted))}")
    if not options.dry:
        written["fitted on"] = {name: len(observed[name]) for name in names if name != JUDGED}
        path = ROOT / "qa" / "answering" / "choosing" / FILE_NAME
        path.write_text(json.dumps(written, indent=1) + "\n", "utf-8")


def _learn(mode: str, features: Sequence[str], judged: Sets, fitted_on: Sequence[Sets]) -> dict[str, Any]:
    """The weights for weights.json, fitted on all sets but JUDGED; prints the figures of `judged`, also by weights fitted without them."""

    def weights_of(names: Sequence[str]) -> Fitted:
        return fit([one for sets in fitted_on for name in names for one in sets[name]])

    fitting = [name for name in judged if name != JUDGED]
    for name in fitting if len(fitting) > 1 else ():
        others = weights_of([other for other in fitting if other != name])
        print(f"{mode}, {name} left out: {_shown(judge(judged[name], others))}", flush=True)
    fitted = weights_of(fitting)
    for name, each in judged.items():
        print(f"{mode}, {name}: {_shown(judge(each, fitted))}")
        print(f"    right/possible/all: {by_kind(each, fitted)}", flush=True)
    return {
        "choice": dict(zip(features, map(_rounded, fitted.choice), strict=True)),
        "certainty": dict(zip((*features, *CERTAINTY), map(_rounded, fitted.certainty), strict=True)),
        "intercept": _rounded(fitted.intercept),
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


if __name__ == "__main__":
    main(sys.argv[1:])
