"""Loads the embedder of a model.

A model is exported to ONNX once and cached under its fingerprint: BERT models from their files, other models through torch. After that
neither torch nor sentence-transformers is imported. A model that cannot be exported runs in sentence-transformers.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from index import child_process
from index.embedding.bert_export import Unsupported, read_model
from index.embedding.gpu_embedder import use_gpu
from index.embedding.model_files import REJECTION_FILE, ModelFiles, find_model, read_rejection
from index.embedding.onnx_embedder import FACTS_FILE, OnnxEmbedder
from index.embedding.torch_embedder import TorchEmbedder
from index.types import Embedder, ModelError, Precision

log = logging.getLogger(__name__)


def load_embedder(
    name: str,
    cache: Path,
    *,
    offline: bool = True,
    threads: int = 2,
    precision: Precision = "fp32",
    say: Callable[[str], None] = log.info,
) -> Embedder:
    """Load the embedder of a model, and export the model first if needed.

    `name`: the default's name, the path of a sentence-transformers folder, or a name on the model hub. `cache`: the folder of exports.
    `precision`: of questions; passages are embedded in fp32, and the fingerprint is the same because both are comparable
    (docs/decisions/0015-speed.md). `say` receives progress messages. Raises ModelError if the model is missing, modified or unusable.
    """
    files = find_model(name, offline=offline)
    exported = cache / files.fingerprint
    load_export = partial(_load_export, exported, files, threads, precision, say)
    if (exported / FACTS_FILE).is_file():
        try:
            return load_export()
        except ModelError as damage:
            log.warning("%s; exporting it again", damage)
            shutil.rmtree(exported)
    if not (exported / REJECTION_FILE).is_file():
        say(f"Preparing the model {name} for this machine (once, takes some seconds) …")
        try:
            child_process.run_module(_exporter(name, files.folder), [files.folder, exported])
        except child_process.ChildFailed as failure:
            raise ModelError(f"cannot prepare the model {name}: {failure}") from failure
        if (exported / FACTS_FILE).is_file():
            return load_export()
        log.warning("the model %s cannot be exported to ONNX: %s", name, read_rejection(exported))
    log.warning("the model %s runs in sentence-transformers, which starts more slowly and needs more memory", name)
    return TorchEmbedder(files)


def _exporter(name: str, folder: Path) -> str:
    """The module that exports this model."""
    try:
        read_model(folder)
    except Unsupported as reason:
        log.info("the model %s is exported through torch: %s", name, reason)
        return "index.embedding.onnx_export"
    return "index.embedding.bert_export"


def _load_export(exported: Path, files: ModelFiles, threads: int, precision: Precision, say: Callable[[str], None]) -> Embedder:
    questions = None
    if precision == "int8":
        from index.embedding.onnx_int8 import NotQuantizable, quantize

        try:
            questions = quantize(exported, say)
        except NotQuantizable as error:
            log.info("%s; embedding questions in fp32", error)
    return use_gpu(OnnxEmbedder(exported, files.fingerprint, threads, questions), files)
