"""Text -> vectors: opens the embedder of a model.

A model is exported to ONNX once and cached under its fingerprint; from then on neither torch nor sentence-transformers is
imported, which saves seconds and hundreds of megabytes. A model that cannot be exported is served by sentence-transformers.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from index import child_process
from index.embedding.gpu_embedder import accelerated
from index.embedding.model_files import REFUSAL_FILE, ModelFiles, find_model, refusal
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
    """The embedder of a model: the default's name, the path of a sentence-transformers folder, or a name on the model hub.

    `cache` holds the exports, one folder a fingerprint. `precision`: of questions. Passages are embedded in fp32 and the fingerprint is
    the same, because vectors of both precisions can be compared (docs/decisions/0015-speed.md). `say` is told of work that takes
    seconds.
    Raises ModelError where the model is missing, altered or unusable.
    """
    files = find_model(name, offline=offline)
    exported = cache / files.fingerprint
    opened = partial(_opened, exported, files, threads, precision, say)
    if (exported / FACTS_FILE).is_file():
        try:
            return opened()
        except ModelError as damage:
            log.warning("%s; it is exported anew", damage)
            shutil.rmtree(exported)
    if not (exported / REFUSAL_FILE).is_file():
        say(f"Preparing the model {name} for this machine (once, some seconds) …")
        try:
            child_process.run_module("index.embedding.onnx_export", [files.folder, exported])
        except child_process.ChildFailed as failure:
            raise ModelError(f"the model {name} could not be prepared: {failure}") from failure
        if (exported / FACTS_FILE).is_file():
            return opened()
        log.warning("the model %s cannot be exported to ONNX: %s", name, refusal(exported))
    log.warning("the model %s is served by sentence-transformers, which takes longer to start and more memory", name)
    return TorchEmbedder(files)


def _opened(exported: Path, files: ModelFiles, threads: int, precision: Precision, say: Callable[[str], None]) -> Embedder:
    if precision == "fp32":
        return accelerated(OnnxEmbedder(exported, files.fingerprint, threads), files)
    from index.embedding.onnx_int8 import NotQuantisable, quantised

    try:
        return accelerated(OnnxEmbedder(exported, files.fingerprint, threads, quantised(exported, say)), files)
    except NotQuantisable as error:
        log.info("%s; questions are embedded in fp32", error)
        return accelerated(OnnxEmbedder(exported, files.fingerprint, threads), files)
