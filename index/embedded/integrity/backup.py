"""Back up a data folder to one file, and restore it.

The file is a store with page checksums and additional tables for originals and small files. Indexes and model exports are not included:
they are built again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from index import durable_files
from index.durable_files import translate_disk_errors
from index.embedded import originals
from index.embedded.integrity.migrations import migrate
from index.embedded.integrity.replace_store import replace_store
from index.embedded.integrity.scrub import scrub
from index.embedded.store.database import FILE_NAME, Database
from index.embedded.store.rows import row_hash
from index.types import DamagedRow

SCRATCH = ".restoring"
BEFORE = f"{FILE_NAME}.before-restore"
_ORIGINALS = "kept_originals"  # the table of a backup


def back_up(database: Database, target: Path, file_names: Sequence[str]) -> None:
    """Write the store, its originals, and the existing files of these names beside it, to `target`, without blocking readers or writers.

    `target` is replaced by one rename after it was synced. Raises StoreError, and StorageFull if the disk is full.
    """
    part = target.with_name(f"{target.name}.part")
    with translate_disk_errors(target):
        try:
            part.unlink(missing_ok=True)
            with originals.no_deletion(database.path.parent / originals.FOLDER):
                database.copy_to(part)
                with closing(Database(part.parent, file_name=part.name)) as copy:
                    _add_files(copy, database.path.parent, file_names)
                    _add_originals(copy, database.path.parent / originals.FOLDER)
            durable_files.sync(part)
            os.replace(part, target)
            durable_files.sync(target.parent)
        finally:
            part.unlink(missing_ok=True)


def _add_files(copy: Database, folder: Path, names: Sequence[str]) -> None:
    with copy.transaction() as connection:
        connection.execute("CREATE TABLE kept_files (name TEXT PRIMARY KEY, content BLOB NOT NULL, hash BLOB NOT NULL)")
        for name in names:
            with suppress(FileNotFoundError):
                content = (folder / name).read_bytes()
                connection.execute("INSERT INTO kept_files VALUES (?, ?, ?)", (name, content, row_hash(name, content)))


def _add_originals(copy: Database, folder: Path) -> None:
    """A transaction for each, so that they need not fit into memory. A damaged one is left out; `qa check` reports it."""
    with copy.exclusive() as connection:
        connection.execute(f"CREATE TABLE {_ORIGINALS} (digest TEXT PRIMARY KEY, content BLOB NOT NULL)")
        connection.pragma("synchronous", "off")  # the whole file is synced at the end
    for digest in originals.referenced(copy):
        with suppress(DamagedRow), copy.transaction() as connection:
            connection.execute(f"INSERT INTO {_ORIGINALS} VALUES (?, ?)", (digest, originals.read(folder, digest)))
    with copy.exclusive() as connection:
        connection.pragma("wal_checkpoint", "TRUNCATE")


def restore(folder: Path, source: Path, file_names: Sequence[str]) -> None:
    """Replace the store of a folder, and the files of these names, with a backup. The caller holds the folder's lock.

    The backup is checked first, and a damaged one changes nothing. The old store is kept as BEFORE. Raises StoreError.
    """
    scratch = folder / SCRATCH
    with translate_disk_errors(folder):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            shutil.copyfile(source, scratch / FILE_NAME)
            files = _prepare(scratch, source, file_names, folder / originals.FOLDER)
            replace_store(folder, scratch / FILE_NAME, BEFORE)
            for name in file_names:
                if name in files:
                    (scratch / name).touch(0o600)  # keys.json is one of them
                    (scratch / name).write_bytes(files[name])
                    durable_files.sync(scratch / name)
                    os.replace(scratch / name, folder / name)
            durable_files.sync(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _prepare(scratch: Path, source: Path, file_names: Sequence[str], kept_originals: Path) -> dict[str, bytes]:
    """Check the copy and give it a new identity, so that no index of another state is used with it; return the files in it.

    Originals are written beside those of the current store, which are swept once it is replaced.
    """
    with closing(Database(scratch)) as database:
        migrate(database, lambda _: None)
        damage = scrub(database)
        tables = {name for (name,) in database.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        found = database.rows("SELECT name, content, hash FROM kept_files") if "kept_files" in tables else []
        damage += _damaged_originals(database) if _ORIGINALS in tables else []
        damage += [f"{name} is damaged" for name, content, stored in found if row_hash(name, content) != stored]
        if damage:
            raise DamagedRow(
                f"the backup {source} is damaged ({'; '.join(damage[:3])}); nothing was changed, use another backup"
            )
        if _ORIGINALS in tables:
            for (digest,) in database.rows(f"SELECT digest FROM {_ORIGINALS}"):
                ((content,),) = database.rows(f"SELECT content FROM {_ORIGINALS} WHERE digest = ?", digest)
                originals.write(kept_originals, digest, content)
        with database.transaction() as connection:
            connection.execute("UPDATE facts SET value = lower(hex(randomblob(16))) WHERE name = 'identity'")
            connection.execute("DROP TABLE IF EXISTS kept_files")
            connection.execute(f"DROP TABLE IF EXISTS {_ORIGINALS}")
        with database.exclusive() as connection:
            connection.execute("VACUUM")  # without the originals' pages
    durable_files.sync(scratch / FILE_NAME)
    return {name: content for name, content, _ in found if name in file_names}


def _damaged_originals(database: Database) -> list[str]:
    damage = []
    for (digest,) in database.rows(f"SELECT digest FROM {_ORIGINALS}"):
        ((content,),) = database.rows(f"SELECT content FROM {_ORIGINALS} WHERE digest = ?", digest)
        if hashlib.sha256(content).hexdigest() != digest:
            damage.append(f"the original {digest} is damaged")
    return damage
