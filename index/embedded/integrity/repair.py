"""Rewrite everything that can still be read of a damaged store into a new file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from index import durable_files
from index.durable_files import translate_disk_errors
from index.embedded.integrity.migrations import migrate
from index.embedded.integrity.replace_store import replace_store
from index.embedded.store import rows
from index.embedded.store.database import FILE_NAME, Database
from index.embedded.store.jobs import JOB_COLUMNS, is_job_intact
from index.embedded.store.rows import CONTENT_COLUMNS, DOCUMENT_COLUMNS, PASSAGE_COLUMNS, VECTOR_COLUMNS, VERSION_COLUMNS
from index.embedded.store.sql import insert
from index.embedded.store.store import Store
from index.types import DamagedRow, StoreError

SCRATCH = ".repairing"
BEFORE = f"{FILE_NAME}.before-repair"
ROWS_AT_ONCE = 1000

Row = tuple[Any, ...]


def repair(folder: Path) -> list[str]:
    """Rewrite the store of a folder without its damaged rows; return one line for each lost document or job.

    A document whose text is intact but whose passages are not is kept without passages: it has to be split again.
    The damaged file is kept as BEFORE. The caller holds the folder's lock. Raises StoreError if nothing can be saved.
    """
    scratch = folder / SCRATCH
    with translate_disk_errors(folder):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            lost = _rewrite(folder, scratch)
            durable_files.sync(scratch / FILE_NAME)
            replace_store(folder, scratch / FILE_NAME, BEFORE)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return lost


def _rewrite(folder: Path, scratch: Path) -> list[str]:
    try:
        with closing(Database(folder)) as old, closing(Database(scratch, create=True)) as new:
            migrate(old, lambda _: None)
            _copy(old, new, "documents", "number", f"{DOCUMENT_COLUMNS}, {CONTENT_COLUMNS}, title_key", _check_document)
            if not new.rows("SELECT 1 FROM documents LIMIT 1") and _last_number(old, "documents"):
                raise DamagedRow("no document can be read")
            _copy(old, new, "passages", "id", PASSAGE_COLUMNS, rows.passage)
            _copy_vectors(old, new)
            columns = f"{VERSION_COLUMNS}, {CONTENT_COLUMNS}"
            lost_versions = _copy(old, new, "versions", "number", columns, _check_version)
            lost_jobs = _copy(old, new, "jobs", "id", JOB_COLUMNS.removeprefix("id, "), _check_job)
            _copy_facts(old, new)
            _drop_incomplete_passages(new)
            lost = _lost_documents(old, new)
            _update_facts(new, old)
            with new.exclusive() as connection:
                connection.pragma("wal_checkpoint", "TRUNCATE")
    except DamagedRow as error:
        raise StoreError(
            f"{folder / FILE_NAME} cannot be repaired, too much of it is damaged; restore a backup with `qa restore FILE`,"
            " or add the documents to a new data folder"
        ) from error
    lost += [f"an earlier text of a document was damaged (number {number})" for number in lost_versions]
    return [*lost, *(f"job {number} was damaged; send its document again" for number in lost_jobs)]


def _copy(old: Database, new: Database, table: str, key: str, columns: str, check: Callable[[int, Row], object]) -> list[int]:
    """Copy the rows that pass `check`; return the numbers of those that did not."""
    failed: set[int] = set()
    copied: set[int] = set()
    for batch in _batches(_salvage(old, table, key, columns)):
        with new.transaction() as connection:
            for number, *row in batch:
                try:
                    check(number, tuple(row))
                except (DamagedRow, ValueError, TypeError, AttributeError):
                    failed.add(number)
                    continue
                if number not in copied:
                    insert(connection, table, f"{key}, {columns}", (number, *row))
                    copied.add(number)
    return sorted(failed - copied)


def _salvage(database: Database, table: str, key: str, columns: str) -> Iterator[Row]:
    """Every row that can be read, some twice: by a scan, and where it breaks off, by one from the end and by each number."""
    select = f"SELECT {key}, {columns} FROM {table}"
    for order in ("ASC", "DESC"):
        try:
            yield from database.scan(f"{select} ORDER BY {key} {order}")
        except DamagedRow:
            continue
        return
    last = _last_number(database, table)
    for first in range(1, last + 1, ROWS_AT_ONCE):
        yield from database.rows_by_key(f"{select} WHERE {key} IN", range(first, min(first + ROWS_AT_ONCE, last + 1)))


def _copy_vectors(old: Database, new: Database) -> None:
    """Copy what scans from both ends can read; vectors that are missing are embedded again."""
    for order in ("ASC", "DESC"):
        with suppress(DamagedRow):
            query = f"SELECT {VECTOR_COLUMNS} FROM vectors ORDER BY fingerprint {order}, passage {order}"
            for batch in _batches(old.scan(query)):
                with new.transaction() as connection:
                    intact = [row for row in batch if _is_vector_intact(*row)]
                    connection.executemany(f"INSERT OR IGNORE INTO vectors ({VECTOR_COLUMNS}) VALUES (?, ?, ?, ?)", intact)
            return


def _copy_facts(old: Database, new: Database) -> None:
    """Keep the model and the change counter. The identity stays new, so that no index of the damaged store is used."""
    with suppress(DamagedRow), new.transaction() as connection:
        facts = old.rows("SELECT name, value FROM facts WHERE name IN ('fingerprint', 'model', 'changes')")
        connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts)


def _drop_incomplete_passages(new: Database) -> None:
    """Delete all passages of a document if any of them may be missing or does not match the text."""
    store = Store(new)
    numbers = {document.number for document in _all_documents(store) if not _match_text(store, document.id)}
    lost = "SELECT passage FROM vectors WHERE passage NOT IN (SELECT id FROM passages)"
    for (i,) in new.rows(lost):  # a lost passage belonged to the document before it or after it
        for neighbour in ("id < ? ORDER BY id DESC", "id > ? ORDER BY id"):
            numbers |= {number for (number,) in new.rows(f"SELECT document FROM passages WHERE {neighbour} LIMIT 1", i)}
    with new.transaction() as connection:
        connection.executemany("DELETE FROM passages WHERE document = ?", ((number,) for number in numbers))
        connection.execute("DELETE FROM passages WHERE document NOT IN (SELECT number FROM documents)")
        connection.execute("DELETE FROM vectors WHERE passage NOT IN (SELECT id FROM passages)")
        connection.execute("DELETE FROM versions WHERE id NOT IN (SELECT id FROM documents)")


def _update_facts(new: Database, old: Database) -> None:
    """Set the counters from the rows, and give no number again that the damaged store may have given."""
    with new.transaction() as connection:
        for table in ("documents", "passages"):
            connection.execute(f"UPDATE facts SET value = (SELECT count(*) FROM {table}) WHERE name = '{table}'")
        for table in ("documents", "passages", "jobs", "versions"):
            last = max(_last_number(old, table), _last_number(new, table))
            connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            connection.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, last))


def _lost_documents(old: Database, new: Database) -> list[str]:
    """One line for each document that is not in the new file; ids are read from the index of the ids."""
    names: list[str] = []
    with suppress(DamagedRow):
        names.extend(document_id for (document_id,) in old.scan("SELECT id FROM documents ORDER BY id"))
    kept = {document_id for (document_id,) in new.rows("SELECT id FROM documents")}
    lost = [f"lost: {name}" for name in names if name not in kept]
    with suppress(DamagedRow, ValueError):
        ((stored,),) = old.rows("SELECT value FROM facts WHERE name = 'documents'")
        if (unnamed := int(stored) - len(kept) - len(lost)) > 0:
            lost.append(f"lost: {unnamed} documents whose ids cannot be read")
    return lost


def _last_number(database: Database, table: str) -> int:
    """The highest number ever given in a table, or the highest one present if the sequence cannot be read."""
    for query in (f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'", f"SELECT max(rowid) FROM {table}"):
        with suppress(DamagedRow, ValueError, TypeError):
            for (last,) in database.rows(query):
                return int(last)
    return 0


def _batches(found: Iterator[Row]) -> Iterator[Sequence[Row]]:
    """The rows some at a time, also those before an error."""
    batch: list[Row] = []
    try:
        for row in found:
            batch.append(row)
            if len(batch) == ROWS_AT_ONCE:
                yield batch
                batch = []
    except DamagedRow:
        yield batch
        raise
    yield batch


def _match_text(store: Store, document_id: str) -> bool:
    content = store.content(document_id)
    passages = store.passages_of(document_id)
    return content is not None and all(content.text[p.passage.start : p.passage.end] == p.passage.text for p in passages)


def _all_documents(store: Store) -> Iterator[Any]:
    after = None
    while page := store.documents(after, ROWS_AT_ONCE):
        yield from page
        after = page[-1].id


def _check_document(number: int, row: Row) -> None:
    *head, structure, text, structure_hash, _ = row
    rows.content(rows.stored_document(number, head), (structure, text, structure_hash))


def _check_version(number: int, row: Row) -> None:
    *head, structure, text, structure_hash = row
    rows.check_version(number, head, (structure, text, structure_hash))


def _check_job(number: int, row: Row) -> None:
    if not is_job_intact(number, row):
        raise DamagedRow(f"job {number} is damaged")


def _is_vector_intact(fingerprint: str, passage_id: int, data: bytes, stored_hash: bytes) -> bool:
    return rows.row_hash(fingerprint, passage_id, data) == stored_hash
