"""A sentence-transformers model -> one ONNX file, through torch's own exporter. Needs torch; run once a model.

Imported only when there is something to export: serving needs none of it.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import torch

OUTPUT = "sentence_embedding"


class _WholeModel(torch.nn.Module):
    """All modules of a sentence-transformers model (transformer, pooling, normalising, dense) as one forward pass."""

    def __init__(self, model: torch.nn.Sequential, inputs: list[str]) -> None:
        super().__init__()
        self.stages = torch.nn.ModuleList(model)
        self.inputs = inputs

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        features: dict[str, Any] = dict(zip(self.inputs, tensors, strict=True))
        for stage in self.stages:
            features = stage(features)
        embedding: torch.Tensor = features[OUTPUT]
        return embedding


def export(model: torch.nn.Sequential, example: dict[str, torch.Tensor], max_length: int, path: Path) -> None:
    """Write `path`, with inputs named as in `example` ((2, n) each), batch and length left open.

    Raises whatever torch's exporter raises: there are models that it cannot trace.
    """
    batch, length = torch.export.Dim("batch", max=4096), torch.export.Dim("length", max=max_length)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # like its log: about the exporter's own parts, which nobody here can act on
        torch.onnx.export(
            _WholeModel(model, list(example)).eval(),
            tuple(example.values()),
            path,
            dynamo=True,
            verbose=False,
            external_data=False,
            input_names=list(example),
            output_names=[OUTPUT],
            dynamic_shapes={"tensors": tuple({0: batch, 1: length} for _ in example)},
        )
