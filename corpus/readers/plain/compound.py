"""Reads compound files, the containers of Outlook messages: storages with streams, as in a file system.

Format: [MS-CFB], https://learn.microsoft.com/openspecs/windows_protocols/ms-cfb. Raises ValueError for a damaged file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from corpus.readers.detection import COMPOUND_FILE

_HEADER_BYTES, _ENTRY_BYTES = 512, 128
_LAST_SECTOR = 0xFFFFFFFA  # numbers above mean the end, or no sector
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_MINI_SECTOR_BYTES = 64
# Sectors of the table's first part, which is in the header.
_IN_HEADER = 109


@dataclass(slots=True)
class Entry:
    """A storage with its `children`, or a stream of `size` bytes."""

    name: str
    kind: int
    first_sector: int
    size: int
    children: dict[str, Entry] = field(default_factory=dict)


class CompoundFile:
    """`root`: the storage at the top."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(COMPOUND_FILE) or len(data) < _HEADER_BYTES:
            raise ValueError("it is no compound file")
        self._data = data
        self._sector_bytes = 1 << min(struct.unpack_from("<H", data, 30)[0], 16)
        tables, directory, self._cutoff, mini_table = (_number(data, place) for place in (44, 48, 56, 60))
        numbers = struct.unpack_from(f"<{_IN_HEADER}I", data, 76)
        extra = _number(data, 68)
        while extra < _LAST_SECTOR and len(numbers) < tables:
            *more, extra = self._numbers(self._sector(extra))
            numbers = (*numbers, *more)
        self._table = [n for sector in numbers[:tables] if sector < _LAST_SECTOR for n in self._numbers(self._sector(sector))]
        self._mini_table = self._numbers(b"".join(map(self._sector, self._chain(mini_table, self._table))))
        self.root = self._read_directory(b"".join(map(self._sector, self._chain(directory, self._table))))
        self._mini_stream = b"".join(map(self._sector, self._chain(self.root.first_sector, self._table)))

    def read(self, entry: Entry) -> bytes:
        """The bytes of a stream."""
        if entry.size < self._cutoff:
            parts = (
                self._mini_stream[number * _MINI_SECTOR_BYTES : (number + 1) * _MINI_SECTOR_BYTES]
                for number in self._chain(entry.first_sector, self._mini_table)
            )
        else:
            parts = (self._sector(number) for number in self._chain(entry.first_sector, self._table))
        return b"".join(parts)[: entry.size]

    def _sector(self, number: int) -> bytes:
        start = (number + 1) * self._sector_bytes
        if start >= len(self._data):
            raise ValueError(f"sector {number} is missing")
        return self._data[start : start + self._sector_bytes]

    def _numbers(self, sector: bytes) -> tuple[int, ...]:
        return struct.unpack(f"<{len(sector) // 4}I", sector[: len(sector) // 4 * 4])

    def _chain(self, first: int, table: Mapping[int, int] | list[int] | tuple[int, ...]) -> Iterator[int]:
        for _ in range(len(table) + 1):
            if first >= _LAST_SECTOR:
                return
            yield first
            if first >= len(table):
                raise ValueError("a chain of sectors leaves its table")
            first = table[first]
        raise ValueError("a chain of sectors has no end")

    def _read_directory(self, data: bytes) -> Entry:
        """The entries are a binary tree in every storage; each is visited once."""
        records = [data[place : place + _ENTRY_BYTES] for place in range(0, len(data) - _ENTRY_BYTES + 1, _ENTRY_BYTES)]
        if not records:
            raise ValueError("it has no directory")
        root = _entry(records[0])
        waiting = [(_number(records[0], 76), root)]
        visited = {0}
        while waiting:
            number, parent = waiting.pop()
            if number >= len(records) or number in visited:
                continue
            visited.add(number)
            record = records[number]
            entry = _entry(record)
            if entry.kind in (_STORAGE, _STREAM):
                parent.children[entry.name] = entry
            waiting += [(_number(record, place), parent) for place in (68, 72)]
            if entry.kind == _STORAGE:
                waiting.append((_number(record, 76), entry))
        return root


def _entry(record: bytes) -> Entry:
    length = min(max(struct.unpack_from("<H", record, 64)[0] - 2, 0), 62)
    name = record[:length].decode("utf-16-le", "replace")
    return Entry(name, record[66], _number(record, 116), _number(record, 120))


def _number(data: bytes, place: int) -> int:
    return int(struct.unpack_from("<I", data, place)[0])
