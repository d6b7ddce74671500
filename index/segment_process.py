"""Builds large segments in a process of their own, of low priority: searches go on as fast, and its memory goes back when it ends.

    python -m index.segment_process STORE FOLDER FINGERPRINT DIMENSION AFTER LAST

Its standard input is never written to: it closes when the parent stops the build, or is no more, and then the process ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from threading import Event

from index.database import Database
from index.segments import Span, write
from index.store import Store
from index.types import StoreError

# Fewer are built in a second or two, and a process takes half of one to start.
FEW = 5_000
NICE = 10
LOOK_SECONDS = 0.1


class BuildStopped(Exception):
    """What was built is thrown away because the program ends."""


def build_segment(
    folder: Path, store: Store, fingerprint: str, dimension: int, span: Span, stopping: Event | None = None
) -> None:
    """Build the segment of a span into an empty folder. Raises BuildStopped, or StoreError where it cannot be built."""
    if store.passages_in(span.after, span.last) <= FEW:
        write(folder, store, fingerprint, dimension, span)
        return
    arguments = [str(store.folder), str(folder), fingerprint, *map(str, (dimension, span.after, span.last))]
    command = [sys.executable, "-m", "index.segment_process", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 (our own module, our own arguments)
        stopped = False
        while process.poll() is None:
            stopped = stopping.wait(LOOK_SECONDS) if stopping else _wait(process)
            if stopped:
                process.kill()
        said = process.stderr.read() if process.stderr else ""
    if stopped:
        raise BuildStopped
    if process.returncode:
        raise StoreError(f"the index could not be built: {said.strip().splitlines()[-1:] or process.returncode}")


def _wait(process: subprocess.Popen[str]) -> bool:
    process.wait()
    return False


def _end_with_the_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    store, folder, fingerprint, *numbers = sys.argv[1:]
    dimension, after, last = map(int, numbers)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    os.nice(NICE)
    write(Path(folder), Store(Database(Path(store), read_only=True)), fingerprint, dimension, Span(after, last))


if __name__ == "__main__":
    main()
