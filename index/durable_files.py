"""Durable writes: atomic files and folders, JSON with a checksum of its own, and disk errors as the project's exceptions."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from index.types import StorageFull, StoreError

CHECKSUM_KEY = "sha256"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Replace a file atomically and sync it; `values` must not contain CHECKSUM_KEY."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(format_json(values))
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync(path.parent)


def read_json(path: Path) -> dict[str, Any]:
    """Read a file of `write_json`. Raises OSError, or ValueError if the checksum does not match."""
    return parse_json(path.read_bytes(), path.name)


def format_json(values: dict[str, Any]) -> str:
    """With a checksum of its own; `values` must not contain CHECKSUM_KEY."""
    return json.dumps(values | {CHECKSUM_KEY: _checksum(values)}, indent=1)


def parse_json(content: bytes, name: str) -> dict[str, Any]:
    """What `format_json` wrote. Raises ValueError naming `name` if the checksum does not match."""
    values = json.loads(content)
    if not isinstance(values, dict) or values.pop(CHECKSUM_KEY, None) != _checksum(values):
        raise ValueError(f"the checksum of {name} does not match its content")
    return values


def write_folder_atomically(target: Path, write: Callable[[Path], None]) -> None:
    """Call `write` with a temporary folder, sync it and rename it to `target`.

    If the process is killed, nothing appears under `target`. If another process created `target` first, that folder stays.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-", ignore_cleanup_errors=True) as scratch:
        part = Path(scratch) / target.name
        part.mkdir()
        write(part)
        sync_tree(part)
        try:
            part.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    sync(target.parent)


def file_sha256(path: Path) -> str:
    """64 hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_tree(folder: Path) -> None:
    """fsync a folder and everything below it."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """fsync a file, or a folder's entries."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def translate_disk_errors(path: Path) -> Iterator[None]:
    """Raise StorageFull or StoreError for OSError, tantivy's ValueError and FAISS's RuntimeError."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        if getattr(error, "errno", None) in NO_SPACE or "no space left" in str(error).lower():
            raise StorageFull(f"the disk of {path} is full; free some space and try again") from error
        name, reason = getattr(error, "filename", None) or path, getattr(error, "strerror", None) or error
        raise StoreError(f"cannot write {name}: {reason}") from error


def _checksum(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
