"""Exports a trained reading model to the folder that comes with the package.

    python -m benchmarks.reader.export build/reader/run/6-layers-*.npz [--former 0.25] [--target qa/answering/reader/weights]

The files are those of one pupil; its embeddings are those of the packaged model. The other weights are a mean of the pupil's and, if it has
as many layers, of those that were packaged before, with which it began: it then forgets less of what only they were trained on.
The weights of the score (evidence, span) are fitted on the windows of the own questions kept aside.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tokenizers
import torch

from benchmarks.contract import ROOT
from benchmarks.reader.examples import Example, read_examples
from benchmarks.reader.training.initial import packaged_weights
from benchmarks.reader.training.network import EPSILON, HEADS, ReadingNetwork
from index.embedding.model_files import DEFAULT_MODEL, find_model
from qa.answering.reader.encoding import MAX_TOKENS
from qa.answering.reader.export import write_reader
from qa.answering.reader.graph import build_graph
from qa.answering.reader.loading import WEIGHTS
from qa.answering.reader.model import MODEL_FILE, ReadingModel, write_manifest
from qa.answering.reader.windows import Window

BUILD = ROOT / "build" / "reader"
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
OUTPUTS = ["start", "end", "evidence", "answers"]
# Beside these the logit "answers" got a negative weight: it says nothing that they do not. It only helps the training.
FEATURES = ("evidence", "span")
# Before they are fitted.
EQUAL = {"evidence": 0.5, "span": 0.5, "bias": 0.0}


class ExportedNetwork(torch.nn.Module):
    def __init__(self, network: ReadingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> tuple[torch.Tensor, ...]:
        hidden = self.network.body(ids, types, mask.bool())[-1]
        tokens = self.network.tokens(hidden)
        return tokens[..., 0], tokens[..., 1], tokens[..., 2], self.network.answers(hidden[:, 0]).squeeze(-1)


def trained_network(parts: Sequence[Path], former: float) -> ReadingNetwork:
    before = packaged_weights(WEIGHTS / MODEL_FILE)
    weights = {name: array for name, array in before.items() if name.startswith("body.embeddings.")}
    for path in parts:
        with np.load(path) as arrays:
            weights |= {name: arrays[name].astype(np.float32) for name in arrays.files}
    if former:
        weights = {name: (1 - former) * array + former * before[name] for name, array in weights.items()}
    layers = 1 + max(int(name.split(".")[3]) for name in weights if name.startswith("body.encoder."))
    network = ReadingNetwork(layers)
    network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    return network.eval()


def export(parts: Sequence[Path], target: Path, former: float = 0.0) -> None:
    network = trained_network(parts, former)
    tokenizer = tokenizers.Tokenizer.from_file(str(find_model(DEFAULT_MODEL, offline=True).folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    shutil.rmtree(target, ignore_errors=True)
    write_reader(ExportedNetwork(network), tokenizer, _facts(EQUAL), target, partial(_write_graph, network))


def _write_graph(network: ReadingNetwork, path: Path) -> None:
    weights = {name.removeprefix("body."): tensor.numpy() for name, tensor in network.state_dict().items()}
    *token_outputs, output = OUTPUTS
    layers = len(network.body.encoder["layer"])
    onnx.save(
        build_graph(weights, layers=layers, heads=HEADS, epsilon=EPSILON, token_outputs=token_outputs, output=output), path
    )


def _facts(weights: dict[str, float]) -> dict[str, Any]:
    return {"inputs": INPUTS, "outputs": OUTPUTS, "max_tokens": MAX_TOKENS, "lower_case": False, "weights": weights}


def fit_weights(target: Path, examples: Sequence[Example]) -> dict[str, float]:
    """Logistic regression of "this unit answers" on the parts of the score, over the units of the examples; written to the model."""
    from sklearn.linear_model import LogisticRegression

    columns = []
    for feature in FEATURES:
        write_manifest(target, _facts({name: float(name == feature) for name in FEATURES} | {"bias": 0.0}))
        columns.append(_scores(ReadingModel(target), examples))
    labels = [place in example.right for example in examples for place in range(len(example.units))]
    fitted = LogisticRegression(C=1.0).fit(np.stack(columns, 1), labels)
    weights = {name: round(float(value), 4) for name, value in zip(FEATURES, fitted.coef_[0], strict=True)}
    weights["bias"] = round(float(fitted.intercept_[0]), 4)
    write_manifest(target, _facts(weights))
    return weights


def _scores(model: ReadingModel, examples: Sequence[Example]) -> list[float]:
    return [
        reading.score
        for example in examples
        for reading in model.read(example.question, [Window(example.context, example.text, example.units)])[0]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", type=Path, nargs="+")
    parser.add_argument("--former", type=float, default=0.0, help="share of the weights packaged before")
    parser.add_argument("--target", type=Path, default=WEIGHTS)
    parser.add_argument("--fit", nargs="*", type=Path, default=[BUILD / "own-validation.jsonl"])
    parser.add_argument("--most", type=int, default=1500, help="examples that the weights of the score are fitted on")
    options = parser.parse_args()
    export(options.parts, options.target, options.former)
    examples = [example for path in options.fit for example in read_examples(path)]
    if examples:
        print(json.dumps(fit_weights(options.target, examples[:: max(1, len(examples) // options.most)])))
    print({path.name: path.stat().st_size for path in options.target.iterdir()})


if __name__ == "__main__":
    main()
