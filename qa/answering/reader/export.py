"""Exports a Hugging Face extractive question-answering model to a folder that `ReadingModel` reads. Once per model.

    python -m qa.answering.reader.export FOLDER TARGET

Runs in a child process, because torch holds hundreds of megabytes until its process ends and serving does not need it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from index import child_process
from index.durable_files import write_folder_atomically
from index.embedding.model_files import set_up_hub
from index.embedding.onnx_export import NotExportable, write_graph
from index.types import ModelError
from qa.answering.reader.eight_bits import PROBES, flat_logits, round_model
from qa.answering.reader.encoding import MAX_TOKENS
from qa.answering.reader.model import MODEL_FILE, TOKENIZER_FILE, create_inputs, run_graph, write_manifest

# The log-odds of a span against "nothing answers" are its start and end logits less theirs.
SPAN_WEIGHTS = {"span": 1.0, "bias": 0.0}
MAX_DIFFERENCE = 1e-2  # of a logit, between the export and the original


def export(folder: Path, target: Path) -> None:
    """Raises ModelError if the model cannot be loaded, NotExportable if torch cannot trace it."""
    set_up_hub(offline=True)
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    try:
        model = AutoModelForQuestionAnswering.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        fast = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise ModelError(f"transformers cannot load the reading model {folder}: {error}") from error
    tokenizer = getattr(fast, "backend_tokenizer", None)
    if tokenizer is None:
        raise NotExportable("it has no fast tokenizer")
    inputs = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in fast.model_input_names]
    longest = min(MAX_TOKENS, fast.model_max_length, getattr(model.config, "max_position_embeddings", MAX_TOKENS))
    facts = {"inputs": inputs, "outputs": ["start", "end"], "max_tokens": longest, "lower_case": False, "weights": SPAN_WEIGHTS}
    write_reader(_SpanHeads(model, inputs), tokenizer, facts, target)


def write_reader(
    module: torch.nn.Module,
    tokenizer: Any,
    facts: Mapping[str, Any],
    target: Path,
    write_exact: Callable[[Path], None] | None = None,
) -> None:
    """Export a module in 8 bits, or in full precision if 8 bits change its logits too much, with its tokenizer and description.

    `module` takes the inputs as `*tensors` and returns the outputs that `facts` name. `write_exact` writes its graph, by default
    torch's exporter does.
    """

    def write(part: Path) -> None:
        exact = part / "exact.onnx"
        samples = [create_inputs(tokenizer.encode(*probe), facts["inputs"]) for probe in PROBES]
        example = {name: torch.tensor(value).repeat(2, 1) for name, value in samples[0].items()}
        if write_exact:
            write_exact(exact)
        else:
            write_graph(module, example, facts["outputs"], facts["max_tokens"], exact)
        with torch.no_grad():
            expected = [flat_logits(module(*map(torch.tensor, sample.values()))) for sample in samples]
        found = [flat_logits(run_graph(exact, sample)) for sample in samples]
        if (worst := max(float(abs(one - other).max()) for one, other in zip(expected, found, strict=True))) > MAX_DIFFERENCE:
            raise NotExportable(f"the export's logits differ from the model's by {worst:.3f}")
        round_model(exact, part / MODEL_FILE, samples)
        tokenizer.save(str(part / TOKENIZER_FILE))
        write_manifest(part, facts)

    write_folder_atomically(target, write)


class _SpanHeads(torch.nn.Module):
    """The start and end logits of a model."""

    def __init__(self, model: Any, inputs: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.inputs = inputs

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.model(**dict(zip(self.inputs, tensors, strict=True)))
        return found.start_logits, found.end_logits


def main() -> None:
    child_process.main_of_export(export, NotExportable, ModelError)


if __name__ == "__main__":
    main()
