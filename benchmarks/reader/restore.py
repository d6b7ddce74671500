"""Makes torch weights of the packaged reading model, so that its training can go on.

    python -m benchmarks.reader.restore [--to build/reader/packaged/model.pt]

The matrices come back from 8 bits, so each weight is off by at most half a step of its column's scale; embeddings that were never trained
are those of the default model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from benchmarks.contract import ROOT
from benchmarks.reader.model import ReadingNetwork
from qa.answering.reader.loading import WEIGHTS
from qa.answering.reader.model import MODEL_FILE

PACKAGED = ROOT / "build" / "reader" / "packaged" / "model.pt"
# In the order in which the graph multiplies.
MATRICES = ("attention.self.query", "attention.self.key", "attention.self.value")
MATRICES += ("attention.output.dense", "intermediate.dense", "output.dense")


def restore(path: Path = WEIGHTS / MODEL_FILE) -> ReadingNetwork:
    """The network of an exported model. Raises ValueError if it is not one of `benchmarks.reader.export`."""
    import onnx
    from onnx import numpy_helper

    network = ReadingNetwork()
    state = network.state_dict()
    graph = onnx.load(path).graph
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    names = [f"body.encoder.layer.{i}.{name}" for i in range(network.body.config.num_hidden_layers) for name in MATRICES]
    names += ["tokens", "answers"]
    stems = [name.removesuffix("_quantized") for name in found if name.endswith("_quantized") and found[name].ndim == 2]
    stems = [stem for stem in stems if "embeddings" not in stem]
    if len(stems) != len(names):
        raise ValueError(
            f"{path} has {len(stems)} matrices in 8 bits, not {len(names)}: it is no export of benchmarks.reader.export"
        )
    with torch.no_grad():
        for name, stem in zip(names, stems, strict=True):
            matrix = (found[f"{stem}_quantized"].astype(np.float32) - found[f"{stem}_zero_point"]) * found[f"{stem}_scale"]
            state[f"{name}.weight"].copy_(torch.from_numpy(matrix.T.copy()))
        for name, array in found.items():
            if (known := name.removeprefix("network.")) in state and array.dtype == np.float32:
                state[known].copy_(torch.from_numpy(array.copy()))
        for table in ("word", "position", "token_type"):
            stem = f"network.body.embeddings.{table}_embeddings.weight"
            scaled = (found[f"{stem}_quantized"].astype(np.float32) - found[f"{stem}_zero_point"]) * found[f"{stem}_scale"]
            kept = state[f"body.embeddings.{table}_embeddings.weight"]
            if np.abs(scaled - kept.numpy()).max() > float(found[f"{stem}_scale"].max()):
                kept.copy_(torch.from_numpy(scaled))
    network.load_state_dict(state)
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=PACKAGED)
    path = parser.parse_args().to
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"weights": restore().state_dict(), "step": 0}, path)


if __name__ == "__main__":
    main()
