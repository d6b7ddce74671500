"""Everything in the SQLite file read and checked: pages, SQLite's own structure, every row by its hash, and what rows say of each other."""

from __future__ import annotations

from contextlib import suppress

from index.embedded.store import rows
from index.embedded.store.database import Database
from index.embedded.store.jobs import JobQueue
from index.embedded.store.rows import CONTENT_COLUMNS, DOCUMENT_COLUMNS
from index.embedded.store.store import Store
from index.types import DamagedRow

STRUCTURE_LINES = 20
ROWS_AT_ONCE = 500


def scrub(database: Database) -> list[str]:
    """What is damaged, a line each; none where all is whole. It is reported in the database's `damage` too, which begins anew."""
    database.damage.forget()
    with suppress(DamagedRow):  # which is in the report
        _structure(database)
        _documents(database)
        _passages(database)
        _jobs(database)
    return list(database.damage.found)


def _structure(database: Database) -> None:
    """Reads every page that is in use, whose checksum is checked with it."""
    for (line,) in database.rows(f"PRAGMA integrity_check({STRUCTURE_LINES})"):
        if line != "ok":
            database.damage.report(f"the structure of {database.path}: {line}")
    for table, row, *_ in database.rows("PRAGMA foreign_key_check"):
        database.damage.report(f"row {row} of {table} belongs to nothing that is there")
    for name, table in (("documents", "documents"), ("passages", "passages")):
        query = f"SELECT (SELECT value FROM facts WHERE name = ?), (SELECT count(*) FROM {table})"
        ((stored, counted),) = database.rows(query, name)
        if str(stored) != str(counted):
            database.damage.report(f"there are {counted} {name}, and {stored} were stored")


def _documents(database: Database) -> None:
    """Every text and structure, and that every passage is its document's text at its place."""
    store = Store(database)
    query = f"SELECT number, {DOCUMENT_COLUMNS}, {CONTENT_COLUMNS} FROM documents WHERE number IN"
    for some in database.batches("SELECT number FROM documents WHERE number > ? ORDER BY number LIMIT ?", 0, ROWS_AT_ONCE):
        for number, *columns in database.rows_by_key(query, [number for (number,) in some]):
            *head, structure, text, structure_hash = columns
            try:
                stored = rows.stored_document(number, head)
                document = rows.content(stored, (structure, text, structure_hash))
                for found in store.passages_of(stored.id):
                    if document.text[found.passage.start : found.passage.end] != found.passage.text:
                        database.damage.report(f"the passage {found.id} is not the text of {stored.id!r} at its place")
            except DamagedRow as damage:
                database.damage.report(str(damage))


def _passages(database: Database) -> None:
    """Every passage and its vector by the model that is searched."""
    store = Store(database)
    fingerprint = store.fingerprint or ""
    for ids in store.ids_in_batches():
        store.passages(ids)
        vectors = store.vectors(ids, fingerprint)
        for missing in [i for i in ids if i not in vectors]:
            database.damage.report(f"the vector of passage {missing} is missing or damaged; `qa rebuild` makes it anew")
    if both := database.rows("SELECT count(*) FROM removed_passages JOIN passages USING (id) HAVING count(*)"):
        database.damage.report(f"{both[0][0]} passages are there that are noted as removed")


def _jobs(database: Database) -> None:
    for damage in JobQueue(database).damaged():
        database.damage.report(damage)
