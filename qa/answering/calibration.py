"""Confidence fitted to one's own documents: two numbers, kept in the data folder, put on top of the shipped coefficients.

Platt 1999, "Probabilistic outputs for support vector machines": P = sigmoid(intercept + slope * logit(confidence)). Few questions
say little, so the fit is held near "as shipped" by a Gaussian prior, and it never turns the order round.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpus.types import QuotableError
from index import durable_files
from qa.answering.confidence import COVERAGE, INTERCEPT, MISSING_NAMES, SIMILARITY, TENFOLD

log = logging.getLogger(__name__)

FILE_NAME = "calibration.json"
FORMAT = 2
_UNSEALED = {"format", "intercept", "slope", "questions", "on_top_of"}
# Of each kind; fewer cannot tell a shift from chance.
LEAST_QUESTIONS = 10
# Standard deviations of the prior: how far from the shipped figures a corpus is thought to be.
INTERCEPT_SPREAD, SLOPE_SPREAD = 1.0, 0.5
LEAST_SLOPE = 0.1
STEPS = 50
# Probabilities nearer to 0 and 1 have no finite logit that means anything.
EDGE = 1e-6
# What the two numbers stand on; with other coefficients they mean nothing.
SHIPPED = (INTERCEPT, SIMILARITY, COVERAGE, MISSING_NAMES, TENFOLD)


class CalibrationError(QuotableError):
    """Confidence cannot be fitted, or what was fitted cannot be read."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """`questions`: how many it was fitted on; 0 for "as shipped"."""

    intercept: float = 0.0
    slope: float = 1.0
    questions: int = 0

    def apply(self, confidence: float) -> float:
        """A shipped confidence as a probability for these documents, 0..1."""
        if not self.questions:
            return confidence
        return 1 / (1 + math.exp(-(self.intercept + self.slope * _logit(confidence))))


AS_SHIPPED = Calibration()


def fit(confidences: Sequence[float], answerable: Sequence[bool]) -> Calibration:
    """From shipped confidences of questions whose truth is known. Raises CalibrationError where there are too few of a kind."""
    yes = sum(answerable)
    no = len(answerable) - yes
    if min(yes, no) < LEAST_QUESTIONS:
        raise CalibrationError(
            f"calibrating needs at least {LEAST_QUESTIONS} questions that the documents answer and as many that they do not; "
            f'there are {yes} and {no} (mark the latter with "answerable": false)'
        )
    return _fitted(confidences, answerable)


def cross_fitted(confidences: Sequence[float], answerable: Sequence[bool], folds: int = 5) -> list[float]:
    """Each question's confidence by a fit on the other folds: what calibration is worth on questions that it has not seen."""
    fitted = list(confidences)
    # Folds take turns within each kind, so that none is without one.
    order = sorted(range(len(fitted)), key=lambda place: not answerable[place])
    for fold in range(folds):
        held_out = set(order[fold::folds])
        kept = [place for place in order if place not in held_out]
        calibration = _fitted([confidences[place] for place in kept], [answerable[place] for place in kept])
        for place in held_out:
            fitted[place] = calibration.apply(confidences[place])
    return fitted


def _fitted(confidences: Sequence[float], answerable: Sequence[bool]) -> Calibration:
    truth = np.asarray(answerable, float)
    yes, no = truth.sum(), (1 - truth).sum()
    inputs = np.stack([np.ones(len(truth)), [_logit(confidence) for confidence in confidences]], axis=1)
    prior, precision = np.array([0.0, 1.0]), np.diag([INTERCEPT_SPREAD**-2, SLOPE_SPREAD**-2])
    # Platt's targets, which keep a perfectly parted set from running off to certainty.
    targets = np.where(truth > 0, (yes + 1) / (yes + 2), 1 / (no + 2))
    fitted = prior.copy()
    for _ in range(STEPS):  # Newton's method; the objective is convex
        p = 1 / (1 + np.exp(-inputs @ fitted))
        gradient = inputs.T @ (p - targets) + precision @ (fitted - prior)
        hessian = (inputs * (p * (1 - p))[:, None]).T @ inputs + precision
        step = np.linalg.solve(hessian, gradient)
        fitted = fitted - step
        if float(np.abs(step).max()) < 1e-9:
            break
    return Calibration(float(fitted[0]), max(float(fitted[1]), LEAST_SLOPE), len(truth))


def write_calibration(folder: Path, calibration: Calibration) -> Path:
    """Put it into the data folder in one step; where it stands."""
    values = {"format": FORMAT, "intercept": calibration.intercept, "slope": calibration.slope}
    durable_files.write_json(folder / FILE_NAME, values | {"questions": calibration.questions, "on_top_of": list(SHIPPED)})
    return folder / FILE_NAME


def read_calibration(folder: Path) -> Calibration:
    """That of a data folder; as shipped where there is none, or where it stands on other coefficients than today's.

    Raises CalibrationError for a file that is damaged or was written by a newer version.
    """
    path = folder / FILE_NAME
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        return AS_SHIPPED
    except (OSError, ValueError) as error:
        raise CalibrationError(f"cannot read {path} ({error}); delete it, or run `qa eval --calibrate` again") from error
    try:
        if values["format"] > FORMAT:
            raise CalibrationError(f"{path} has format {values['format']}, this version reads up to {FORMAT}; delete it")
        if set(values) != _UNSEALED or values["format"] != 1:  # files of format 1 had no seal
            durable_files.read_json(path)
        calibration = Calibration(float(values["intercept"]), float(values["slope"]), int(values["questions"]))
        stands_on = tuple(values["on_top_of"])
    except (KeyError, TypeError, ValueError) as error:
        raise CalibrationError(f"{path} is not a calibration; delete it, or run `qa eval --calibrate` again") from error
    if stands_on != SHIPPED:
        log.warning("%s was fitted on another version's confidence and is passed over; run `qa eval --calibrate` again", path)
        return AS_SHIPPED
    return calibration


def _logit(confidence: float) -> float:
    inside = min(max(confidence, EDGE), 1 - EDGE)
    return math.log(inside / (1 - inside))
