"""Writes the trained layers into the package, and the weights of the score, which are fitted on English questions kept aside.

    python -m benchmarks.reader.multilingual.export [build/reader/multilingual/run/upper-*.npz]

Each part of the score is fitted by logistic regression on "this unit answers", over the windows of the questions and two others a question
that do not answer.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reader.export import EQUAL, fit_weights
from benchmarks.reader.generic import BUILD, examples_of, records
from benchmarks.reader.multilingual.data import VALIDATED, VALIDATION, WORDS
from benchmarks.reader.pack import rounded_rows
from benchmarks.reader.training.initial import Weights
from index.embedding.model_files import MULTILINGUAL_FILE, MULTILINGUAL_MODEL, find_model
from qa.answering.reader.multilingual import export as product
from qa.answering.reader.multilingual.layers import LAYERS_FILE, PACKAGED, ROWS, SCALES, write_facts

WINDOWS = 2  # of other texts beside each question's


def packed(parts: Sequence[Path]) -> Weights:
    """Matrices in 8 bits with a scale a row, the rest in half precision, by the names of BertModel."""
    found: Weights = {}
    for path in parts:
        with np.load(path) as arrays:
            for name in arrays.files:
                array, short = arrays[name].astype(np.float32), name.removeprefix("body.")
                if array.ndim < 2 or min(array.shape) < 8:  # the heads, which take no room
                    found[short] = array.astype(np.float16)
                    continue
                found[f"{short}{ROWS}"], found[f"{short}{SCALES}"] = rounded_rows(array, 127)
    return found


def fitted_weights() -> dict[str, float]:
    examples = list(examples_of(VALIDATION, records(VALIDATION), VALIDATED, 0.0, WINDOWS, words=WORDS))
    source = find_model(MULTILINGUAL_MODEL, offline=True).folder / MULTILINGUAL_FILE
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "exported"
        product.export(source, target)
        return fit_weights(target, examples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", type=Path, nargs="*", default=sorted((BUILD / "multilingual" / "run").glob("upper-*.npz")))
    layers: dict[str, Any] = packed(parser.parse_args().parts)
    np.savez_compressed(PACKAGED / LAYERS_FILE, **layers)
    write_facts(PACKAGED, EQUAL)
    weights = fitted_weights()
    write_facts(PACKAGED, weights)
    print(json.dumps(weights), (PACKAGED / LAYERS_FILE).stat().st_size)


if __name__ == "__main__":
    main()
