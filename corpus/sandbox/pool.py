"""Reads files in limited child processes, so that a hostile file ends as one reported failure and hurts nobody.

A child is a Python of its own with an empty environment, without network, that may not write, may not start processes, and
has bounds on memory, CPU time, wall-clock time and output. It reads many files; after a file that it did not survive, and
after a number of files, it is replaced.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, cast

from corpus.sandbox.child import OUT_OF_MEMORY
from corpus.sandbox.wire import from_line
from corpus.types import Document, ReadFailure

_MB = 1024 * 1024
_CHUNK = 256 * 1024
_ROOT = str(Path(__file__).resolve().parent.parent.parent)
_START = "import sys; sys.path.insert(0, sys.argv[1]); from corpus.sandbox.child import main; main(*map(int, sys.argv[2:]))"
# One thread a library, so that their stacks do not use up the address space.
_ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost. The largest of 298 messy documents took 1.5 s and 0.3 GB, interpreter and libraries included."""

    memory_bytes: int = 1024 * _MB
    cpu_seconds: int = 60
    wall_seconds: float = 120.0
    input_bytes: int = 256 * _MB
    output_bytes: int = 512 * _MB
    document_bytes: int = 64 * _MB
    records: int = 1_000_000
    files_per_worker: int = 200


class _Failed(Exception):
    """The worker cannot go on with this file; the message is the reason to report."""


class _Died(_Failed):
    """The worker ended by itself."""


class Sandbox:
    """Reads files one after the other in one child, or at the same time in as many children as there are callers.

    Thread safe. A context manager: at its end all children are ended.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._closed = False

    @property
    def most_bytes(self) -> int:
        """How large a file may be."""
        return self._limits.input_bytes

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the children that are idle now; those still reading are ended when their file is done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()

    def read(self, data: bytes | Path, name: str) -> Iterator[Document | ReadFailure]:
        """What the file holds, as it is found; whatever is wrong with it ends as a ReadFailure, never as an exception.

        `name` is only a name; a path is opened by the caller's process, not by the child.
        """
        try:
            content = _content(data, name, self._limits)
        except _Failed as failed:
            yield ReadFailure(name, str(failed))
            return
        worker = self._worker()
        found_any = False
        try:
            for found in self._read_in(worker, content, name):
                found_any = True
                yield found
        except _Died as died:
            if found_any or worker.files == 1:
                yield ReadFailure(name, f"{name} {died}")
            else:
                # What earlier files left behind may have ended it, or something outside: a new worker tells.
                yield from self._read_in_new_worker(content, name)

    def _read_in_new_worker(self, content: bytes, name: str) -> Iterator[Document | ReadFailure]:
        try:
            yield from self._read_in(_Worker(self._limits), content, name)
        except _Died as died:
            yield ReadFailure(name, f"{name} {died}")

    def _read_in(self, worker: _Worker, content: bytes, name: str) -> Iterator[Document | ReadFailure]:
        """Raise _Died where the worker ends by itself; any other failure is the file's."""
        finished = False
        try:
            yield from worker.read(content, name)
            finished = True
        except _Died:
            raise
        except _Failed as failed:
            yield ReadFailure(name, f"{name} {failed}")
        finally:
            self._give_back(worker, finished)

    def _worker(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox is closed; make another")
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive():
                    return worker
                worker.end()
        return _Worker(self._limits)

    def _give_back(self, worker: _Worker, finished: bool) -> None:
        """Keep a worker that is in step with us and has not read its share of files."""
        if finished and worker.files < self._limits.files_per_worker:
            with self._lock:
                if not self._closed:
                    self._idle.append(worker)
                    return
        worker.end()


def read_in_sandbox(data: bytes | Path, name: str, limits: Limits | None = None) -> Iterator[Document | ReadFailure]:
    """Read one file in a child of its own: see `Sandbox.read`. For more than one file, use a Sandbox."""
    with Sandbox(limits) as sandbox:
        yield from sandbox.read(data, name)


def _content(data: bytes | Path, name: str, limits: Limits) -> bytes:
    too_large = f"{name} is larger than the {limits.input_bytes // _MB} MB that are read; divide it first"
    if isinstance(data, bytes):
        if len(data) > limits.input_bytes:
            raise _Failed(too_large)
        return data
    try:
        with data.open("rb") as file:
            content = file.read(limits.input_bytes + 1)
    except OSError as error:
        raise _Failed(f"{name} cannot be opened: {error.strerror}") from error
    if len(content) > limits.input_bytes:
        raise _Failed(too_large)
    return content


class _Worker:
    """One child and the pipes to it. Not thread safe: it belongs to one caller at a time."""

    def __init__(self, limits: Limits) -> None:
        self.files = 0
        self._limits = limits
        self._buffer = bytearray()
        self._received = 0
        self._seconds_left = 0.0
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of our own
            [sys.executable, "-I", "-c", _START, _ROOT, str(limits.memory_bytes), str(limits.cpu_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_ENVIRONMENT,
            bufsize=0,
            start_new_session=True,
        )
        # Both are there: pipes were asked for.
        self._input, self._output = (
            cast(IO[bytes], self._process.stdin).fileno(),
            cast(IO[bytes], self._process.stdout).fileno(),
        )
        os.set_blocking(self._input, False)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """End the child, whatever it is doing."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def read(self, content: bytes, name: str) -> Iterator[Document | ReadFailure]:
        """Raise _Failed where the child dies, takes too long or says too much."""
        self.files += 1
        self._received, self._seconds_left = 0, self._limits.wall_seconds
        header = json.dumps({"name": name, "size": len(content)}).encode() + b"\n"
        self._send(header)
        self._send(content)
        records = 0
        while line := self._line():
            records += 1
            if records > self._limits.records:
                raise _Failed(f"holds more than {self._limits.records} records; divide it first")
            try:
                yield from_line(line)
            except ValueError as error:
                raise _Failed("set off something in its reader that no document does; it was not read") from error

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._input, select.POLLOUT)
            try:
                view = view[os.write(self._input, view[:_CHUNK]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise _Died(self._reason_of_death()) from None

    def _line(self) -> bytes:
        """The next line without its line feed."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > self._limits.document_bytes:
                raise _Failed(f"holds a document of more than {self._limits.document_bytes // _MB} MB of text; divide it first")
            self._wait(self._output, select.POLLIN)
            chunk = os.read(self._output, _CHUNK)
            if not chunk:
                raise _Died(self._reason_of_death())
            self._buffer += chunk
            self._received += len(chunk)
            if self._received > self._limits.output_bytes:
                raise _Failed(f"holds more than {self._limits.output_bytes // _MB} MB of text; divide it first")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _wait(self, pipe: int, what: int) -> None:
        """Until the child takes or gives something. Only waiting counts: a caller may take its time with what it got."""
        started = time.monotonic()
        poll = select.poll()
        poll.register(pipe, what)
        ready = poll.poll(max(self._seconds_left, 0) * 1000)
        self._seconds_left -= time.monotonic() - started
        if not ready:
            raise _Failed(f"takes longer than {self._limits.wall_seconds:g} seconds to read; divide or simplify it")

    def _reason_of_death(self) -> str:
        try:
            code = self._process.wait(timeout=max(self._seconds_left, 1.0))
        except subprocess.TimeoutExpired:
            return "broke off its reading; it is probably damaged"
        if code == OUT_OF_MEMORY or code in (-signal.SIGABRT, -signal.SIGTRAP):
            return f"needs more than {self._limits.memory_bytes // _MB} MB of memory; divide or simplify it"
        if code == -signal.SIGXCPU:
            return f"takes more than {self._limits.cpu_seconds} seconds of computing to read; divide or simplify it"
        return f"ended its reader ({_name_of(code)}); it is damaged, or needs more than {self._limits.memory_bytes // _MB} MB"


def _name_of(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
