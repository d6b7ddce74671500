"""One reader process and the pipes to it.

The process is a Python interpreter with an empty environment and no network, which may not write or start processes. Its memory, CPU
time, wall-clock time and output are limited.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from corpus.sandbox.child import OUT_OF_MEMORY
from corpus.sandbox.wire import from_line
from corpus.types import Document, ReadFailure

MB = 1024 * 1024
_CHUNK = 256 * 1024
_ROOT = str(Path(__file__).resolve().parent.parent.parent)
_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from corpus.sandbox.child import main; main(*map(int, sys.argv[2:]))"
# One thread per library: stacks of more would use up the address space.
_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "MALLOC_ARENA_MAX": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits per file. The largest of 298 real documents took 1.5 s and 0.3 GB, including interpreter and libraries."""

    memory_bytes: int = 1024 * MB
    cpu_seconds: int = 60
    wall_seconds: float = 120.0
    input_bytes: int = 256 * MB
    output_bytes: int = 512 * MB
    document_bytes: int = 64 * MB
    records: int = 1_000_000
    files_per_process: int = 200


# Tesseract needs two to six seconds and 0.2 GB for a page of A4.
OCR_LIMITS = Limits(cpu_seconds=6_000, wall_seconds=12_000.0)


class ReadingFailed(Exception):
    """A file could not be read; the message, after the file's name, is the reason to report."""


class ProcessEnded(ReadingFailed):
    """The process ended by itself. `crashed`: for no known reason, as opposed to a limit of memory or time."""

    def __init__(self, reason: str, *, crashed: bool = False) -> None:
        super().__init__(reason)
        self.crashed = crashed


class ReaderProcess:
    """Not thread safe: used by one caller at a time."""

    def __init__(self, limits: Limits) -> None:
        self.files = 0
        self._limits = limits
        self._buffer = bytearray()
        self._received = 0
        self._seconds_left = 0.0
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter with fixed arguments
            [sys.executable, "-I", "-c", _PROGRAM, _ROOT, str(limits.memory_bytes), str(limits.cpu_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_ENVIRONMENT,
            bufsize=0,
            start_new_session=True,
        )
        self._input = cast(IO[bytes], self._process.stdin).fileno()
        self._output = cast(IO[bytes], self._process.stdout).fileno()
        os.set_blocking(self._input, False)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """Kill the process and close its pipes."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def read(self, content: bytes, name: str, *, ocr: bool = False) -> Iterator[Document | ReadFailure]:
        """Yield the documents of a file. `ocr`: also of images of text.

        Raises ReadingFailed if the process ends, exceeds a limit or sends invalid output.
        """
        for records, line in enumerate(self.lines({"name": name, "ocr": ocr}, content), start=1):
            if records > self._limits.records:
                raise ReadingFailed(f"has more than {self._limits.records} records; split it first")
            try:
                yield from_line(line)
            except ValueError as error:
                raise ReadingFailed("made its reader send invalid output; skipped") from error

    def lines(self, request: Mapping[str, Any], content: bytes) -> Iterator[bytes]:
        """Yield the lines of the response to a request. Raises ReadingFailed as `read` does."""
        self.files += 1
        self._received, self._seconds_left = 0, self._limits.wall_seconds
        self._send(json.dumps({**request, "size": len(content)}).encode() + b"\n")
        self._send(content)
        while line := self._receive_line():
            yield line

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._input, select.POLLOUT)
            try:
                view = view[os.write(self._input, view[:_CHUNK]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self._ended() from None

    def _receive_line(self) -> bytes:
        """The next line without its line feed."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > self._limits.document_bytes:
                raise ReadingFailed(
                    f"has a document with more than {self._limits.document_bytes // MB} MB of text; split it first"
                )
            self._wait(self._output, select.POLLIN)
            chunk = os.read(self._output, _CHUNK)
            if not chunk:
                raise self._ended()
            self._buffer += chunk
            self._received += len(chunk)
            if self._received > self._limits.output_bytes:
                raise ReadingFailed(f"has more than {self._limits.output_bytes // MB} MB of text; split it first")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _wait(self, pipe: int, event: int) -> None:
        """Wait until the pipe is ready. Only this time counts: the caller may take its own between documents."""
        start = time.monotonic()
        poll = select.poll()
        poll.register(pipe, event)
        ready = poll.poll(max(self._seconds_left, 0) * 1000)
        self._seconds_left -= time.monotonic() - start
        if not ready:
            raise ReadingFailed(f"takes longer than {self._limits.wall_seconds:g} seconds to read; split or simplify it")

    def _ended(self) -> ProcessEnded:
        try:
            code = self._process.wait(timeout=max(self._seconds_left, 1.0))
        except subprocess.TimeoutExpired:
            return ProcessEnded("stopped its reader; it is probably damaged", crashed=True)
        memory = self._limits.memory_bytes // MB
        if code == OUT_OF_MEMORY or code in (-signal.SIGABRT, -signal.SIGTRAP):
            return ProcessEnded(f"needs more than {memory} MB of memory; split or simplify it")
        if code == -signal.SIGXCPU:
            return ProcessEnded(f"takes more than {self._limits.cpu_seconds} seconds of CPU time to read; split or simplify it")
        reason = f"ended its reader ({_exit_name(code)}); it is damaged or needs more than {memory} MB of memory"
        return ProcessEnded(reason, crashed=True)


def _exit_name(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
