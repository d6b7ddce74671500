"""One of the program's own modules in a process of its own: what it needs of memory goes back when it ends.

Its standard input is never written to: it closes when the parent stops it, or is no more, and then the child ends too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from threading import Event

LOOK_SECONDS = 0.1


class ChildStopped(Exception):
    """It was told to stop before it was done."""


class ChildFailed(Exception):
    """It ended with another exit code than 0; the text is the last line that it said."""


def run(module: str, arguments: Sequence[object], stopping: Event | None = None) -> None:
    """`python -m module arguments`, to its end. Raises ChildStopped when `stopping` is set meanwhile, ChildFailed where it fails."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=said) as process,  # noqa: S603 (our own module, our own arguments)
    ):
        try:
            _wait(process, stopping)
        except BaseException:
            process.kill()
            raise
        said.seek(0)
        if process.returncode < 0:
            raise ChildFailed(f"it was ended by signal {-process.returncode}; was there memory enough?")
        if process.returncode:
            raise ChildFailed((said.read().strip().splitlines() or [f"exit code {process.returncode}"])[-1])


def _wait(process: subprocess.Popen[bytes], stopping: Event | None) -> None:
    if stopping is None:
        process.wait()
        return
    while process.poll() is None:
        if stopping.wait(LOOK_SECONDS):
            raise ChildStopped


def end_with_the_parent() -> None:
    """Called by the child as it begins."""

    def wait() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
