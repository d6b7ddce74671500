"""What was found damaged: told once each, remembered beside the store until a check finds the store whole."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

FILE_NAME = "damage.log"
MOST_REMEMBERED = 1_000


class DamageLog:
    """Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE_NAME
        self._changing = threading.Lock()
        self._found: dict[str, None] = dict.fromkeys(self._remembered())

    @property
    def found(self) -> Sequence[str]:
        """One line each, in the order in which they were found."""
        return tuple(self._found)

    def report(self, what: str) -> None:
        with self._changing:
            if what in self._found or len(self._found) >= MOST_REMEMBERED:
                return
            self._found[what] = None
            if what not in self._remembered():
                # The folder may be what is failing, or not ours to write: what was found is told all the same.
                with suppress(OSError), self._file.open("a", encoding="utf-8") as file:
                    file.write(f"{what}\n")
        log.warning("%s; `qa check` says what to do", what)

    def forget(self) -> None:
        """Begin anew in this process; what is remembered beside the store stays."""
        with self._changing:
            self._found.clear()

    def clear(self) -> None:
        """Everything was found whole."""
        self.forget()
        with suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _remembered(self) -> list[str]:
        try:
            return self._file.read_text("utf-8", errors="replace").splitlines()
        except OSError:
            return []
