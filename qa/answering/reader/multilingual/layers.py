"""The upper layers of the multilingual reading model, which come with this package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from index import durable_files
from index.types import ModelError

PACKAGED = Path(__file__).parent / "weights"
LAYERS_FILE, FACTS_FILE = "upper-layers.npz", "reader.json"
ROWS, SCALES = " rows", " scales"  # after the names of a matrix in 8 bits and of the scales of its rows
REMEDY = "reinstall quotable-qa, or set QA_READER=none"

Layers = dict[str, np.ndarray[Any, Any]]


def fingerprint(folder: Path = PACKAGED) -> str:
    """The SHA-256 of the file that describes the layers and holds their SHA-256: 64 hexadecimal digits. Raises ModelError."""
    try:
        return durable_files.file_sha256(folder / FACTS_FILE)
    except OSError as error:
        raise ModelError(f"the multilingual reading model in {folder} is incomplete: {error}; {REMEDY}") from error


def read_layers(folder: Path = PACKAGED) -> tuple[Layers, dict[str, float]]:
    """Float32 weights by the names of BertModel, and of the heads "tokens" and "answers"; and the weights of the score.

    Raises ModelError if a file is missing or was modified.
    """
    try:
        facts = durable_files.read_json(folder / FACTS_FILE)
        if durable_files.file_sha256(folder / LAYERS_FILE) != facts["sha256_of"][LAYERS_FILE]:
            raise ModelError(f"the multilingual reading model in {folder} was modified: {LAYERS_FILE}; {REMEDY}")
        with np.load(folder / LAYERS_FILE, allow_pickle=False) as found:
            packed = {name: found[name] for name in found.files}
        layers = {name.removesuffix(ROWS): _unpacked(name, packed) for name in packed if not name.endswith(SCALES)}
        return layers, facts["weights"]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"the multilingual reading model in {folder} is incomplete: {error}; {REMEDY}") from error


def write_facts(folder: Path, weights: Mapping[str, float]) -> None:
    """Describe the layers in `folder`. `weights`: of the score."""
    digests = {LAYERS_FILE: durable_files.file_sha256(folder / LAYERS_FILE)}
    durable_files.write_json(folder / FACTS_FILE, {"weights": dict(weights), "sha256_of": digests})


def _unpacked(name: str, packed: Layers) -> np.ndarray[Any, Any]:
    """A matrix has a scale a row."""
    values = packed[name].astype(np.float32)
    return values * packed[f"{name.removesuffix(ROWS)}{SCALES}"] if name.endswith(ROWS) else values
