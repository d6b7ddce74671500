"""Convert older formats of the store to the current one: a backup first, if documents change, then one transaction.

1 -> 2: pages have checksums, hashes cover the row's own number, and documents and passages are counted.
2 -> 3: documents have a location, an original, edits and times; jobs have a kind, attempts and outcomes; changes are logged.
3 -> 4: collections and groups are computed from the edits, jobs have edits. No row of a document changes, so no backup is made.
4 -> 5: earlier texts of documents are kept, in a table of their own; again without a backup.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

import apsw

from index import durable_files
from index.durable_files import translate_disk_errors
from index.embedded.store.database import Database
from index.embedded.store.page_checksums import RESERVED_BYTES
from index.embedded.store.rows import CONTENT_COLUMNS, row_hash, title_key
from index.embedded.store.sql import (
    ACCESS,
    CHANGE_LOG,
    COLLECTION,
    COLLECTION_INDEX,
    DOCUMENT_INDEXES,
    DOCUMENTS,
    FILTER_INDEX,
    FORMAT,
    JOB_INDEXES,
    JOBS,
    LISTED_INDEX,
    VERSIONS,
    insert,
)

ROWS_AT_ONCE = 1_000
_OLD_DOCUMENT = "id, title, source, source_hash, url, date, type, language, version, metadata, hash"
_JOB_OF_FORMAT_3 = (
    "id, status, kind, document_id, name, if_exists, attempts, retry_at, documents, outcomes, failures, created, finished,"
    " hash, body"
)
# Hashed columns of format 3.
_HEAD = (
    "id title source source_hash url date type language version metadata"  # as in format 2
    " location file_name original added changed edits"
).split()
_OLD_PASSAGE = 'document, start, "end", page, anchor, headings, context, text, hash'


def migrate(database: Database, say: Callable[[str], None]) -> None:
    """Convert a store opened for writing to the current format.

    Raises StorageFull if the disk has no space for the backup or the change. A killed migration starts over.
    """
    if database.format != FORMAT:
        _convert(database, say)


def _convert(database: Database, say: Callable[[str], None]) -> None:
    if database.format < 3:
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
        if database.format < 2:
            _convert_to_2(connection)
        if database.format < 3:
            _copy_into_new_tables(connection)
        elif database.format < 4:
            _convert_to_4(connection)
        for statement in VERSIONS.split(";"):
            connection.execute(statement)
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


def _copy_into_new_tables(connection: apsw.Connection) -> None:
    """From format 2: documents and jobs as they are now, with their large values in the last columns. Damaged rows stay damaged."""
    with _replaced(connection, "documents", DOCUMENTS, DOCUMENT_INDEXES) as new:
        for row in _documents_of_format_3(connection):
            insert(connection, new, ", ".join(row), list(row.values()))
    connection.execute(CHANGE_LOG)
    with _replaced(connection, "jobs", JOBS, JOB_INDEXES) as new:
        for row in _jobs_of_format_3(connection):
            insert(connection, new, ", ".join(row), list(row.values()))


def _convert_to_4(connection: apsw.Connection) -> None:
    for column in (COLLECTION, ACCESS):
        connection.execute(f"ALTER TABLE documents ADD COLUMN {column}")
    for index in ("documents_listed", "documents_filtered"):
        connection.execute(f"DROP INDEX {index}")
    for statement in (COLLECTION_INDEX, LISTED_INDEX, FILTER_INDEX):
        connection.execute(statement)
    with _replaced(connection, "jobs", JOBS, JOB_INDEXES) as new:
        connection.execute(f"INSERT INTO {new} ({_JOB_OF_FORMAT_3}) SELECT {_JOB_OF_FORMAT_3} FROM jobs")


def _documents_of_format_3(connection: apsw.Connection) -> Iterator[dict[str, Any]]:
    names = ["number", *(name.strip() for name in f"{_OLD_DOCUMENT}, {CONTENT_COLUMNS}".split(","))]
    for row in _all(connection, "documents", "number", ", ".join(names[1:])):
        new = dict(zip(names, row, strict=True))
        number, *head = row[: len(names) - 3]
        *values, stored = head
        intact = row_hash(number, *values) == stored
        new |= {"location": new["source"], "file_name": None, "original": None, "added": "", "changed": "", "edits": "{}"}
        if isinstance(new["source"], str) and not _is_address(new["source"]):
            new["source"] = new["file_name"] = PurePath(new["source"]).name
        if intact:
            new["hash"] = row_hash(number, *(new[name] for name in _HEAD))
        yield new | {"title_key": title_key(str(new["title"]))}


def _jobs_of_format_3(connection: apsw.Connection) -> Iterator[dict[str, Any]]:
    names = ("id", "status", "document_id", "name", "body", "hash", "documents", "failures", "created", "finished")
    for row in _all(connection, "jobs", "id", ", ".join(names[1:])):
        new = dict(zip(names, row, strict=True))
        number, document_id, name, body = new["id"], new["document_id"], new["name"], new["body"]
        kind = "address" if body == b"" and _is_address(str(name)) else "record" if name == "document.jsonl" else "file"
        if row_hash(number, document_id, name, body) == new["hash"]:
            new["hash"] = row_hash(number, kind, document_id, name, "replace", body)
        yield new | {"kind": kind, "if_exists": "replace"}


@contextmanager
def _replaced(connection: apsw.Connection, name: str, create: str, indexes: str) -> Iterator[str]:
    """Name a new table to fill, which then takes the place of the old one. Numbers that were ever given are not given again."""
    given = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (name,)).get
    connection.execute(create.format(name=f"new_{name}"))
    yield f"new_{name}"
    connection.execute(f"DROP TABLE {name}")
    connection.execute(f"ALTER TABLE new_{name} RENAME TO {name}")
    connection.execute("DELETE FROM sqlite_sequence WHERE name IN (?, ?)", (name, f"new_{name}"))
    if given is not None:
        connection.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (name, given))
    for statement in indexes.split(";"):
        connection.execute(statement)


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


def _is_address(source: str) -> bool:
    return source.startswith(("http://", "https://"))
