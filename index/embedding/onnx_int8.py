"""Quantises the matrices of an exported model to 8 bits, for questions. Takes some seconds, once per model; needs no torch.

    python -m index.embedding.onnx_int8 EXPORTED TARGET

Runs in a child process because quantising takes two hundred megabytes. Weights are rounded per output channel to 7 bits, so that no
processor's 8-bit instructions overflow; activations are quantised dynamically. Passages stay in full precision
(docs/decisions/0015-speed.md).
"""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from index import child_process, durable_files
from index.durable_files import write_folder_atomically
from index.embedding.model_files import read_rejection, sha256, write_rejection
from index.embedding.onnx_embedder import FACTS_FILE, MODEL_FILE, OnnxEmbedder, verify
from index.types import ModelError

log = logging.getLogger(__name__)

# Between a probe's vectors in 8 bits and in full precision. The minimum over the questions of six sets was .98.
MIN_COSINE = 0.95
PROBES = (
    "Who signed the memorandum?",
    "what documents do I need to renew a passport for a child under 16",
    "How many people were employed in the sector in 2024, and by which companies?",
)


class NotQuantizable(Exception):
    """The model cannot be quantised; the message is the reason."""


def verify_quantized(folder: Path) -> tuple[Path, str]:
    """Verify an 8-bit model: its file and SHA-256. Raises ModelError if it was modified, NotQuantizable if there is none."""
    if reason := read_rejection(folder):
        raise NotQuantizable(reason)
    return folder / MODEL_FILE, verify(folder)["sha256_of"][MODEL_FILE]


def quantize(exported: Path, say: Callable[[str], None], target: Path) -> None:
    """Write the 8-bit model of an export, or why there is none.

    Raises ModelError if the export was modified, NotQuantizable if quantising fails.
    """
    verify(exported)
    say("Quantising the model to 8 bits for this machine (once, takes some seconds) …")
    try:
        child_process.run_module("index.embedding.onnx_int8", [exported, target])
    except child_process.ChildFailed as failure:  # for example a full disk; the next start tries again
        raise NotQuantizable(f"cannot quantise the model: {failure}") from failure


def _write_quantized(exported: Path, part: Path) -> None:
    facts = durable_files.read_json(exported / FACTS_FILE)
    for name in facts["sha256_of"]:
        if name != MODEL_FILE:
            shutil.copyfile(exported / name, part / name)
    quantize_graph(exported / MODEL_FILE, part / MODEL_FILE)
    facts["sha256_of"] = {name: sha256(part / name) for name in facts["sha256_of"]}
    durable_files.write_json(part / FACTS_FILE, facts)
    exact, rounded = OnnxEmbedder(exported, "", 1), OnnxEmbedder(part, "", 1)
    for probe in PROBES:
        cosine = float(exact.embed_question(probe) @ rounded.embed_question(probe))
        if not cosine >= MIN_COSINE:
            raise NotQuantizable(f"quantising changes the model's vectors too much: cosine {cosine:.3f} on {probe!r}")


def quantize_graph(model: Path, target: Path) -> None:
    """Write a model with its matrices in 8 bits. Raises NotQuantizable, or OSError."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it suggests a step that is for image models
    try:
        # Not by path: that writes a temporary file of a fixed name, which a concurrent process would write too.
        quantize_dynamic(onnx.load(model), target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
    except OSError:
        raise
    except Exception as error:  # depends on the graph's operators
        raise NotQuantizable(f"cannot quantise the model: {error}") from error
    finally:
        root.setLevel(level)


def main() -> None:
    child_process.exit_with_parent()
    exported, target = map(Path, sys.argv[1:])
    try:
        write_folder_atomically(target, lambda part: _write_quantized(exported, part))
    except NotQuantizable as error:
        write_rejection(target, str(error))
    except (ModelError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
