"""Advisory locks of a data folder; the kernel releases them when their holder ends.

One process owns the folder: it ingests, builds the indexes and deletes old ones. Others may write rows of the store meanwhile. They
share a second lock, so that the owner knows whether it is alone: to replace the store's file, or to check its log.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import time
from contextlib import suppress
from pathlib import Path

from index.types import StoreError

FILE_NAME = "lock"
SHARED_FILE = "shared.lock"
# `is_held` takes the lock for a moment, so one failed attempt does not mean that there is an owner.
ATTEMPTS, SECONDS_BETWEEN = 10, 0.02
SHARE_ATTEMPTS = 500


class FolderLock:
    """Of the owner, held from construction until `release`. Raises StoreError with the id of another owner."""

    def __init__(self, folder: Path) -> None:
        self._file = _open(folder / FILE_NAME)
        os.close(_open(folder / SHARED_FILE))  # so that no file appears later
        if not _acquire(self._file, fcntl.LOCK_EX):
            owner = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise StoreError(f"{folder} is being written by another process (id {owner}): stop it first")
        with suppress(OSError):  # on a full disk the owner's id is missing; the lock holds anyway
            os.ftruncate(self._file, 0)
            # A process that was started to own the folder would be started again: its parent is the one to stop.
            owner_to_stop = multiprocessing.parent_process() or multiprocessing.current_process()
            os.pwrite(self._file, f"{owner_to_stop.pid}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)


class SharedLock:
    """Of a process that writes rows without owning the folder, held until `release`. Raises StoreError while the owner is alone."""

    def __init__(self, folder: Path) -> None:
        self._file = _open(folder / SHARED_FILE)
        if not _acquire(self._file, fcntl.LOCK_SH, SHARE_ATTEMPTS):
            os.close(self._file)
            raise StoreError(f"the documents in {folder} are being replaced by another process; try again when it has ended")

    def release(self) -> None:
        os.close(self._file)


class SoleLock:
    """Keeps all processes but the owner from writing, until `release`. `alone`: whether there are none."""

    def __init__(self, folder: Path) -> None:
        self._file = _open(folder / SHARED_FILE)
        self.alone = _acquire(self._file, fcntl.LOCK_EX, 1)

    def release(self) -> None:
        os.close(self._file)


def is_held(folder: Path) -> bool:
    """Whether any process owns the folder now."""
    try:
        file = os.open(folder / FILE_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"cannot write in {path.parent}: {error.strerror}") from error


def _acquire(file: int, kind: int, attempts: int = ATTEMPTS) -> bool:
    for attempt in range(attempts):
        if attempt:
            time.sleep(SECONDS_BETWEEN)
        with suppress(OSError):
            fcntl.flock(file, kind | fcntl.LOCK_NB)
            return True
    return False
