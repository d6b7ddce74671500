"""Keep the memory of a long-lived process small where the C library is glibc. On macOS and musl nothing here does anything."""

from __future__ import annotations

import ctypes

M_ARENA_MAX = -8  # malloc.h


def share_one_heap() -> None:
    """Let all threads allocate from one heap (M_ARENA_MAX of mallopt(3)). Call it before threads start.

    glibc otherwise gives each thread its own, up to eight for each core. What one thread frees between used pieces is then of no use
    to the others, and the process grows for hours.
    """
    if set_option := getattr(ctypes.CDLL(None), "mallopt", None):
        set_option(M_ARENA_MAX, 1)


def return_freed_memory() -> None:
    """Return free pages between used ones to the operating system (malloc_trim(3)); glibc otherwise keeps them for the process's life.

    Takes milliseconds after large frees, else half of one.
    """
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
