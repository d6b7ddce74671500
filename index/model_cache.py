"""Finds models prepared for this machine, such as exports to ONNX, and prepares missing ones: once per user, or per data folder.

A prepared model is a folder that a process writes in full before it renames it to its place. Its name contains the fingerprint of the
files it was made from, so that every data folder with the same model can use it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from index.types import ModelError

log = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")


class CannotPrepare(ModelError):
    """A model is missing or damaged, and no folder for it can be written."""


class _NotWritable(Exception):
    """A folder of models cannot be written; the message is the reason."""


class ModelCache:
    """Prepared models by name. Safe for concurrent processes: one prepares a model while the others wait."""

    def __init__(self, shared: Path, own: Path | None = None) -> None:
        """`shared`: the folder for new models. `own`: a folder that is read first, and takes new models if `shared` cannot be written."""
        self._shared, self._own = shared, own
        self._warned = False

    def get(
        self, name: str, load: Callable[[Path], Loaded], prepare: Callable[[Path], None], *, optional: bool = False
    ) -> Loaded:
        """Load a model from its folder, which `prepare` writes if it is missing or damaged.

        `load` verifies the folder and raises ModelError if it is damaged; a damaged model is prepared again in the same place if
        possible. `optional`: the program works without it, which needs no warning. Raises CannotPrepare, and the errors of `load`
        and `prepare`.
        """
        found = next((folder for folder in (self._own, self._shared) if folder and (folder / name).is_dir()), None)
        if found:
            try:
                return load(found / name)
            except ModelError as damage:
                log.warning("%s; preparing it again", damage)
        reasons = []
        for folder in dict.fromkeys(filter(None, (found, self._shared, self._own))):
            try:
                with _lock(folder, name):
                    return _load_or_prepare(folder / name, load, prepare)
            except _NotWritable as reason:
                reasons.append(f"{folder}: {reason}")
                if folder == self._shared and self._own and not self._warned and not optional:
                    log.warning("cannot write the cache of models %s; preparing the model in %s", reasons[-1], self._own)
                    self._warned = True
        raise CannotPrepare(
            f"cannot prepare the model: no folder can be written ({'; '.join(reasons)}); name one with the setting cache"
        )


def _load_or_prepare(target: Path, load: Callable[[Path], Loaded], prepare: Callable[[Path], None]) -> Loaded:
    if target.is_dir():
        try:
            return load(target)  # another process has prepared it meanwhile
        except ModelError:
            _remove(target)
    prepare(target)
    return load(target)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise _NotWritable(error.strerror) from error


@contextmanager
def _lock(folder: Path, name: str) -> Iterator[None]:
    """Let one process at a time prepare a model. Raises _NotWritable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _NotWritable(error.strerror) from error
    try:
        with suppress(OSError):  # not every network file system has locks; the rename is atomic without one
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
