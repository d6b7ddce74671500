"""Return freed memory to the operating system. glibc otherwise keeps free pages between used ones for the life of the process."""

from __future__ import annotations

import ctypes


def return_freed_memory() -> None:
    """Call malloc_trim(3). Takes milliseconds after large frees, else half of one; does nothing on macOS and musl."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
