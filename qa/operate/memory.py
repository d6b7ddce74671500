"""Memory that was freed goes back to the system: glibc keeps it, in pieces between what is in use, for as long as a process lives."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Some milliseconds after much was freed, half a one after little. Does nothing where the C library cannot (macOS, musl).

    malloc_trim(3): whole free pages of every arena, not only those at its end.
    """
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
