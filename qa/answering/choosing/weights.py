"""The learned weights of the choice and of its probability. `benchmarks/choosing/fit.py` writes weights.json."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from index.types import Vector
from qa.answering.choosing.features import FEATURES
from qa.answering.choosing.reading import READING_FEATURES

FILE_NAME = "weights.json"

# What the probability depends on besides the features of the unit.
CERTAINTY = ("log-odds of the choice", "score of the choice", "topic", "passages")


@dataclass(frozen=True, slots=True)
class Weights:
    """`choice`: one a feature; the softmax of the scores chooses. `certainty`: for the features and CERTAINTY, with `intercept`."""

    features: tuple[str, ...]
    choice: Vector
    certainty: Vector
    intercept: float


@cache
def weights(*, read: bool) -> Weights:
    """The weights for units that the reading model has read, or for those that it has not."""
    found = json.loads(_content())["read" if read else "unread"]
    features = FEATURES + READING_FEATURES if read else FEATURES
    choice = np.array([found["choice"][name] for name in features], np.float32)
    certainty = np.array([found["certainty"][name] for name in (*features, *CERTAINTY)], np.float32)
    return Weights(features, choice, certainty, float(found["intercept"]))


@cache
def weights_sha256() -> str:
    """The SHA-256 of weights.json, hexadecimal."""
    return hashlib.sha256(_content()).hexdigest()


def _content() -> bytes:
    return (files(__package__) / FILE_NAME).read_bytes()
