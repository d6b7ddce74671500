"""Exports a sentence-transformers model through torch to a folder with an ONNX file, and checks it against the original.

    python -m index.embedding.onnx_export FOLDER TARGET

Once per model, for those that `bert_export` does not support. Runs in a child process, because torch holds hundreds of megabytes until its
process ends and serving does not need it.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from index import child_process
from index.durable_files import write_folder_atomically
from index.embedding import torch_embedder
from index.embedding.model_files import write_rejection
from index.embedding.onnx_embedder import MODEL_FILE, RELATED_FILE, TOKENIZER_FILE, OnnxEmbedder, unit, write_facts
from index.types import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

OUTPUT = "sentence_embedding"
MIN_COSINE = 0.9999  # between the export's vectors and the original's
# Short, long, truncated, other scripts, unusual characters.
PROBES = (
    "Who signed the memorandum?",
    "The MOU will include collaboration to explore adoption across both public services and the private sector.",
    "a",
    "Größe, naïveté, 東京都, العربية, ½ ≥ 0.4 — £1,250.00 ‘quoted’ \u200b🙂",
    "word " * 2000,
)


class NotExportable(Exception):
    """The model cannot be exported; the message is the reason."""


def export(folder: Path, target: Path) -> None:
    """Export a model, check the export, and rename the finished folder to `target`.

    Raises NotExportable, or ModelError if the model cannot be loaded.
    """
    model = torch_embedder.load(folder)
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    if tokenizer is None:
        raise NotExportable("it has no fast tokenizer")
    example = {name: value for name, value in model.preprocess(["one", "two or three"]).items() if hasattr(value, "shape")}
    if not set(example) <= {"input_ids", "attention_mask", "token_type_ids"}:
        raise NotExportable(f"it needs the inputs {', '.join(sorted(example))}")
    max_length = torch_embedder.max_length(model)

    def write(part: Path) -> None:
        write_graph(_WholeModel(model, list(example)), example, [OUTPUT], max_length, part / MODEL_FILE)
        tokenizer.save(str(part / TOKENIZER_FILE))
        torch_embedder.related_words(model).save(part / RELATED_FILE)
        write_facts(
            part,
            inputs=list(example),
            dimension=int(model.get_embedding_dimension() or 0),
            max_length=max_length,
            special_tokens=tokenizer.num_special_tokens_to_add(False),
            lower_case=bool(getattr(model[0], "do_lower_case", False)),
            question_prompt=torch_embedder.prompt(model, ("query",)),
            passage_prompt=torch_embedder.prompt(model, ("document", "passage", "corpus")),
        )
        _check_export(OnnxEmbedder(part, "", 1), model)

    write_folder_atomically(target, write)


class _WholeModel(torch.nn.Module):
    """All modules of a sentence-transformers model (transformer, pooling, dense, normalisation) as one forward pass."""

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


def write_graph(
    module: torch.nn.Module, example: dict[str, torch.Tensor], outputs: Sequence[str], max_length: int, path: Path
) -> None:
    """Write a module to `path` with the inputs of `example`, (2, n) each, and dynamic batch and length.

    `module` takes the inputs as positional arguments. Raises NotExportable: torch's exporter cannot trace every model.
    """
    batch, length = torch.export.Dim("batch", max=4096), torch.export.Dim("length", max=max_length)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # about the exporter's internals
            torch.onnx.export(
                module.eval(),
                tuple(example.values()),
                path,
                dynamo=True,
                verbose=False,
                external_data=False,
                input_names=list(example),
                output_names=list(outputs),
                dynamic_shapes={"tensors": tuple({0: batch, 1: length} for _ in example)},
            )
    except Exception as error:
        raise NotExportable(
            f"torch's exporter: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from error


def _check_export(exported: OnnxEmbedder, model: SentenceTransformer) -> None:
    for embed, reference in (
        (exported.embed_question, model.encode_query),
        (lambda t: exported.embed_passages([t])[0], model.encode_document),
    ):
        for probe in PROBES:
            cosine = float(embed(probe) @ unit(reference(probe, show_progress_bar=False)))
            if not cosine >= MIN_COSINE:
                raise NotExportable(f"the export's vectors differ from the model's: cosine {cosine:.6f} on {probe[:30]!r}")


def main() -> None:
    child_process.main_of_export(_export_or_reject, ModelError)


def _export_or_reject(folder: Path, target: Path) -> None:
    try:
        export(folder, target)
    except NotExportable as error:
        write_rejection(target, str(error))


if __name__ == "__main__":
    main()
