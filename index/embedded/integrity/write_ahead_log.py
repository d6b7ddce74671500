"""Is SQLite's write-ahead log whole? SQLite itself ends at the first frame that is not, and tells nobody what came after.

The format: https://www.sqlite.org/fileformat.html, 4. A process that was killed, or a machine that lost power, may leave the frames of
one write cut off, and those were not acknowledged; anything beyond that is damage.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
_MAGIC = {0x377F0682: "<u4", 0x377F0683: ">u4"}  # and how its checksums read the words

Words = NDArray[np.uint32]


class State(Enum):
    WHOLE = "whole"
    CUT_OFF = "cut off"  # within its last write, which was not acknowledged unless the file was altered since
    DAMAGED = "damaged"


class _Sums(NamedTuple):
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class _Frame:
    salts: bytes
    commits: bool
    valid: bool


def state(path: Path) -> State:
    """Of the log at `path`; a missing or empty one is whole. Nobody may be writing it. Raises OSError."""
    try:
        log = path.read_bytes()
    except FileNotFoundError:
        return State.WHOLE
    if not log:
        return State.WHOLE
    order = _MAGIC.get(int.from_bytes(log[:4], "big"))
    if len(log) < HEADER_BYTES:
        return State.CUT_OFF
    sums = _sums(log[:24], order, _Sums(0, 0)) if order else None
    if order is None or sums is None or not _matches(log[24:32], sums):
        return State.DAMAGED  # it is synced before any frame is written
    return _state_of_frames(log, order, sums)


def _state_of_frames(log: bytes, order: str, sums: _Sums) -> State:
    page_bytes = int.from_bytes(log[8:12], "big")
    salts = log[16:24]
    broken, commits_beyond, alike = False, 0, False
    for start in range(HEADER_BYTES, len(log) - FRAME_HEADER_BYTES - page_bytes + 1, FRAME_HEADER_BYTES + page_bytes):
        header = log[start : start + FRAME_HEADER_BYTES]
        if not broken:
            body = log[start + FRAME_HEADER_BYTES : start + FRAME_HEADER_BYTES + page_bytes]
            sums = _sums(header[:8] + body, order, sums)
            if header[8:16] == salts and _matches(header[16:24], sums):
                continue
            broken = True
        # Frames of an earlier round have two other salts; one that shares half of ours was ours.
        ours = header[8:12] == salts[:4] or header[12:16] == salts[4:]
        alike = alike or ours
        commits_beyond += ours and header[4:8] != bytes(4)
    if commits_beyond > 1:
        return State.DAMAGED
    return State.CUT_OFF if alike else State.WHOLE


def _matches(stored: bytes, sums: _Sums) -> bool:
    return stored == sums.first.to_bytes(4, "big") + sums.second.to_bytes(4, "big")


def _sums(data: bytes, order: str, before: _Sums) -> _Sums:
    """SQLite's: for every two words, `first += word + second; second += next word + first`, modulo 2**32; a linear map, so one product."""
    words = np.frombuffer(data, order).astype(np.uint32)
    first, second = words[0::2], words[0::2] + words[1::2]
    powers = _powers(len(first))
    start = np.array(before, np.uint32)
    totals = []
    for row in powers:
        sums = (row[0, :-1] * first[::-1] + row[1, :-1] * second[::-1], row[:, -1] * start)
        totals.append(sum(int(part.sum(dtype=np.uint32)) for part in sums) & 0xFFFFFFFF)
    return _Sums(*totals)


@cache
def _powers(steps: int) -> NDArray[np.uint32]:
    """(2, 2, steps + 1): the k-th powers of [[1, 1], [1, 2]], which is what one step does to both sums."""
    powers = np.empty((2, 2, steps + 1), np.uint32)
    a, b, c, d = 1, 0, 0, 1
    for step in range(steps + 1):
        powers[:, :, step] = (a, b), (c, d)
        a, b, c, d = (value & 0xFFFFFFFF for value in (a + c, b + d, a + 2 * c, b + 2 * d))
    return powers
