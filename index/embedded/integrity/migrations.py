"""Older formats of the store -> today's: a backup beside it first, then one transaction.

1 -> 2: pages have checksums, hashes cover the row's own number, and what there is is counted.
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
    """Bring a store that was opened to be written to today's format; nothing is done to one that has it.

    Raises StorageFull where there is no space for the backup and the change. A killed migration is begun again.
    """
    if database.format != FORMAT:
        _to_todays(database, say)
    if not database.rows("SELECT 1 FROM sqlite_schema WHERE name = 'documents_filtered'"):
        _index_what_is_filtered(database, say)


def _index_what_is_filtered(database: Database, say: Callable[[str], None]) -> None:
    """Stores of this format had no such index at first, and do without where it cannot be made."""
    say("Making an index of what documents are filtered by (once, some seconds) …")
    try:
        with database.transaction() as connection:
            connection.execute(FILTER_INDEX)
    except (DamagedRow, StorageFull) as error:
        log.warning("filters take longer for now, because their index cannot be made: %s", error)


def _to_todays(database: Database, say: Callable[[str], None]) -> None:
    backup = database.path.with_name(f"{database.path.name}.format-{database.format}")
    say(f"Bringing {database.path} to format {FORMAT}; what was there is kept as {backup.name} …")
    if not backup.exists():
        _back_up(database, backup)
    with database.exclusive() as connection:
        # Before the transaction, and of no meaning to older versions: room for a checksum at the end of each page.
        if connection.reserve_bytes() != RESERVED_BYTES:
            connection.reserve_bytes(reserve=RESERVED_BYTES)
            connection.execute("VACUUM")
    with database.transaction() as connection:
        _to_format_2(connection)
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


def _to_format_2(connection: apsw.Connection) -> None:
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
    """A row that is not what was written keeps its hash, and stays known as damaged."""
    *values, stored = row
    if row_hash(*values) == stored:
        connection.execute(f"UPDATE {table} SET hash = ? WHERE {key} = ?", (row_hash(number, *values), number))


def _all(connection: apsw.Connection, table: str, key: str, columns: str) -> Iterator[tuple[Any, ...]]:
    last = 0
    query = f"SELECT {key}, {columns} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?"
    while found := list(connection.execute(query, (last, ROWS_AT_ONCE))):
        yield from found
        last = found[-1][0]
