"""Log of damage found in a store. Each line is logged once, and kept beside the store until a check finds the store intact."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

FILE_NAME = "damage.log"
MAX_LINES = 1_000


class DamageLog:
    """Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE_NAME
        self._lock = threading.Lock()
        self._found: dict[str, None] = dict.fromkeys(self._read())

    @property
    def found(self) -> Sequence[str]:
        """Lines in the order of their discovery."""
        return tuple(self._found)

    def report(self, line: str) -> None:
        with self._lock:
            if line in self._found or len(self._found) >= MAX_LINES:
                return
            self._found[line] = None
            if line not in self._read():
                # The folder may be unwritable or on the failing disk; the line is logged all the same.
                with suppress(OSError), self._file.open("a", encoding="utf-8") as file:
                    file.write(f"{line}\n")
        log.warning("%s; run `qa check` for what to do", line)

    def forget(self) -> None:
        """Forget the lines in this process; the file stays."""
        with self._lock:
            self._found.clear()

    def clear(self) -> None:
        """Forget the lines and delete the file."""
        self.forget()
        with suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _read(self) -> list[str]:
        try:
            return self._file.read_text("utf-8", errors="replace").splitlines()
        except OSError:
            return []
