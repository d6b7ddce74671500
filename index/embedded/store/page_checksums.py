"""A VFS that writes a checksum to every page of the SQLite file and checks it whenever the page is read from disk.

The hash of a row tells whether the row is intact; only a page can tell which rows exist and whether an index finds them. SQLite leaves
RESERVED_BYTES at the end of each page, which hold a BLAKE2b digest of the page's offset and the rest of it. The write-ahead log has
checksums of its own. SQLite's cksumvfs refuses a damaged page as a whole, see docs/decisions/0007-durability.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import apsw

PAGE_BYTES = 8192  # holds several rows with a vector (1.5 kB at 384 dimensions)
RESERVED_BYTES = 8
# Offsets in the file header (https://www.sqlite.org/fileformat.html, 1.3).
_HEADER_BYTES, _PAGE_SIZE, _RESERVED, _VERSION = 100, slice(16, 18), 20, slice(60, 64)

Report = Callable[[int], None]


class ChecksumVFS(apsw.VFS):
    """Adds checksums to the pages of the main database file. Must outlive the connections opened through it."""

    def __init__(self, report: Report, first_format: int, base: str = "") -> None:
        """`report` is called with the number of every damaged page, from 1. Files of format `first_format` and later have checksums."""
        self.name = f"quotable-{id(self)}"
        self._options = (report, first_format)
        super().__init__(self.name, base)
        self._base = base

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        if flags[0] & apsw.SQLITE_OPEN_MAIN_DB:
            return _Pages(self._base, name, flags, *self._options)
        return super().xOpen(name, flags)


class _Pages(apsw.VFSFile):
    def __init__(
        self, base: str, name: str | apsw.URIFilename | None, flags: list[int], report: Report, first_format: int
    ) -> None:
        super().__init__(base, name, flags)
        self._read_only = bool(flags[0] & apsw.SQLITE_OPEN_READONLY)
        self._report, self._first_format = report, first_format
        self._has_checksums = False

    def xLock(self, level: int) -> None:  # noqa: N802
        try:
            super().xLock(level)
        except apsw.IOError as error:
            if not self._read_only:
                raise
            # A closing reader tries to checkpoint; "busy" makes SQLite skip it.
            raise apsw.BusyError("opened read-only") from error

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        data = super().xRead(amount, offset)
        if offset == 0:
            self._read_header(data)
        if self._has_checksums and amount == PAGE_BYTES == len(data) and data[-RESERVED_BYTES:] != page_checksum(data, offset):
            self._report(offset // PAGE_BYTES + 1)
        return data

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        if offset == 0:
            self._read_header(data)
        if self._has_checksums and len(data) == PAGE_BYTES:
            data = bytes(data[:-RESERVED_BYTES]) + page_checksum(data, offset)
        super().xWrite(data, offset)

    def _read_header(self, data: bytes) -> None:
        if len(data) < _HEADER_BYTES:
            return
        # Two places in the header say so; one flipped bit cannot change both.
        recent = int.from_bytes(data[_VERSION], "big") >= self._first_format
        self._has_checksums = data[_RESERVED] == RESERVED_BYTES or recent
        if self._has_checksums and int.from_bytes(data[_PAGE_SIZE], "big") != PAGE_BYTES:
            self._report(1)


def page_checksum(page: bytes, offset: int) -> bytes:
    """Digest of a page and its offset, so that a page written to the wrong place is detected."""
    digest = hashlib.blake2b(memoryview(page)[:-RESERVED_BYTES], digest_size=RESERVED_BYTES, salt=offset.to_bytes(16, "big"))
    return digest.digest()
