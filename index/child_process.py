"""Runs one of the program's own modules in a child process, so that its memory is returned when it ends.

The child's standard input is a pipe that stays empty. It closes when the parent stops the child or dies, and the child then exits.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

POLL_SECONDS = 0.1


class ChildStopped(Exception):
    """The child was stopped before it finished."""


class ChildFailed(Exception):
    """The child exited with an error; the message is the last line of its standard error."""


def run_module(module: str, arguments: Sequence[object], stopping: Event | None = None) -> None:
    """Run `python -m module arguments` and wait. Raises ChildStopped if `stopping` is set meanwhile, ChildFailed on an error."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with (
        tempfile.TemporaryFile("w+") as stderr,
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=stderr) as process,  # noqa: S603 (our own module, our own arguments)
    ):
        try:
            _wait(process, stopping)
        except BaseException:
            process.kill()
            raise
        stderr.seek(0)
        if process.returncode < 0:
            raise ChildFailed(f"killed by signal {-process.returncode}; check that there is enough memory")
        if process.returncode:
            raise ChildFailed((stderr.read().strip().splitlines() or [f"exit code {process.returncode}"])[-1])


def _wait(process: subprocess.Popen[bytes], stopping: Event | None) -> None:
    if stopping is None:
        process.wait()
        return
    while process.poll() is None:
        if stopping.wait(POLL_SECONDS):
            raise ChildStopped


def main_of_export(export: Callable[[Path, Path], object], *errors: type[Exception]) -> None:
    """The main function of a child whose arguments are a source and a target path. These errors and those of disks become its last line."""
    exit_with_parent()
    source, target = map(Path, sys.argv[1:])
    expected: tuple[type[Exception], ...] = (OSError, *errors)
    try:
        export(source, target)
    except expected as error:
        sys.exit(str(error))


def exit_with_parent() -> None:
    """Exit this child process when its parent ends. Call it first in the child."""

    def watch_stdin() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=watch_stdin, daemon=True).start()
