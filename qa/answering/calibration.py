"""Calibration of the confidence to a data folder's documents: two numbers on top of the shipped weights.

Platt 1999, "Probabilistic outputs for support vector machines": P = sigmoid(intercept + slope * logit(confidence)). A Gaussian prior
keeps the fit near the shipped values if there are few questions. The slope is positive, so the order never changes.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpus.types import QuotableError
from index import durable_files
from qa.answering.choosing.weights import weights_sha256
from qa.state_files import StateFiles

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]

FILE_NAME = "calibration.json"
FORMAT = 3
OLDEST_FORMAT = 3  # older ones were fitted to whether the documents answer, not to whether the quote does
# Right quotes, and others. Fewer do not distinguish a shift from chance.
MIN_QUESTIONS = 10
# Standard deviations of the prior around the shipped values.
INTERCEPT_SPREAD, SLOPE_SPREAD = 1.0, 0.5
MIN_SLOPE = 0.1
FIXED = 1e-6  # a prior this narrow fixes the slope
STEPS = 50
CONVERGED = 1e-9
# Probabilities are clipped to [EDGE, 1 - EDGE], because the logit of 0 and 1 is infinite.
EDGE = 1e-6


class CalibrationError(QuotableError):
    """The calibration cannot be fitted or read."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """`questions`: the number of questions it was fitted on, 0 for the shipped values."""

    intercept: float = 0.0
    slope: float = 1.0
    questions: int = 0

    def apply(self, confidence: float) -> float:
        """The calibrated probability for an uncalibrated confidence, 0..1."""
        if not self.questions:
            return confidence
        return 1 / (1 + math.exp(-(self.intercept + self.slope * _logit(confidence))))


AS_SHIPPED = Calibration()


def fit(confidences: Sequence[float], right: Sequence[bool]) -> Calibration:
    """Fit to the uncalibrated confidences of quotes and whether each is right. Raises CalibrationError if there are too few of either.

    Where a question set does not give the words that answer, the quote of a question that the documents answer counts as right.
    """
    yes = sum(right)
    no = len(right) - yes
    if min(yes, no) < MIN_QUESTIONS:
        raise CalibrationError(
            f"calibration needs at least {MIN_QUESTIONS} questions that are answered rightly and {MIN_QUESTIONS} that are not; the set has"
            f' {yes} and {no}. Add more; give "evidence" and "answer", and mark unanswerable ones with "answerable": false'
        )
    return _fit(confidences, right)


def cross_validate(confidences: Sequence[float], right: Sequence[bool], folds: int = 5) -> list[float]:
    """Cross-validation: each question's calibrated confidence by a fit on the other folds."""
    fitted = list(confidences)
    # Stratified: every fold gets questions of both kinds.
    order = sorted(range(len(fitted)), key=lambda place: not right[place])
    for fold in range(folds):
        held_out = set(order[fold::folds])
        kept = [place for place in order if place not in held_out]
        calibration = _fit([confidences[place] for place in kept], [right[place] for place in kept])
        for place in held_out:
            fitted[place] = calibration.apply(confidences[place])
    return fitted


def _fit(confidences: Sequence[float], right: Sequence[bool]) -> Calibration:
    truth = np.asarray(right, float)
    yes, no = truth.sum(), (1 - truth).sum()
    inputs = np.stack([np.ones(len(truth)), [_logit(confidence) for confidence in confidences]], axis=1)
    # Platt's targets, which keep the fit finite on a perfectly separated set.
    targets = np.where(truth > 0, (yes + 1) / (yes + 2), 1 / (no + 2))
    intercept, slope = _most_probable(inputs, targets, np.array([0.0, 1.0]), np.array([INTERCEPT_SPREAD, SLOPE_SPREAD]))
    if slope < MIN_SLOPE:
        intercept, slope = _most_probable(inputs, targets, np.array([0.0, MIN_SLOPE]), np.array([INTERCEPT_SPREAD, FIXED]))
    return Calibration(intercept, max(slope, MIN_SLOPE), len(truth))


def _most_probable(inputs: Floats, targets: Floats, prior: Floats, spread: Floats) -> tuple[float, float]:
    """Intercept and slope of the logistic regression with a Gaussian prior, by Newton's method; the objective is convex."""
    precision = np.diag(spread**-2)

    def loss(coefficients: Floats) -> float:
        logits, change = inputs @ coefficients, coefficients - prior
        return float((np.logaddexp(0, logits) - targets * logits).sum() + change @ precision @ change / 2)

    fitted = prior.copy()
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-inputs @ fitted))
        gradient = inputs.T @ (p - targets) + precision @ (fitted - prior)
        hessian = (inputs * (p * (1 - p))[:, None]).T @ inputs + precision
        step = np.linalg.solve(hessian, gradient)
        # Where all confidences are near 0 or 1 the objective is almost flat, and a whole step goes far too far.
        while loss(fitted - step) > loss(fitted) and float(np.abs(step).max()) > CONVERGED:
            step = step / 2
        fitted = fitted - step
        if float(np.abs(step).max()) < CONVERGED:
            break
    return float(fitted[0]), float(fitted[1])


def write_calibration(files: StateFiles, calibration: Calibration) -> str:
    """Store it, and return where."""
    values = {"format": FORMAT, "intercept": calibration.intercept, "slope": calibration.slope}
    content = durable_files.format_json(values | {"questions": calibration.questions, "on_top_of": weights_sha256()})
    files.change(FILE_NAME, lambda _: content.encode())
    return files.place(FILE_NAME)


def read_calibration(files: StateFiles) -> Calibration:
    """The calibration of a service, or AS_SHIPPED if it has none or one of another version.

    Raises CalibrationError if it is damaged or from a newer version.
    """
    content, place = files.read(FILE_NAME), files.place(FILE_NAME)
    if content is None:
        return AS_SHIPPED
    try:
        values = json.loads(content)
    except ValueError as error:
        raise CalibrationError(f"cannot read {place} ({error}); delete it, or run `qa eval --calibrate` again") from error
    try:
        if values["format"] > FORMAT:
            raise CalibrationError(
                f"{place} has format {values['format']}, this version reads up to {FORMAT}; delete it or upgrade"
            )
        if values["format"] < OLDEST_FORMAT:
            return _ignore(place)
        durable_files.parse_json(content, FILE_NAME)
        calibration = Calibration(float(values["intercept"]), float(values["slope"]), int(values["questions"]))
        on_top_of = values["on_top_of"]
    except (KeyError, TypeError, ValueError) as error:
        raise CalibrationError(f"{place} is not a valid calibration; delete it, or run `qa eval --calibrate` again") from error
    if on_top_of != weights_sha256():  # it is valid only for the weights that it was fitted on
        return _ignore(place)
    return calibration


def _ignore(place: str) -> Calibration:
    log.warning("ignoring %s: it was fitted by another version; run `qa eval --calibrate` again", place)
    return AS_SHIPPED


def _logit(confidence: float) -> float:
    inside = min(max(confidence, EDGE), 1 - EDGE)
    return math.log(inside / (1 - inside))
