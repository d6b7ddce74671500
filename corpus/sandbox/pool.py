"""A pool of reader processes: reads files concurrently and replaces processes that a file has ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from corpus.sandbox.reader_process import MB, OCR_LIMITS, Limits, ProcessEnded, ReaderProcess, ReadingFailed
from corpus.types import Document, ReadFailure


class Sandbox:
    """Reads each file in a confined process; concurrent callers use separate processes.

    Thread safe. A context manager, whose end closes the pool.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._idle: list[ReaderProcess] = []
        self._lock = threading.Lock()
        self._closed = False

    @property
    def max_bytes(self) -> int:
        """The size limit of a file."""
        return self._limits.input_bytes

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the idle processes; a busy one ends after its file."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()

    def read(self, data: bytes | Path, name: str) -> Iterator[Document | ReadFailure]:
        """Yield the documents of a file as they are read. Any error of the file is a ReadFailure, never an exception.

        `name` is only a name. A path is opened in this process, not in the confined one.
        """
        try:
            content = _load(data, name, self._limits.input_bytes)
        except ReadingFailed as failure:
            yield ReadFailure(name, str(failure))
            return
        unread: dict[int, Document | ReadFailure] = {}
        for number, found in enumerate(self._read_without_ocr(content, name)):
            if _has_images_of_text(found):
                unread[number] = found
            else:
                yield found
        if unread:
            yield from _read_by_ocr(content, name, unread)

    def _read_without_ocr(self, content: bytes, name: str) -> Iterator[Document | ReadFailure]:
        process = self._acquire()
        any_found = False
        try:
            for found in self._read_with(process, content, name):
                any_found = True
                yield found
        except ProcessEnded as ended:
            if any_found or process.files == 1:
                yield ReadFailure(name, f"{name} {ended}", crashed=ended.crashed)
            else:
                # The cause may be an earlier file or another process: try again in a new process.
                yield from self._read_in_new_process(content, name)

    def _read_in_new_process(self, content: bytes, name: str) -> Iterator[Document | ReadFailure]:
        try:
            yield from self._read_with(ReaderProcess(self._limits), content, name)
        except ProcessEnded as ended:
            yield ReadFailure(name, f"{name} {ended}", crashed=ended.crashed)

    def _read_with(self, process: ReaderProcess, content: bytes, name: str) -> Iterator[Document | ReadFailure]:
        """Raises ProcessEnded if the process ends by itself; other errors become failures."""
        finished = False
        try:
            yield from process.read(content, name)
            finished = True
        except ProcessEnded:
            raise
        except ReadingFailed as failure:
            yield ReadFailure(name, f"{name} {failure}")
        finally:
            self._release(process, finished)

    def _acquire(self) -> ReaderProcess:
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox is closed; create another")
            while self._idle:
                process = self._idle.pop()
                if process.is_alive():
                    return process
                process.end()
        return ReaderProcess(self._limits)

    def _release(self, process: ReaderProcess, finished: bool) -> None:
        """Keep a process that finished its file and is below its number of files; end any other."""
        if finished and process.files < self._limits.files_per_process:
            with self._lock:
                if not self._closed:
                    self._idle.append(process)
                    return
        process.end()


def _has_images_of_text(found: Document | ReadFailure) -> bool:
    return found.needs_ocr if isinstance(found, ReadFailure) else "pages_without_text" in found.metadata


def _read_by_ocr(content: bytes, name: str, unread: Mapping[int, Document | ReadFailure]) -> Iterator[Document | ReadFailure]:
    """Read a file again in a process of its own, with limits for OCR. Only what has images of text is yielded.

    `unread`: what was found without OCR, by its place in the file; it is yielded if there is no OCR or it finds no more.
    """
    process = ReaderProcess(OCR_LIMITS)
    left = dict(unread)
    reason = ""
    try:
        for number, found in enumerate(process.read(content, name, ocr=True)):
            before = left.pop(number, None)
            if before is not None:
                yield found if isinstance(found, Document) or not (found.needs_ocr or isinstance(before, Document)) else before
    except ReadingFailed as failure:
        reason = f"{name} {failure}"
    finally:
        process.end()
    for before in left.values():
        yield replace(before, reason=reason) if reason and isinstance(before, ReadFailure) else before


def read_in_sandbox(data: bytes | Path, name: str, limits: Limits | None = None) -> Iterator[Document | ReadFailure]:
    """Read one file in a process of its own, as `Sandbox.read` does. For several files use a Sandbox."""
    with Sandbox(limits) as sandbox:
        yield from sandbox.read(data, name)


def _load(data: bytes | Path, name: str, max_bytes: int) -> bytes:
    if isinstance(data, bytes):
        content = data
    else:
        try:
            with data.open("rb") as file:
                content = file.read(max_bytes + 1)
        except OSError as error:
            raise ReadingFailed(f"{name} cannot be opened: {error.strerror}") from error
    if len(content) > max_bytes:
        raise ReadingFailed(f"{name} is larger than {max_bytes // MB} MB; split it first")
    return content
