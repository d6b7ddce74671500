"""Read and check everything in the SQLite file: pages, structure, every row by its hash, and references between rows."""

from __future__ import annotations

from contextlib import suppress

from index.embedded.store import rows
from index.embedded.store.database import Database
from index.embedded.store.jobs import JobQueue
from index.embedded.store.rows import CONTENT_COLUMNS, DOCUMENT_COLUMNS, VERSION_COLUMNS
from index.embedded.store.store import Store
from index.types import DamagedRow

MAX_STRUCTURE_LINES = 20
ROWS_AT_ONCE = 500


def scrub(database: Database) -> list[str]:
    """Return one line for each kind of damage found, none if the store is intact; `database.damage` then holds the same lines."""
    database.damage.forget()
    with suppress(DamagedRow):  # is reported
        _check_structure(database)
        _check_documents(database)
        _check_passages(database)
        _check_versions(database)
        _check_jobs(database)
    return list(database.damage.found)


def _check_structure(database: Database) -> None:
    """Read every page in use, which checks its checksum."""
    for (line,) in database.rows(f"PRAGMA integrity_check({MAX_STRUCTURE_LINES})"):
        if line != "ok":
            database.damage.report(f"the structure of {database.path} is damaged: {line}")
    for table, row, *_ in database.rows("PRAGMA foreign_key_check"):
        database.damage.report(f"row {row} of the table {table} refers to a row that is missing")
    for name in ("documents", "passages"):
        query = f"SELECT (SELECT value FROM facts WHERE name = ?), (SELECT count(*) FROM {name})"
        ((stored, counted),) = database.rows(query, name)
        if str(stored) != str(counted):
            database.damage.report(f"{stored} {name} were stored, but {counted} are present")


def _check_documents(database: Database) -> None:
    """Check every text and structure, and that every passage equals its span of the text."""
    store = Store(database)
    query = f"SELECT number, {DOCUMENT_COLUMNS}, {CONTENT_COLUMNS} FROM documents WHERE number IN"
    for batch in database.batches("SELECT number FROM documents WHERE number > ? ORDER BY number LIMIT ?", 0, ROWS_AT_ONCE):
        for number, *columns in database.rows_by_key(query, [number for (number,) in batch]):
            *head, structure, text, structure_hash = columns
            try:
                stored = rows.stored_document(number, head)
                document = rows.content(stored, (structure, text, structure_hash))
                for found in store.passages_of(stored.id):
                    if document.text[found.passage.start : found.passage.end] != found.passage.text:
                        database.damage.report(f"passage {found.id} differs from its span of the text of {stored.id!r}")
            except DamagedRow as damage:
                database.damage.report(str(damage))
    for document_id in store.documents_without_passages():
        database.damage.report(f"the document {document_id!r} has no passages; `qa rebuild` splits it again")


def _check_passages(database: Database) -> None:
    """Check every passage and its vector by the model in use."""
    store = Store(database)
    fingerprint = store.fingerprint or ""
    for ids in store.ids_in_batches():
        store.passages(ids)
        vectors = store.vectors(ids, fingerprint)
        for missing in [i for i in ids if i not in vectors]:
            database.damage.report(f"the vector of passage {missing} is missing or damaged; `qa rebuild` embeds it again")
    if both := database.rows("SELECT count(*) FROM removed_passages JOIN passages USING (id) HAVING count(*)"):
        database.damage.report(f"{both[0][0]} passages are present although they were removed")


def _check_versions(database: Database) -> None:
    """Check every earlier text."""
    query = f"SELECT number, {VERSION_COLUMNS}, {CONTENT_COLUMNS} FROM versions WHERE number IN"
    for batch in database.batches("SELECT number FROM versions WHERE number > ? ORDER BY number LIMIT ?", 0, ROWS_AT_ONCE):
        for number, *columns in database.rows_by_key(query, [number for (number,) in batch]):
            *head, structure, text, structure_hash = columns
            try:
                rows.check_version(number, head, (structure, text, structure_hash))
            except DamagedRow as damage:
                database.damage.report(str(damage))


def _check_jobs(database: Database) -> None:
    for damage in JobQueue(database).damaged():
        database.damage.report(damage)
