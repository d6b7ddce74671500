"""One process that writes the data folder and several that answer; a process that dies is replaced.

The processes share the listening socket, the token buckets of the rate limits, a folder of metrics and a flag for each of them. The
supervisor itself only waits: for the end of a process, and for the signal that ends all.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from corpus.types import QuotableError
from qa.assembly import Service, open_to_share, open_to_write, worker_of
from qa.memory import share_one_heap
from qa.operate import logs
from qa.settings.reading import sharing_metrics
from qa.settings.settings import Settings
from qa.web.access.gate import Access, is_loopback
from qa.web.access.quotas import BUCKETS_BYTES, SharedBuckets
from qa.web.server.accepting import NOT_OPEN, Shares
from qa.web.server.http_server import DRAIN_SECONDS
from qa.web.server.serving import serve_http
from qa.web.telemetry.metrics import forget_process, publisher_of, use_shared_metrics
from qa.web.telemetry.observers import open_observers

POLL_SECONDS = 0.1
# Between two starts of a process, so that one that always ends does not use a core.
RESTART_SECONDS = 1.0
# For the document that is being stored, after a signal.
WRITER_SECONDS = 15.0
WRITER = 0  # the number of the process that writes; the others answer
# By every process, which share them if the supervisor has imported them.
IMPORTED_ON_USE = ("onnxruntime", "pycld2", "tokenizers")
STOPPING = {signal.SIGTERM, signal.SIGINT}

# Forked processes share what the supervisor has imported, 50 MB. It runs no other thread and opens no document, model or database, so
# that nothing is lost in a fork. macOS's own libraries do not support forks.
_context = multiprocessing.get_context("fork") if sys.platform == "linux" else multiprocessing.get_context("spawn")
log = logging.getLogger(__name__)

Say = Callable[[str], None]


class ProcessFailed(QuotableError):
    """A process could not start."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What every process gets. `open`: a flag for each process, set once it has opened the data folder. `connections`: that each has."""

    settings: Settings
    say: Say
    listening: socket.socket
    open: Any
    connections: Any
    buckets: SharedBuckets

    def is_ready(self) -> bool:
        return all(self.open)


@dataclass(slots=True)
class _Child:
    process: BaseProcess
    failure: Connection  # a message if it could not start
    started: float = field(default_factory=time.monotonic)


def supervise(settings: Settings, say: Say, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM. `ready`: called once all processes can answer. Raises ProcessFailed if one could not start."""
    with sharing_metrics(), tempfile.TemporaryFile() as file:
        file.truncate(BUCKETS_BYTES)
        flags = _context.RawArray("b", settings.workers + 1)
        connections = _context.RawArray("i", [NOT_OPEN] * len(flags))
        for name in IMPORTED_ON_USE:
            import_module(name)
        gc.freeze()  # or each process's first collection would copy the pages that it scans
        _Supervisor(Shared(settings, say, listening, flags, connections, SharedBuckets(file.fileno())), ready).run()


class _Supervisor:
    def __init__(self, shared: Shared, ready: Callable[[], None]) -> None:
        self._shared, self._ready = shared, ready
        self._signals = 0
        self._children: list[_Child] = []

    def run(self) -> None:
        before = {number: signal.signal(number, self._count_signal) for number in STOPPING}
        try:
            self._children = [self._start(number) for number in range(len(self._shared.open))]
            while not self._signals and not self._shared.is_ready():
                self._wait()
            if not self._signals:
                self._ready()
            while not self._signals:
                self._wait()
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _count_signal(self, *_: object) -> None:
        self._signals += 1

    def _start(self, number: int) -> _Child:
        receiving, sending = _context.Pipe(duplex=False)
        name = "writer" if number == WRITER else f"worker {number}"
        process = _context.Process(target=_run, args=(self._shared, number, sending), name=name)
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # until the process has handlers of its own
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        sending.close()
        return _Child(process, receiving)

    def _wait(self) -> None:
        """Wait a moment; replace the processes that ended meanwhile."""
        wait([child.process.sentinel for child in self._children], POLL_SECONDS)
        for number, child in enumerate(self._children):
            if child.process.is_alive() or self._signals:
                continue
            self._shared.connections[number] = NOT_OPEN
            self._report_end(child)
            time.sleep(max(child.started + RESTART_SECONDS - time.monotonic(), 0))
            self._children[number] = self._start(number)

    def _report_end(self, child: _Child) -> None:
        """Raises ProcessFailed if the service cannot start."""
        process, failure = child.process, None
        with suppress(EOFError):
            failure = child.failure.recv()
        child.failure.close()
        if (process.exitcode or 0) > 0 and not self._shared.is_ready():
            raise ProcessFailed(failure or f"the {process.name} process could not start; the log has the details")
        log.error(
            "the %s process ended with code %s and is started again%s",
            process.name,
            process.exitcode,
            f": {failure}" if failure else "",
        )
        forget_process(process.pid or 0)

    def _stop(self) -> None:
        """Let the workers answer the requests that they have received, then the writer finish its document."""
        self._shared.listening.close()
        for children, seconds in ((self._children[1:], DRAIN_SECONDS + 2.0), (self._children[:1], WRITER_SECONDS)):
            for child in children:
                child.process.terminate()
            end = time.monotonic() + seconds
            while self._signals < 2 and time.monotonic() < end and any(child.process.is_alive() for child in children):
                wait([child.process.sentinel for child in children if child.process.is_alive()], POLL_SECONDS)
            for child in children:
                child.process.kill()
                child.process.join()


def _run(shared: Shared, number: int, failure: Connection) -> None:
    """A process's main function."""
    share_one_heap()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the supervisor passes it on as SIGTERM
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    use_shared_metrics()
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    logs.configure(shared.settings.log_format)
    try:
        if number == WRITER:
            _write(shared)
        else:
            _answer(shared, number)
    except QuotableError as error:
        failure.send(str(error))
        raise SystemExit(1) from None
    except Exception:
        log.critical("unexpected error in a process of the server", exc_info=True)
        raise SystemExit(1) from None


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _write(shared: Shared) -> None:
    shared.listening.close()  # or the kernel would keep connections that no process accepts, once the workers have stopped
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    writer = open_to_write(shared.settings, shared.say, fill=True)
    worker = worker_of(writer, shared.settings, shared.say)
    publish = publisher_of(worker)
    worker.start()
    shared.open[WRITER] = 1
    while not stopping.wait(POLL_SECONDS):  # with a limit, because a signal's handler does not end a wait without one
        publish()
    worker.stop()
    writer.close()


def _answer(shared: Shared, number: int) -> None:
    def open_service() -> Service:
        while not shared.open[WRITER]:  # it creates, repairs and migrates the folder
            time.sleep(POLL_SECONDS / 2)
        return open_to_share(shared.settings, shared.say)

    def set_open() -> None:
        shared.open[number] = 1

    access = Access.by(shared.settings, loopback=is_loopback(shared.listening.getsockname()[0]), buckets=shared.buckets)
    with open_observers(shared.settings) as observers:
        serve_http(
            shared.settings, shared.listening, access, observers, open_service, set_open,
            Shares(shared.connections, number), is_ready=shared.is_ready, answers_at_once=not shared.is_ready(),
        )  # fmt: skip
