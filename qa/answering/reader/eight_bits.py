"""Writes an exported reading model in 8 bits, where these keep its logits."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from index.embedding.onnx_int8 import NotQuantizable, quantize_graph
from qa.answering.reader.model import run_graph

log = logging.getLogger(__name__)

MIN_CORRELATION = 0.98  # of the logits, between 8 bits and full precision
PROBES = (
    (
        "Who signed the memorandum?",
        "The memorandum was signed by the Secretary of State for Science on 21 July, after talks in London.",
    ),
    ("how much", "A licence costs £34.50 a year. You can pay less if you are over 75, blind, or live in a care home."),
)


def round_model(exact: Path, target: Path, samples: Sequence[Mapping[str, Any]]) -> None:
    """Write the model of the file `exact` to `target`: in 8 bits, unless rounding changes the logits of the samples too much.

    `exact` is gone then.
    """
    try:
        quantize_graph(exact, target)
        for sample in samples:
            found, rounded = flat_logits(run_graph(exact, sample)), flat_logits(run_graph(target, sample))
            correlation = float(np.corrcoef(found, rounded)[0, 1])
            if not correlation >= MIN_CORRELATION:
                raise NotQuantizable(f"8 bits change the reading model's logits: correlation {correlation:.3f}")
        exact.unlink()
    except NotQuantizable as reason:
        log.info("%s; it runs in full precision", reason)
        os.replace(exact, target)


def flat_logits(outputs: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.concatenate([np.asarray(output, np.float32).ravel() for output in outputs])
