"""Packs the examples and the teacher's first weights into two small files that a training on another machine reads.

    python -m benchmarks.reader.pack [--teacher build/reader/bge-small-en-v1.5.onnx]

Reads build/reader/*.jsonl of `generic` and `own`; writes build/reader/pack/examples.npz.xz and teacher.npz.xz, in which a weight has 6.6
bits and a word's embedding 5.6, and words that no example has are left out: training evens out what that loses.
"""

from __future__ import annotations

import argparse
import io
import lzma
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contract import ROOT
from benchmarks.reader.examples import Example, read_examples
from benchmarks.reader.training.data import SETS
from benchmarks.reader.training.initial import Weights, exported_weights
from index.embedding.model_files import DEFAULT_MODEL, find_model
from qa.answering.reader.encoding import Encoder, Encoding

BUILD = ROOT / "build" / "reader"
PACK = BUILD / "pack"
MAX_TOKENS = 176
UNITS = 40  # of a window at most
NO_TYPES = 255  # beyond every window: the model does not tell the question from the text by types
# The files of each set below build/reader.
FILES: Sequence[Sequence[str]] = (
    ["generic-train"],
    ["own-right", "own-found"],
    ["own-validation"],
    ["generic-squad2"],
    ["generic-squad11"],
)
WORDS = "body.embeddings.word_embeddings.weight"


@dataclass(frozen=True, slots=True)
class Item:
    """An encoded example. `units`, `span`: places of tokens; `span` is (0, 0) for no answer and (255, 255) if it is unknown."""

    encoding: Encoding
    units: Sequence[tuple[int, int]]
    right: Sequence[bool]
    span: tuple[int, int]


def encode(encoder: Encoder, example: Example) -> Item | None:
    """None if the answer was cut off or no unit is left."""
    encoding = encoder.encode(example.question, example.context, example.text)
    places = [(encoding.tokens_of(unit), place in example.right) for place, unit in enumerate(example.units)]
    kept = [(unit, right) for unit, right in places if unit[0] < unit[1]][:UNITS]
    right = [right for _, right in kept]
    if not kept or (example.right and not any(right)):
        return None
    span = (255, 255) if example.right else (0, 0)
    if example.span:
        start, end = encoding.tokens_of(example.span)
        span = (start, end - 1) if start < end else span
    return Item(encoding, [unit for unit, _ in kept], right, span)


def pack(encoder: Encoder, files_of: Sequence[Sequence[str]] = FILES, token: type = np.uint16) -> Weights:
    """Arrays over all examples, one after the other: see `benchmarks.reader.training.data`. `token`: the type of a token's number."""
    found: dict[str, list[Any]] = {name: [] for name in ("ids", "length", "question", "first", "unit_count", "units", "right")}
    found |= {"span": [], "group": [], "set": []}
    groups: dict[tuple[int, str], int] = {}
    for number, (name, files) in enumerate(zip(SETS, files_of, strict=True)):
        examples = [example for file in files for example in read_examples(BUILD / f"{file}.jsonl")]
        examples.sort(key=lambda example: (example.text, example.question))  # equal texts beside each other compress well
        for example in examples:
            if item := encode(encoder, example):
                found["ids"].extend(item.encoding.ids)
                found["length"].append(len(item.encoding.ids))
                found["question"].append(item.encoding.type_ids.index(1) if 1 in item.encoding.type_ids else NO_TYPES)
                found["first"].append(item.encoding.first)
                found["unit_count"].append(len(item.units))
                found["units"].extend(place for unit in item.units for place in unit)
                found["right"].extend(item.right)
                found["span"].extend(item.span)
                found["group"].append(groups.setdefault((number, example.question_id), len(groups)))
                found["set"].append(number)
        print(f"{name}: {len(found['set'])} windows, {len(groups)} questions together", flush=True)
    types = {"ids": token, "group": np.int32}
    return {name: np.array(values, types.get(name, np.uint8)) for name, values in found.items()}


def small(weights: Weights, used: np.ndarray[Any, Any]) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Matrices as integers with a scale a row, the words cut to those that are used; the rest in half precision."""
    for name, array in weights.items():
        if array.ndim < 2 or array.shape[0] < 3:
            yield name, array.astype(np.float16)
            continue
        rows = array[used] if name == WORDS else array[:MAX_TOKENS] if "position" in name else array
        most = 23 if name == WORDS else 47
        integers, scale = rounded_rows(rows, most)
        yield f"{name} 8", integers
        yield f"{name} scale", scale.astype(np.float16)
    yield "used", used.astype(np.uint16)


def rounded_rows(matrix: np.ndarray[Any, Any], most: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A matrix as integers from -most to most, int8, and the scale of each row, (rows, 1)."""
    scale = np.abs(matrix).max(1, keepdims=True) / most
    return np.round(matrix / scale).astype(np.int8), scale


def write(path: Path, arrays: Weights) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 128 << 20}]
    path.write_bytes(lzma.compress(buffer.getvalue(), filters=filters))
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, default=BUILD / "bge-small-en-v1.5.onnx")
    options = parser.parse_args()
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(find_model(DEFAULT_MODEL, offline=True).folder / "tokenizer.json"))
    examples = pack(Encoder(tokenizer, MAX_TOKENS))
    write(PACK / "examples.npz.xz", examples)
    write(PACK / "teacher.npz.xz", dict(small(exported_weights(options.teacher), np.unique(examples["ids"]))))


if __name__ == "__main__":
    main()
