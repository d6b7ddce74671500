"""waitress's thread pool behind the admission: refuse a request before it waits, and drop one that waited too long.

Few requests run at once, because threads that compete for the interpreter's lock slow each other down (by a third with eight of
them: docs/decisions/0011-load.md). A request that waits for a disk or another server releases its slot meanwhile.
"""

from __future__ import annotations

import os
import threading
import time
from queue import SimpleQueue
from typing import Any

from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import Error

from qa.web.server.admission import Admission

# Slots for running requests: one computes in Python, the others in the model's runtime.
SLOTS = 1 + min(os.cpu_count() or 2, 4)
# Routes of monitoring, which must be answered under overload too.
ALWAYS_ADMITTED = frozenset({"/healthz", "/readyz", "/metrics"})


class Overloaded(Error):  # type: ignore[misc]
    code = 503
    reason = "Service Unavailable"


OVERLOADED = Overloaded("Server overloaded; retry in 1 second")

_thread = threading.local()


def release_slot() -> None:
    """Let another request run while this one waits for a disk or another server."""
    if release := getattr(_thread, "release_slot", None):
        release()


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Runs requests in `threads` threads, SLOTS of them at once. While the queue is long, refuses those that waited `wait_seconds`."""

    def __init__(self, threads: int, admission: Admission, wait_seconds: float) -> None:
        super().__init__()
        self.admission = admission
        self._wait_seconds = wait_seconds
        self._long_queue = threads
        self._running = 0
        self._priority = 0  # requests at the head of the queue that need no slot
        self._refused: SimpleQueue[Any] = SimpleQueue()
        self.set_thread_count(threads)
        threading.Thread(target=self._send_refusals, name="refusals", daemon=True).start()

    def add_task(self, task: Any) -> None:
        """`task` is a channel with a complete request. Called with the channel's lock held, so a refusal is sent by another thread."""
        request = task.requests[0]
        request.arrived = time.perf_counter()
        request.admitted = False
        has_priority = request.error is not None or request.path in ALWAYS_ADMITTED
        if not has_priority:
            request.admitted = self.admission.admit()
            if not request.admitted:
                request.error = OVERLOADED
                self._refused.put(task)
                return
        with self.lock:
            if has_priority:
                self.queue.appendleft(task)
                self._priority += 1
            else:
                self.queue.append(task)
            if self._can_start():
                self.queue_cv.notify()

    def is_late(self, request: Any) -> bool:
        """Whether the request waited too long. With a short queue it was the machine that stalled, and the request is still answered."""
        return len(self.queue) >= self._long_queue and time.perf_counter() - request.arrived > self._wait_seconds

    def shutdown(self, cancel_pending: bool = True, timeout: int = 5) -> bool:
        self._refused.put(None)
        return bool(super().shutdown(cancel_pending, timeout))

    def handler_thread(self, thread_no: int) -> None:
        """A thread's main function. waitress's own lets every thread take a request at any time."""
        _thread.release_slot, _thread.has_slot = self._release_slot, False
        while (task := self._next_task(thread_no)) is not None:
            try:
                task.service()
            except BaseException:
                self.logger.exception("Exception when servicing %r", task)

    def _next_task(self, thread_no: int) -> Any:
        """Release this thread's slot, then wait for a task that can start. None: the thread must end."""
        with self.lock:
            self._free_slot()
            while self.stop_count == 0 and not self._can_start():
                self.active_count -= 1
                self.queue_cv.wait()
                self.active_count += 1
            if self.stop_count > 0:
                self.active_count -= 1
                self.stop_count -= 1
                self.threads.discard(thread_no)
                self.thread_exit_cv.notify()
                return None
            self._priority = max(self._priority - 1, 0)
            self._running += 1
            _thread.has_slot = True
            return self.queue.popleft()

    def _can_start(self) -> bool:
        return bool(self.queue) and (self._running < SLOTS or self._priority > 0)

    def _release_slot(self) -> None:
        with self.lock:
            self._free_slot()
            if self._can_start():
                self.queue_cv.notify()

    def _free_slot(self) -> None:
        """Of this thread's request, unless it has released it already. Call with the lock held."""
        if _thread.has_slot:
            _thread.has_slot = False
            self._running -= 1

    def _send_refusals(self) -> None:
        """Runs in a thread of its own: refusals must not wait for a slot."""
        while (channel := self._refused.get()) is not None:
            try:
                channel.service()
            except Exception:
                self.logger.exception("unexpected error while refusing a request")
