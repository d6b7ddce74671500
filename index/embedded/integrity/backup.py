"""A data folder in one file, and back. The file is a store like any other, page checksums included, with small files kept in a table.

What is derived is not in it: indexes are built anew, the model is exported again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from index import durable_files
from index.durable_files import translate_disk_errors
from index.embedded.integrity.migrations import migrate
from index.embedded.integrity.scrub import scrub
from index.embedded.store.damage import FILE_NAME as DAMAGE_FILE
from index.embedded.store.database import FILE_NAME, LOG_FILE, Database
from index.embedded.store.rows import row_hash
from index.types import DamagedRow, StoreError

SCRATCH = ".restoring"
BEFORE = f"{FILE_NAME}.before-restore"


def back_up(database: Database, target: Path, beside: Sequence[str]) -> None:
    """Write what is stored now, and those of the files beside the store that are there, while others read and write.

    `target` is whole and on disk, or as it was before. Raises StoreError, and StorageFull where there is no space.
    """
    part = target.with_name(f"{target.name}.part")
    with translate_disk_errors(target):
        try:
            part.unlink(missing_ok=True)
            database.copy_to(part)
            with closing(Database(part.parent, file_name=part.name)) as copy, copy.transaction() as connection:
                connection.execute("CREATE TABLE kept_files (name TEXT PRIMARY KEY, content BLOB NOT NULL, hash BLOB NOT NULL)")
                for name in beside:
                    with suppress(FileNotFoundError):
                        content = (database.path.parent / name).read_bytes()
                        connection.execute("INSERT INTO kept_files VALUES (?, ?, ?)", (name, content, row_hash(name, content)))
            durable_files.sync(part)
            os.replace(part, target)
            durable_files.sync(target.parent)
        finally:
            part.unlink(missing_ok=True)


def restore(folder: Path, source: Path, beside: Sequence[str]) -> None:
    """Put a backup in the place of what the folder holds, which stays as BEFORE. The caller holds the folder's lock.

    Nothing is changed before the backup was read and found whole; then one rename decides. Raises StoreError.
    """
    scratch = folder / SCRATCH
    with translate_disk_errors(folder):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            shutil.copyfile(source, scratch / FILE_NAME)
            kept = _made_ready(scratch, source, beside)
            _set_aside(folder)
            os.replace(scratch / FILE_NAME, folder / FILE_NAME)
            durable_files.sync(folder)
            for name in beside:
                if name in kept:
                    (scratch / name).touch(0o600)  # keys are among them
                    (scratch / name).write_bytes(kept[name])
                    durable_files.sync(scratch / name)
                    os.replace(scratch / name, folder / name)
            (folder / DAMAGE_FILE).unlink(missing_ok=True)
            durable_files.sync(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _made_ready(scratch: Path, source: Path, beside: Sequence[str]) -> dict[str, bytes]:
    """Check the copy and give it an identity of its own, so that no index of another state is taken for its own; the files kept in it."""
    with closing(Database(scratch)) as database:
        migrate(database, lambda _: None)
        damage = scrub(database)
        tables = {name for (name,) in database.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        found = database.rows("SELECT name, content, hash FROM kept_files") if "kept_files" in tables else []
        damage += [f"{name} is damaged" for name, content, stored in found if row_hash(name, content) != stored]
        if damage:
            raise DamagedRow(f"the backup {source} is damaged ({'; '.join(damage[:3])}); nothing was changed, use another")
        with database.transaction() as connection:
            connection.execute("UPDATE facts SET value = lower(hex(randomblob(16))) WHERE name = 'identity'")
            connection.execute("DROP TABLE IF EXISTS kept_files")
    durable_files.sync(scratch / FILE_NAME)
    return {name: content for name, content, _ in found if name in beside}


def _set_aside(folder: Path) -> None:
    """Keep what is there under another name; its write-ahead log must not stay beside the new file, which it would be applied to."""
    if not (folder / FILE_NAME).exists():
        return
    with suppress(StoreError), closing(Database(folder)):
        pass  # closed in order, the file holds what is in its log
    before = folder / BEFORE
    for path in (before, folder / f"{BEFORE}-wal"):
        path.unlink(missing_ok=True)
    os.link(folder / FILE_NAME, before)
    if (folder / LOG_FILE).exists():
        os.replace(folder / LOG_FILE, folder / f"{BEFORE}-wal")
    (folder / f"{FILE_NAME}-shm").unlink(missing_ok=True)
