"""Loads the embedder of a model.

A model is exported to ONNX once and cached under its fingerprint: BERT models from their files, other models through torch. After that
neither torch nor sentence-transformers is imported. A model that cannot be exported runs in sentence-transformers.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from index import child_process, durable_files
from index.embedding import onnx_int8
from index.embedding.bert_export import Unsupported, read_model
from index.embedding.gpu_embedder import use_gpu
from index.embedding.model_files import (
    DEFAULT_MODEL,
    MULTILINGUAL_FILE,
    MULTILINGUAL_MODEL,
    NO_TORCH,
    find_model,
    read_rejection,
    sha256,
)
from index.embedding.onnx_embedder import MAPPED_FILE, WEIGHTS_FILE, OnnxEmbedder, write_mapped
from index.embedding.similarity.measuring import scale_of
from index.embedding.torch_embedder import TorchEmbedder
from index.model_cache import CannotPrepare, ModelCache
from index.types import Embedder, ModelError, Precision

log = logging.getLogger(__name__)

Say = Callable[[str], None]

MAPPED_FACTS_FILE = "mapped.json"


def load_embedder(
    name: str,
    cache: Path,
    own: Path | None = None,
    *,
    offline: bool = True,
    threads: int = 2,
    precision: Precision = "fp32",
    say: Say = log.info,
) -> Embedder:
    """Load the embedder of a model, and export the model first if needed.

    `name`: of a packaged model, the path of a sentence-transformers folder, or a name on the model hub. `cache` and `own`: the folders of
    exports, see `ModelCache`. `precision`: of questions; passages are embedded in fp32, and the fingerprint is the same because both
    are comparable (docs/decisions/0015-speed.md). `say` receives progress messages. Raises ModelError if the model is missing,
    modified or unusable.
    """
    files = find_model(name, offline=offline)
    exports = ModelCache(cache, own)

    def load(exported: Path) -> OnnxEmbedder | None:
        if reason := read_rejection(exported):
            log.warning("the model %s cannot be exported to ONNX: %s", name, reason)
            return None
        questions = _quantized(exports, exported, say) if precision == "int8" else None
        return OnnxEmbedder(exported, files.fingerprint, threads, questions)

    exported = exports.get(files.fingerprint, load, partial(_export, name, files.folder, say))
    if exported is None:
        log.warning("the model %s runs in sentence-transformers, which starts more slowly and needs more memory", name)
    embedder = exported or TorchEmbedder(files)
    if name != DEFAULT_MODEL:
        embedder.scale = scale_of(name, embedder, exports)
    return use_gpu(embedder, files) if exported and name != MULTILINGUAL_MODEL else embedder


def _export(name: str, folder: Path, say: Say, target: Path) -> None:
    """Write the export of a model, or why there is none. Raises ModelError."""
    say(f"Preparing the model {name} for this machine (once, takes some seconds) …")
    source, module = folder, "index.embedding.bert_export"
    try:
        if name == MULTILINGUAL_MODEL:
            source, module = folder / MULTILINGUAL_FILE, "index.embedding.multilingual.export"
        else:
            read_model(folder)
    except Unsupported as reason:
        if find_spec("torch") is None:
            raise ModelError(f"the model {name} cannot be prepared without torch ({reason}). {NO_TORCH}") from reason
        log.info("the model %s is exported through torch: %s", name, reason)
        module = "index.embedding.onnx_export"
    try:
        child_process.run_module(module, [source, target])
    except child_process.ChildFailed as failure:
        raise ModelError(f"cannot prepare the model {name}: {failure}") from failure


def _quantized(exports: ModelCache, exported: Path, say: Say) -> Path | None:
    """The verified file of the 8-bit model, made if it is missing; None if it cannot be made."""
    try:
        model = exports.get(f"{exported.name}-int8", onnx_int8.verify_quantized, partial(onnx_int8.quantize, exported, say))
        return mapped_copy(exports, *model)
    except (onnx_int8.NotQuantizable, CannotPrepare) as error:
        log.info("%s; embedding questions in fp32", error)
        return None


def mapped_copy(cache: ModelCache, model_file: Path, digest: str) -> Path:
    """The file of a copy whose weights are mapped, see `write_mapped`, made if it is missing; `model_file` if it cannot be made.

    `digest`: the SHA-256 of the model's file, which was verified.
    """
    try:
        return cache.get(f"mapped-{digest[:32]}", verify_mapped, partial(_map, model_file), optional=True)
    except CannotPrepare as reason:
        log.info("%s; each process loads its own copy of %s", reason, model_file)
        return model_file


def _map(model_file: Path, target: Path) -> None:
    def write(part: Path) -> None:
        write_mapped(model_file, part)
        digests = {name: sha256(part / name) for name in (MAPPED_FILE, WEIGHTS_FILE)}
        durable_files.write_json(part / MAPPED_FACTS_FILE, {"runtime": _runtime(), "sha256_of": digests})

    try:
        durable_files.write_folder_atomically(target, write)
    except Exception as error:  # depends on the disk and on the runtime
        raise CannotPrepare(f"cannot map the weights of the model: {error}") from error


def verify_mapped(folder: Path) -> Path:
    """The model file of a copy. Raises ModelError if it was modified, or written by another version of the runtime."""
    try:
        facts = durable_files.read_json(folder / MAPPED_FACTS_FILE)
        damaged = [name for name, digest in facts["sha256_of"].items() if sha256(folder / name) != digest]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"the mapped model in {folder} is incomplete: {error}") from error
    if damaged:
        raise ModelError(f"the mapped model in {folder} was modified: {', '.join(damaged)}")
    if facts["runtime"] != _runtime():
        raise ModelError(f"the mapped model in {folder} was written by {facts['runtime']}")
    return folder / MAPPED_FILE


def _runtime() -> str:
    return f"onnxruntime {version('onnxruntime')} for {platform.machine()}"
