"""One writer a data folder: an advisory lock that the kernel drops when its owner ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from index.types import StoreError

FILE_NAME = "lock"


class FolderLock:
    """Held from construction until `release`. Raises StoreError naming the process that holds it."""

    def __init__(self, folder: Path) -> None:
        try:
            self._file = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"cannot write in {folder}: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise StoreError(
                f"{folder} is being written by another process (id {owner}): stop it first, or use its HTTP interface"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)
