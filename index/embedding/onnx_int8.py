"""An exported model -> the same model with its matrices in 8 bits, for questions. Run once a model, some seconds; needs no torch.

    python -m index.embedding.onnx_int8 EXPORTED TARGET

Run in a process of its own, which gives back the two hundred megabytes that rounding takes. Weights are rounded for each output channel
to 7 bits, which no processor's 8-bit instructions overflow; what is computed from a text is rounded as it comes. Questions so
embedded are compared with passages in full precision: docs/decisions/0015-speed.md.
"""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from index import child_process, durable_files
from index.durable_files import write_folder_atomically
from index.embedding.model_files import refusal, sha256, write_refusal
from index.embedding.onnx_embedder import FACTS_FILE, MODEL_FILE, OnnxEmbedder, verify
from index.types import ModelError

log = logging.getLogger(__name__)

# Of a probe with what full precision gives. Of 6 sets' questions the least was .98; a model that rounding spoils is far below.
LEAST_COSINE = 0.95
PROBES = (
    "Who signed the memorandum?",
    "what documents do I need to renew a passport for a child under 16",
    "How many people were employed in the sector in 2024, and by which companies?",
)


class NotQuantisable(Exception):
    """The reason why a model's questions have to be embedded in full precision."""


def quantised(exported: Path, say: Callable[[str], None]) -> Path:
    """The verified folder of the model in 8 bits, beside the folder of its export; made where it is not there or damaged.

    Raises ModelError where the export was changed, NotQuantisable where its graph cannot be rounded or rounding changes it too much.
    """
    target = exported.with_name(f"{exported.name}-int8")
    if target.is_dir():
        try:
            if reason := refusal(target):
                raise NotQuantisable(reason)
            verify(target)
            return target
        except (ModelError, ValueError) as damage:
            log.warning("%s; it is made anew", damage)
            shutil.rmtree(target)
    verify(exported)
    say("Rounding the model to 8 bits for this machine (once, some seconds) …")
    try:
        child_process.run_module("index.embedding.onnx_int8", [exported, target])
    except child_process.ChildFailed as failure:  # a full disk, say: tried again at the next start
        raise NotQuantisable(f"the model in 8 bits cannot be made: {failure}") from failure
    if reason := refusal(target):
        raise NotQuantisable(reason)
    return target


def _write(exported: Path, part: Path) -> None:
    facts = durable_files.read_json(exported / FACTS_FILE)
    for name in facts["sha256_of"]:
        if name != MODEL_FILE:
            shutil.copyfile(exported / name, part / name)
    _round(exported / MODEL_FILE, part / MODEL_FILE)
    facts["sha256_of"] = {name: sha256(part / name) for name in facts["sha256_of"]}
    durable_files.write_json(part / FACTS_FILE, facts)
    exact, rounded = OnnxEmbedder(exported, "", 1), OnnxEmbedder(part, "", 1)
    for probe in PROBES:
        cosine = float(exact.embed_question(probe) @ rounded.embed_question(probe))
        if not cosine >= LEAST_COSINE:
            raise NotQuantisable(f"8 bits change the model's vectors too much: cosine {cosine:.3f} on {probe!r}")


def _round(model: Path, rounded: Path) -> None:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises a step that is for images
    try:
        # Not by its path: then a file of one fixed name is written beside it, also by another process that does this now.
        quantize_dynamic(onnx.load(model), rounded, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
    except OSError:
        raise
    except Exception as error:  # whatever the graph's operators make it raise
        raise NotQuantisable(f"the model cannot be rounded to 8 bits: {error}") from error
    finally:
        root.setLevel(level)


def main() -> None:
    child_process.exit_with_parent()
    exported, target = map(Path, sys.argv[1:])
    try:
        write_folder_atomically(target, lambda part: _write(exported, part))
    except NotQuantisable as error:
        write_refusal(target, str(error))
    except (ModelError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
