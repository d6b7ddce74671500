"""Replace the store of a data folder with another file."""

from __future__ import annotations

import os
from contextlib import closing, suppress
from pathlib import Path

from index import durable_files
from index.embedded.store.damage import FILE_NAME as DAMAGE_FILE
from index.embedded.store.database import FILE_NAME, LOG_FILE, Database
from index.types import StoreError


def replace_store(folder: Path, file: Path, keep_as: str) -> None:
    """Move `file`, which must be synced and without a log, to the place of the folder's store by one rename.

    The old store is kept as `keep_as`. The caller holds the folder's lock and has closed the store.
    """
    if (folder / FILE_NAME).exists():
        _keep(folder, keep_as)
    os.replace(file, folder / FILE_NAME)
    (folder / DAMAGE_FILE).unlink(missing_ok=True)
    durable_files.sync(folder)


def _keep(folder: Path, name: str) -> None:
    """Link the store to another name and move its write-ahead log along, which would be applied to the new file."""
    with suppress(StoreError), closing(Database(folder)):
        pass  # closing writes the log into the file
    for path in (folder / name, folder / f"{name}-wal"):
        path.unlink(missing_ok=True)
    os.link(folder / FILE_NAME, folder / name)
    if (folder / LOG_FILE).exists():
        os.replace(folder / LOG_FILE, folder / f"{name}-wal")
    (folder / f"{FILE_NAME}-shm").unlink(missing_ok=True)
