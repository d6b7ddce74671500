"""Text -> vectors: opens the embedder of a model.

A model is exported to ONNX once and cached under its fingerprint; from then on neither torch nor sentence-transformers is
imported, which saves seconds and hundreds of megabytes. A model that cannot be exported is served by sentence-transformers.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from index import sealed
from index.accelerated import accelerated
from index.model_files import find_model
from index.onnx_embedder import FACTS_FILE, OnnxEmbedder
from index.original_model import SentenceTransformersEmbedder
from index.types import Embedder, ModelError
from index.whole_folder import write_whole_folder

log = logging.getLogger(__name__)

REFUSAL_FILE = "refused.json"


def open_embedder(
    name: str, cache: Path, *, offline: bool = True, threads: int = 2, say: Callable[[str], None] = log.info
) -> Embedder:
    """The embedder of a model: the default's name, the path of a sentence-transformers folder, or a name on the model hub.

    `cache` holds the exports, one folder a fingerprint. `say` is told of work that takes seconds.
    Raises ModelError where the model is missing, altered or unusable.
    """
    files = find_model(name, offline=offline)
    exported = cache / files.fingerprint
    if (exported / FACTS_FILE).is_file():
        try:
            return accelerated(OnnxEmbedder(exported, files.fingerprint, threads), files)
        except ModelError as damage:
            log.warning("%s; it is exported anew", damage)
            shutil.rmtree(exported)
    if not (exported / REFUSAL_FILE).is_file():
        say(f"Preparing the model {name} for this machine (once, some seconds) …")
        from index.onnx_export import NotExportable, export

        try:
            export(files.folder, exported)
            return accelerated(OnnxEmbedder(exported, files.fingerprint, threads), files)
        except NotExportable as error:
            log.warning("the model %s cannot be exported to ONNX: %s", name, error)
            reason = str(error)
            write_whole_folder(exported, lambda part: sealed.write_json(part / REFUSAL_FILE, {"reason": reason}))
    log.warning("the model %s is served by sentence-transformers, which takes longer to start and more memory", name)
    return SentenceTransformersEmbedder(files)
