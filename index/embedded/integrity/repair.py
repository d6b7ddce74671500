"""A damaged store made whole again by taking out what cannot be trusted; the rest is written anew, page by page."""

from __future__ import annotations

from index.embedded.store.database import Database
from index.embedded.store.store import Store
from index.types import DamagedRow


def repair(database: Database) -> list[str]:
    """The ids of the documents that were taken out: a row of them is not what was written. Vectors alone are no reason.

    Raises StoreError where SQLite itself cannot go on.
    """
    store = Store(database)
    with database.exclusive() as connection:
        connection.execute("REINDEX")  # first: what is found through an index is then what the tables hold
    taken = [document_id for document_id in _ids(database) if not _is_whole(store, document_id)]
    with database.transaction() as connection:
        for document_id in taken:
            store.remove(document_id)
        connection.execute("DELETE FROM passages WHERE document NOT IN (SELECT number FROM documents)")
        connection.execute("DELETE FROM vectors WHERE passage NOT IN (SELECT id FROM passages)")
        connection.execute("DELETE FROM removed_passages WHERE id IN (SELECT id FROM passages)")
        connection.execute("UPDATE facts SET value = (SELECT count(*) FROM documents) WHERE name = 'documents'")
        connection.execute("UPDATE facts SET value = (SELECT count(*) FROM passages) WHERE name = 'passages'")
        # So that no index that was built from what was damaged is taken for one of this store.
        connection.execute("UPDATE facts SET value = lower(hex(randomblob(16))) WHERE name = 'identity'")
    with database.exclusive() as connection:
        connection.execute("VACUUM")  # every page anew, with its checksum
        connection.pragma("wal_checkpoint", "TRUNCATE")
    return taken


def _ids(database: Database) -> list[str]:
    numbers = [number for (number,) in database.rows("SELECT number FROM documents ORDER BY number")]
    return [document_id for (document_id,) in database.rows_by_key("SELECT id FROM documents WHERE number IN", numbers)]


def _is_whole(store: Store, document_id: str) -> bool:
    try:
        text = store.content(document_id)
        ids = store.passage_ids(document_id).tolist()
        passages = store.passages(ids)
    except DamagedRow:
        return False
    return (
        text is not None
        and len(passages) == len(ids)
        and all(text.text[p.passage.start : p.passage.end] == p.passage.text for p in passages)
    )
