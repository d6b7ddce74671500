"""Advisory lock for one writer per data folder; the kernel releases it when its owner ends."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from index.types import StoreError

FILE_NAME = "lock"
# `is_held` takes the lock for a moment, so one failed attempt does not mean that there is a writer.
ATTEMPTS, SECONDS_BETWEEN = 10, 0.02


class FolderLock:
    """Held from construction until `release`. Raises StoreError with the id of the owner."""

    def __init__(self, folder: Path) -> None:
        try:
            self._file = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"cannot write in {folder}: {error.strerror}") from error
        if not self._acquire():
            owner = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise StoreError(
                f"{folder} is being written by another process (id {owner}): stop it first, or use its HTTP interface"
            )
        with suppress(OSError):  # on a full disk the owner's id is missing; the lock holds anyway
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)

    def _acquire(self) -> bool:
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(SECONDS_BETWEEN)
            with suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
        return False


def is_held(folder: Path) -> bool:
    """Whether any process writes the folder now."""
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
