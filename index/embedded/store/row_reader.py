"""Reading rows whose hash may not match."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from index.embedded.store.database import Database
from index.types import DamagedRow

Value = TypeVar("Value")


class RowReader:
    """Turns rows of a database into values and reports damaged ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _read_one(self, parse: Callable[..., Value], *values: Any) -> Value:
        """The value of one row. Raises DamagedRow."""
        try:
            return parse(*values)
        except DamagedRow as damage:
            self._database.damage.report(str(damage))
            raise

    def _read_each(self, parse: Callable[[int, Any], Value], rows: Iterable[tuple[int, Sequence[Any]]]) -> dict[int, Value]:
        """Values by number, without those of damaged rows."""
        read: dict[int, Value] = {}
        for number, row in rows:
            try:
                read[number] = parse(number, row)
            except DamagedRow as damage:
                self._database.damage.report(str(damage))
        return read
