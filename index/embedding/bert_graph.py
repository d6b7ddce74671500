"""The ONNX graph of a BERT model with pooling, built from its weights. Importer of onnx; runs in a child process.

After Devlin et al., "BERT", 2018 (arXiv:1810.04805), with the names of weights of Hugging Face's BertModel. The operators and their order
are those of torch's exporter, less its conversions of shapes, so that the ONNX runtime fuses and `onnx_int8` quantises both alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INPUTS = ("input_ids", "token_type_ids", "attention_mask")
OUTPUT = "sentence_embedding"
OPSET = 20  # the first with Gelu
IR_VERSION = 10  # that of this opset
FOUR_BIT_BLOCK = 32
LOWEST = float(np.finfo(np.float32).min)  # added to the scores of padding

Weights = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class FourBits:
    """A table of n rows of d numbers: signed numbers of 4 bits, two a byte with the first in the low half, (n, d / 2), times the scale
    of their block of FOUR_BIT_BLOCK, float32 (n, d / FOUR_BIT_BLOCK).
    """

    halves: np.ndarray[Any, Any]
    scales: np.ndarray[Any, Any]


def build_graph(
    weights: Weights,
    *,
    layers: int,
    heads: int,
    epsilon: float,
    pooling: Literal["mean", "cls"],
    normalize: bool,
    words: FourBits | None = None,
) -> onnx.ModelProto:
    """A model with int64 inputs (batch, length) and the output OUTPUT, float32 (batch, d). Batches are padded on the right.

    `weights`: float32, by their names without a prefix. `epsilon`: of layer normalisation. `normalize`: to unit length. `words`:
    the word embeddings, if `weights` has none.
    """
    graph = Graph(weights, epsilon)
    hidden = embeddings(graph, graph.four_bits("words", words) if words else None)
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    padding = graph.add("Mul", graph.add("Sub", graph.constant(1.0), mask), graph.constant(LOWEST))
    padding = graph.add("Unsqueeze", padding, graph.integers(1, 2))
    for number in range(layers):
        name = f"encoder.layer.{number}"
        attended = _attention(graph, f"{name}.attention.self", hidden, padding, heads)
        hidden = layer(graph, name, hidden, attended, graph.normalize_layer)
    vector = _mean(graph, hidden, mask) if pooling == "mean" else graph.add("Gather", hidden, graph.integer(0), axis=1)
    if normalize:
        length = graph.add("ReduceL2", vector, graph.integers(-1), keepdims=1)
        vector = graph.add("Div", vector, graph.add("Clip", length, graph.constant(1e-12)))
    dimension = graph.width("embeddings.LayerNorm")
    return graph.model({OUTPUT: vector}, {OUTPUT: [dimension]})


def embeddings(graph: Graph, words: str | None = None) -> str:
    """`words`: those of the input, by default looked up in the weights."""
    length = graph.add("Shape", "input_ids", start=1, end=2)
    limit = len(graph.weights["embeddings.position_embeddings.weight"])
    positions = graph.add(
        "Slice", graph.initializer("positions", np.arange(limit)), graph.integers(0), length, graph.integers(0)
    )
    words = words or graph.add("Gather", graph.weight("embeddings.word_embeddings.weight"), "input_ids")
    types = graph.add("Gather", graph.weight("embeddings.token_type_embeddings.weight"), "token_type_ids")
    places = graph.add("Gather", graph.weight("embeddings.position_embeddings.weight"), positions)
    return graph.normalize_layer("embeddings.LayerNorm", graph.add("Add", graph.add("Add", words, types), places))


def layer(graph: Graph, name: str, hidden: str, attended: str, normalize: Callable[[str, str], str]) -> str:
    """What follows the attention of a layer. `normalize`: the name of a layer normalisation and its input -> its output."""
    values = graph.dense(f"{name}.attention.output.dense", attended)
    hidden = normalize(f"{name}.attention.output.LayerNorm", graph.add("Add", values, hidden))
    wide = graph.add("Gelu", graph.dense(f"{name}.intermediate.dense", hidden))
    narrow = graph.dense(f"{name}.output.dense", wide)
    return normalize(f"{name}.output.LayerNorm", graph.add("Add", narrow, hidden))


def _attention(graph: Graph, name: str, hidden: str, padding: str, heads: int) -> str:
    dimension = graph.width(f"{name}.query")
    size = dimension // heads

    def project(part: str, order: Sequence[int]) -> str:
        """(batch, heads, length, size) in this order."""
        split = graph.add("Reshape", graph.dense(f"{name}.{part}", hidden), graph.integers(0, 0, heads, size))
        return graph.add("Transpose", split, perm=order)

    query, key, value = project("query", (0, 2, 1, 3)), project("key", (0, 2, 3, 1)), project("value", (0, 2, 1, 3))
    scores = graph.add("MatMul", graph.add("Mul", query, graph.constant(size**-0.5)), key)
    shares = graph.add("Softmax", graph.add("Add", scores, padding), axis=-1)
    together = graph.add("Transpose", graph.add("MatMul", shares, value), perm=(0, 2, 1, 3))
    return graph.add("Reshape", together, graph.integers(0, 0, dimension))


def _mean(graph: Graph, hidden: str, mask: str) -> str:
    """The mean over the tokens that are not padding."""
    column = graph.add("Unsqueeze", mask, graph.integers(-1))
    total = graph.add("ReduceSum", graph.add("Mul", hidden, column), graph.integers(1), keepdims=0)
    count = graph.add("ReduceSum", column, graph.integers(1), keepdims=0)
    return graph.add("Div", total, graph.add("Clip", count, graph.constant(1e-9)))


class Graph:
    """Collects the nodes of a graph. Methods return the names of outputs."""

    def __init__(self, weights: Weights, epsilon: float) -> None:
        self.weights, self.epsilon = weights, epsilon
        self._nodes: list[onnx.NodeProto] = []
        self._shapes: list[onnx.ValueInfoProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """`attributes`: also the operator's `domain`."""
        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], name=f"node_{output}", **attributes))
        return output

    def dense(self, name: str, hidden: str) -> str:
        """A fully connected layer."""
        matrix = self.initializer(f"{name}.matrix", self.weights[f"{name}.weight"].T)
        return self.add("Add", self.add("MatMul", hidden, matrix), self.weight(f"{name}.bias"))

    def normalize_layer(self, name: str, hidden: str) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        output = self.add("LayerNormalization", hidden, scale, bias, epsilon=self.epsilon, axis=-1)
        # Stated because the ONNX runtime cannot infer it, and does not fuse additions with normalisation otherwise.
        return self.state_shape(output, self.width(name))

    def state_shape(self, output: str, width: int) -> str:
        shape: list[str | int | None] = ["batch", "length", width]
        self._shapes.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, shape))
        return output

    def width(self, name: str) -> int:
        """Of the output of a fully connected or normalising layer."""
        return int(self.weights[f"{name}.bias"].shape[0])

    def four_bits(self, name: str, table: FourBits) -> str:
        """The rows of a table that the input names."""
        rows, halves = table.halves.shape
        numbers = helper.make_tensor(name, TensorProto.INT4, (rows, 2 * halves), table.halves.tobytes(), raw=True)
        self._initializers[name] = numbers
        scales = self.initializer(f"{name}.scales", table.scales)
        block = {"block_size": FOUR_BIT_BLOCK, "gather_axis": 0, "quantize_axis": 1}
        return self.add("GatherBlockQuantized", name, "input_ids", scales, domain="com.microsoft", **block)

    def weight(self, name: str) -> str:
        return self.initializer(name, self.weights[name])

    def constant(self, value: float) -> str:
        return self.initializer(f"constant {float(value)!r}", np.array(value, np.float32))

    def integer(self, value: int) -> str:
        return self.initializer(f"integer {value}", np.array(value, np.int64))

    def integers(self, *values: int) -> str:
        return self.initializer(f"integers {values}", np.array(values, np.int64))

    def model(self, outputs: Mapping[str, str], shapes: Mapping[str, Sequence[int | str]]) -> onnx.ModelProto:
        """`outputs`: what computes each output of the model; `shapes`: of each, without the batch."""
        self._nodes += [helper.make_node("Identity", [computed], [name]) for name, computed in outputs.items()]
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in INPUTS]
        described = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shapes[name]]) for name in outputs]
        graph = helper.make_graph(
            self._nodes, "bert", inputs, described, list(self._initializers.values()), value_info=self._shapes
        )
        domains = {"", *(node.domain for node in self._nodes)}
        versions = [helper.make_opsetid(domain, OPSET if domain == "" else 1) for domain in sorted(domains)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model

    def initializer(self, name: str, array: np.ndarray[Any, Any]) -> str:
        if name not in self._initializers:
            self._initializers[name] = numpy_helper.from_array(np.asarray(array, order="C"), name)
        return name
