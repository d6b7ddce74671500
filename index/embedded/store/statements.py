"""SQL that several tables need: row numbers, inserts, placeholders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw


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
