"""What a network in training is worth on questions that do not train it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.reader.training.data import Examples
from benchmarks.reader.training.network import ReadingNetwork, score


@torch.no_grad()
def validate(network: ReadingNetwork, examples: Examples, groups: Sequence[np.ndarray[Any, Any]]) -> dict[str, float]:
    """Shares of questions with the right unit first and with the exact span; AUROC of the best score: answerable questions, others.

    `groups`: the places of each question's windows.
    """
    first: list[bool] = []
    exact: list[bool] = []
    labels: list[bool] = []
    best: list[float] = []
    for begin in range(0, len(groups), 32):
        batch = examples.batch(np.concatenate(groups[begin : begin + 32]))
        scores = score(network(batch), batch)
        highest, place = scores.unit_logits.max(1)
        right = batch.right[:, 1:].gather(1, place[:, None])[:, 0]
        spans = (batch.span == scores.spans.argmax(-1).T).all(1)
        for group in range(int(batch.group.max()) + 1):
            rows = torch.nonzero(batch.group == group).flatten()
            row = int(rows[highest[rows].argmax()])
            labels.append(bool(batch.right[rows, 1:].any()))
            best.append(float(highest[row]))
            if labels[-1]:
                first.append(bool(right[row]))
                exact.append(bool(spans[row]))
    figures = {"questions": len(labels), "right unit first": _mean(first), "exact spans": _mean(exact)}
    if 0 < sum(labels) < len(labels):
        figures["AUROC"] = round(auroc(labels, best), 4)
    return figures


def auroc(labels: Sequence[bool], scores: Sequence[float]) -> float:
    """The probability that a positive one has the higher score. There must be both kinds."""
    order = np.argsort(np.asarray(scores), kind="stable")
    positive = np.asarray(labels)[order]
    ranks = np.flatnonzero(positive) + 1
    count = len(ranks)
    return float((ranks.sum() - count * (count + 1) / 2) / count / (len(labels) - count))


def _mean(values: Sequence[bool]) -> float:
    return round(sum(values) / max(1, len(values)), 4)
