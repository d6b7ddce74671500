"""The heaps of a process whose C library is glibc, beside its first one."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")


def further_heaps(process: int | str = "self") -> int:
    """glibc reserves 64 MB, at a multiple of that, for each."""
    lines = Path(f"/proc/{process}/maps").read_text().splitlines()
    return sum(int(line.split("-")[0], 16) % 2**26 == 0 and len(line.split()) == 5 and "rw" in line for line in lines)
