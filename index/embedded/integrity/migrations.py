"""Convert older formats of the store to the current one: a backup first, then one transaction.

1 -> 2: pages have checksums, hashes cover the row's own number, and documents and passages are counted.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw

from index import durable_files
from index.durable_files import translate_disk_errors
from index.embedded.store.database import FILTER_INDEX, FORMAT, Database
from index.embedded.store.page_checksums import RESERVED_BYTES
from index.embedded.store.rows import row_hash
from index.types import DamagedRow, StorageFull

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 1_000
_OLD_DOCUMENT = "id, title, source, source_hash, url, date, type, language, version, metadata, hash"
_OLD_PASSAGE = 'document, start, "end", page, anchor, headings, context, text, hash'


def migrate(database: Database, say: Callable[[str], None]) -> None:
    """Convert a store opened for writing to the current format.

    Raises StorageFull if the disk has no space for the backup or the change. A killed migration starts over.
    """
    if database.format != FORMAT:
        _convert(database, say)
    if not database.rows("SELECT 1 FROM sqlite_schema WHERE name = 'documents_filtered'"):
        _create_filter_index(database, say)


def _create_filter_index(database: Database, say: Callable[[str], None]) -> None:
    """The first stores of format 2 lack this index. Filters work without it, but slower."""
    say("Creating the index of the filtered columns (once, a few seconds) …")
    try:
        with database.transaction() as connection:
            connection.execute(FILTER_INDEX)
    except (DamagedRow, StorageFull) as error:
        log.warning("filters are slower, because their index cannot be created: %s", error)


def _convert(database: Database, say: Callable[[str], None]) -> None:
    backup = database.path.with_name(f"{database.path.name}.format-{database.format}")
    say(f"Converting {database.path} to format {FORMAT}; the old file is kept as {backup.name} …")
    if not backup.exists():
        _back_up(database, backup)
    with database.exclusive() as connection:
        # Reserve space for the checksums before the transaction, as VACUUM cannot run in one; older versions ignore it.
        if connection.reserve_bytes() != RESERVED_BYTES:
            connection.reserve_bytes(reserve=RESERVED_BYTES)
            connection.execute("VACUUM")
    with database.transaction() as connection:
        _convert_to_2(connection)
        connection.pragma("user_version", FORMAT)
    database.format = FORMAT


def _back_up(database: Database, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    with translate_disk_errors(target):
        try:
            database.copy_to(part)
            os.replace(part, target)
            durable_files.sync(target.parent)
        finally:
            part.unlink(missing_ok=True)


def _convert_to_2(connection: apsw.Connection) -> None:
    for number, *row in _all(connection, "documents", "number", _OLD_DOCUMENT):
        _rehash(connection, "documents", "number", number, row)
    for number, *row in _all(connection, "passages", "id", _OLD_PASSAGE):
        _rehash(connection, "passages", "id", number, row)
    for number, document_id, name, body, stored in _all(connection, "jobs", "id", "document_id, name, body, hash"):
        if body is not None and row_hash(name, body) == stored:
            hashed = row_hash(number, document_id, name, body)
            connection.execute("UPDATE jobs SET hash = ? WHERE id = ?", (hashed, number))
    connection.execute(
        "INSERT INTO facts VALUES ('changes', (SELECT count(*) FROM removed_passages) + (SELECT count(*) FROM documents)),"
        " ('documents', (SELECT count(*) FROM documents)), ('passages', (SELECT count(*) FROM passages))"
    )


def _rehash(connection: apsw.Connection, table: str, key: str, number: int, row: list[Any]) -> None:
    """A damaged row keeps its hash, and so stays damaged."""
    *values, stored = row
    if row_hash(*values) == stored:
        connection.execute(f"UPDATE {table} SET hash = ? WHERE {key} = ?", (row_hash(number, *values), number))


def _all(connection: apsw.Connection, table: str, key: str, columns: str) -> Iterator[tuple[Any, ...]]:
    last = 0
    query = f"SELECT {key}, {columns} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?"
    while found := list(connection.execute(query, (last, ROWS_AT_ONCE))):
        yield from found
        last = found[-1][0]
