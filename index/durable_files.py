"""Files that are whole or not there: written beside, synced, then renamed; and JSON that holds the SHA-256 of what it says."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

SEAL = "sha256"


def write_json(path: Path, values: dict[str, Any]) -> None:
    """On disk under its name when this returns; before that, what was there before. `values` must not hold the key of the seal."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(json.dumps(values | {SEAL: _seal(values)}, indent=1))
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync(path.parent)


def read_json(path: Path) -> dict[str, Any]:
    """What `write_json` wrote. Raises OSError, and ValueError where it says something else now."""
    values = json.loads(path.read_bytes())
    if not isinstance(values, dict) or values.pop(SEAL, None) != _seal(values):
        raise ValueError(f"{path.name} does not say what was written there")
    return values


def file_sha256(path: Path) -> str:
    """64 hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_below(folder: Path) -> None:
    """fsync of a folder and all that is in it."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """fsync of a file, or of a folder: the names in it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _seal(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
