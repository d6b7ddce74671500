"""SQL: the tables and indexes of the file, and what several tables need: row numbers, inserts, placeholders.

Large values (`text`, `body`) come last in their rows, so that SQLite reads the other columns without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from index.access.audience import EVERYONE

# 2: checksums of pages, hashes with row numbers. 3: locations, originals, edits and times of documents, attempts of jobs. 4: collections
# and groups. 5: earlier texts of documents.
FORMAT = 5

# Computed from the edits, so that the row keeps its hash, and stored in the indexes of filters and lists only. A value that is no text,
# or no list, is none, which no audience may read.
COLLECTION = """collection TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(edits) THEN
    CASE coalesce(json_type(edits, '$.collection'), '') WHEN '' THEN 'default'
    WHEN 'text' THEN json_extract(edits, '$.collection') END END) VIRTUAL"""
ACCESS = f"""access TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(edits) THEN
    CASE coalesce(json_type(edits, '$.access'), 'null') WHEN 'null' THEN '["{EVERYONE}"]'
    WHEN 'array' THEN json_extract(edits, '$.access') END END) VIRTUAL"""

DOCUMENTS = f"""
CREATE TABLE {{name}} (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, source TEXT, source_hash TEXT, url TEXT,
    date TEXT, type TEXT, language TEXT, version TEXT NOT NULL, metadata TEXT NOT NULL, location TEXT, file_name TEXT, original TEXT,
    added TEXT NOT NULL, changed TEXT NOT NULL, edits TEXT NOT NULL, hash BLOB NOT NULL, title_key TEXT NOT NULL,
    structure_hash BLOB NOT NULL, structure TEXT NOT NULL, text TEXT NOT NULL, {COLLECTION}, {ACCESS})
"""
JOBS = """
CREATE TABLE {name} (
    id INTEGER PRIMARY KEY AUTOINCREMENT, status TEXT NOT NULL, kind TEXT NOT NULL, document_id TEXT NOT NULL, name TEXT NOT NULL,
    if_exists TEXT NOT NULL, edits TEXT NOT NULL DEFAULT '{{}}', attempts INTEGER NOT NULL DEFAULT 0, retry_at TEXT,
    documents INTEGER NOT NULL DEFAULT 0, outcomes TEXT NOT NULL DEFAULT '{{}}', failures TEXT NOT NULL DEFAULT '[]',
    created TEXT NOT NULL, finished TEXT, hash BLOB NOT NULL, body BLOB)
"""
# Covers the columns of filters and facets, so that they do not read the texts.
FILTER_INDEX = (
    "CREATE INDEX documents_filtered ON documents(date, type, language, collection, access, id, title, source, url, metadata)"
)
LISTED_INDEX = (
    "CREATE INDEX documents_listed"
    " ON documents(title_key, file_name, type, date, language, added, changed, id, collection, access)"
)
COLLECTION_INDEX = "CREATE INDEX documents_by_collection ON documents(collection)"
DOCUMENT_INDEXES = f"""
CREATE INDEX documents_by_location ON documents(location);
CREATE INDEX documents_by_version ON documents(version);
CREATE INDEX documents_by_original ON documents(original) WHERE original IS NOT NULL;
CREATE INDEX documents_by_title ON documents(title_key);
CREATE INDEX documents_by_date ON documents(coalesce(date, ''));
CREATE INDEX documents_by_added ON documents(added);
CREATE INDEX documents_by_changed ON documents(changed);
{COLLECTION_INDEX};
{LISTED_INDEX};
{FILTER_INDEX}
"""
# The passages that each of the last changes removed, for processes that follow the store; 0 where it removed none.
CHANGE_LOG = "CREATE TABLE change_log (change INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL)"
# The texts that documents had, and a row for each present text, without `head`, `structure` and `text`. `stored_by`: who stored it.
VERSIONS = """
CREATE TABLE versions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, version TEXT NOT NULL, since TEXT NOT NULL, until TEXT, stored_by TEXT,
    hash BLOB NOT NULL, structure_hash BLOB NOT NULL, head TEXT NOT NULL, structure TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX versions_by_document ON versions(id, version)
"""
JOB_INDEXES = """
CREATE INDEX jobs_by_status ON jobs(status, id);
CREATE INDEX jobs_by_document ON jobs(document_id, status)
"""
SCHEMA = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
{DOCUMENTS.format(name="documents")};
{DOCUMENT_INDEXES};
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents(number), start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, page INTEGER, anchor TEXT, headings TEXT NOT NULL, context TEXT NOT NULL, text TEXT NOT NULL,
    hash BLOB NOT NULL);
CREATE INDEX passages_by_document ON passages(document);
CREATE TABLE vectors (
    fingerprint TEXT NOT NULL, passage INTEGER NOT NULL REFERENCES passages(id), vector BLOB NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (fingerprint, passage)) WITHOUT ROWID;
CREATE TABLE removed_passages (id INTEGER PRIMARY KEY);
{CHANGE_LOG};
{JOBS.format(name="jobs")};
{JOB_INDEXES};
{VERSIONS};
"""


def next_number(connection: apsw.Connection, table: str, column: str) -> int:
    """The number for the next row. Numbers rise and are never reused; known before the insert, they are part of the hash."""
    highest = f"coalesce((SELECT max({column}) FROM {table}), 0)"
    given = f"coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0)"
    return 1 + int(connection.execute(f"SELECT max({highest}, {given})").get)


def insert(connection: apsw.Connection, table: str, columns: str, row: Sequence[Any]) -> int:
    """Insert a row; return its number."""
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({placeholders(row)})", row)
    return connection.last_insert_rowid()


def placeholders(values: Sequence[Any]) -> str:
    """Question marks to bind these values."""
    return ",".join("?" * len(values))
