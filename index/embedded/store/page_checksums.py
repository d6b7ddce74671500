"""A checksum on every page of the SQLite file, checked whenever the page is read from disk.

The hash of a row tells whether the row is what was written. Which rows there are, and whether an index finds them, only the page
itself can tell. SQLite leaves RESERVED_BYTES at the end of each page to us; they hold a BLAKE2b digest of the page's number and the
rest of it. (SQLite's own extension for this, cksumvfs, comes in no wheel.) The write-ahead log has checksums of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import apsw

PAGE_BYTES = 8192  # so that a row with a vector (1.5 kB at 384 dimensions) stays on one page
RESERVED_BYTES = 8
# Places in the file's header (https://www.sqlite.org/fileformat.html, 1.3).
_HEADER_BYTES, _PAGE_SIZE, _RESERVED, _VERSION = 100, slice(16, 18), 20, slice(60, 64)

Report = Callable[[int], None]


class ChecksumVFS(apsw.VFS):
    """SQLite's own file layer, but for the pages of the database itself. Lives as long as what was opened through it."""

    def __init__(self, report: Report, checked_from: int, base: str = "") -> None:
        """`report` is told the number of every damaged page, from 1. Files of the format `checked_from` and later have checksums."""
        self.name = f"quotable-{id(self)}"
        self._work = (report, checked_from)
        super().__init__(self.name, base)
        self._base = base

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        if flags[0] & apsw.SQLITE_OPEN_MAIN_DB:
            return _Pages(self._base, name, flags, *self._work)
        return super().xOpen(name, flags)


class _Pages(apsw.VFSFile):
    def __init__(
        self, base: str, name: str | apsw.URIFilename | None, flags: list[int], report: Report, checked_from: int
    ) -> None:
        super().__init__(base, name, flags)
        self._read_only = bool(flags[0] & apsw.SQLITE_OPEN_READONLY)
        self._report, self._checked_from = report, checked_from
        self._checked = False

    def xLock(self, level: int) -> None:  # noqa: N802
        try:
            super().xLock(level)
        except apsw.IOError as error:
            if not self._read_only:
                raise
            # A reader tries to tidy the log away as it closes, which it cannot and does not have to.
            raise apsw.BusyError("opened to be read") from error

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        data = super().xRead(amount, offset)
        if offset == 0:
            self._read_header(data)
        if self._checked and amount == PAGE_BYTES == len(data) and data[-RESERVED_BYTES:] != page_checksum(data, offset):
            self._report(offset // PAGE_BYTES + 1)
        return data

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        if offset == 0:
            self._read_header(data)
        if self._checked and len(data) == PAGE_BYTES:
            data = bytes(data[:-RESERVED_BYTES]) + page_checksum(data, offset)
        super().xWrite(data, offset)

    def _read_header(self, data: bytes) -> None:
        if len(data) < _HEADER_BYTES:
            return
        # Either says so; a flipped bit cannot change both.
        recent = int.from_bytes(data[_VERSION], "big") >= self._checked_from
        self._checked = data[_RESERVED] == RESERVED_BYTES or recent
        if self._checked and int.from_bytes(data[_PAGE_SIZE], "big") != PAGE_BYTES:
            self._report(1)


def page_checksum(page: bytes, offset: int) -> bytes:
    """Of a page that stands at `offset`, so that one written in another's place is noticed."""
    digest = hashlib.blake2b(memoryview(page)[:-RESERVED_BYTES], digest_size=RESERVED_BYTES, salt=offset.to_bytes(16, "big"))
    return digest.digest()
