"""Check SQLite's write-ahead log. SQLite itself stops at the first invalid frame and silently drops the frames after it.

Format: https://www.sqlite.org/fileformat.html, 4. A killed process or a power loss can leave the frames of one unacknowledged write
incomplete; anything beyond that is damage.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
_WORD_TYPES = {0x377F0682: "<u4", 0x377F0683: ">u4"}  # by magic number: byte order of the words in a checksum

Words = NDArray[np.uint32]


class State(Enum):
    INTACT = "intact"
    INCOMPLETE = "incomplete"  # within the last write, which was not acknowledged unless the file was altered since
    DAMAGED = "damaged"


class _Checksum(NamedTuple):
    first: int
    second: int


def read_state(path: Path) -> State:
    """State of the log at `path`, which no process may be writing. A missing or empty log is intact. Raises OSError."""
    try:
        log = path.read_bytes()
    except FileNotFoundError:
        return State.INTACT
    if not log:
        return State.INTACT
    order = _WORD_TYPES.get(int.from_bytes(log[:4], "big"))
    if len(log) < HEADER_BYTES:
        return State.INCOMPLETE
    sums = _checksum(log[:24], order, _Checksum(0, 0)) if order else None
    if order is None or sums is None or not _matches(log[24:32], sums):
        return State.DAMAGED  # the header is synced before any frame is written
    return _state_of_frames(log, order, sums)


def _state_of_frames(log: bytes, order: str, sums: _Checksum) -> State:
    page_bytes = int.from_bytes(log[8:12], "big")
    salts = log[16:24]
    invalid, later_commits, same_round = False, 0, False
    for start in range(HEADER_BYTES, len(log) - FRAME_HEADER_BYTES - page_bytes + 1, FRAME_HEADER_BYTES + page_bytes):
        header = log[start : start + FRAME_HEADER_BYTES]
        if not invalid:
            body = log[start + FRAME_HEADER_BYTES : start + FRAME_HEADER_BYTES + page_bytes]
            sums = _checksum(header[:8] + body, order, sums)
            if header[8:16] == salts and _matches(header[16:24], sums):
                continue
            invalid = True
        # Frames of an earlier round have two other salts. A frame with one of the two belongs to this round and is damaged.
        ours = header[8:12] == salts[:4] or header[12:16] == salts[4:]
        same_round = same_round or ours
        later_commits += ours and header[4:8] != bytes(4)
    if later_commits > 1:
        return State.DAMAGED
    return State.INCOMPLETE if same_round else State.INTACT


def _matches(stored: bytes, sums: _Checksum) -> bool:
    return stored == sums.first.to_bytes(4, "big") + sums.second.to_bytes(4, "big")


def _checksum(data: bytes, order: str, before: _Checksum) -> _Checksum:
    """SQLite's checksum: for every two words, `first += word + second; second += next word + first`, modulo 2**32.

    Each step is a linear map, so the whole is one matrix product.
    """
    words = np.frombuffer(data, order).astype(np.uint32)
    first, second = words[0::2], words[0::2] + words[1::2]
    powers = _powers(len(first))
    start = np.array(before, np.uint32)
    totals = []
    for row in powers:
        sums = (row[0, :-1] * first[::-1] + row[1, :-1] * second[::-1], row[:, -1] * start)
        totals.append(sum(int(part.sum(dtype=np.uint32)) for part in sums) & 0xFFFFFFFF)
    return _Checksum(*totals)


@cache
def _powers(steps: int) -> NDArray[np.uint32]:
    """(2, 2, steps + 1): the k-th powers of [[1, 1], [1, 2]], the matrix of one step."""
    powers = np.empty((2, 2, steps + 1), np.uint32)
    a, b, c, d = 1, 0, 0, 1
    for step in range(steps + 1):
        powers[:, :, step] = (a, b), (c, d)
        a, b, c, d = (value & 0xFFFFFFFF for value in (a + c, b + d, a + 2 * c, b + 2 * d))
    return powers
