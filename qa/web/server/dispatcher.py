"""waitress's threads behind the admission: a request is let in or refused before it waits, and work that came too late is not done.

Few requests run at once, because threads that want the interpreter's lock at the same time slow each other down (by a third with
eight of them: docs/decisions/0011-load.md). Who waits for something else meanwhile, a disk or another server, stands aside.
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

# Requests that run at once, without those that stand aside: one computes in Python, the others in the model's runtime.
AT_ONCE = 1 + min(os.cpu_count() or 2, 4)
# Asked by those who watch over the service, also when it has too much to do.
ALWAYS_ADMITTED = frozenset({"/healthz", "/readyz", "/metrics"})


class Overloaded(Error):  # type: ignore[misc]
    code = 503
    reason = "Service Unavailable"


OVERLOADED = Overloaded("More is asked here than can be answered; try again in a second")

_thread = threading.local()


def release_slot() -> None:
    """Let another request run while this one waits for a disk or another server."""
    if given_up := getattr(_thread, "release_slot", None):
        given_up()


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """`threads`: requests that can be inside at once, AT_ONCE of them running. `wait_seconds`: a request that has waited longer is refused
    rather than begun, while others wait behind it.
    """

    def __init__(self, threads: int, admission: Admission, wait_seconds: float) -> None:
        super().__init__()
        self.admission = admission
        self._late_after = wait_seconds
        self._crowd = threads
        self._running = 0
        self._first = 0  # requests at the head of the queue that are always let in, and run whoever else does
        self._refused: SimpleQueue[Any] = SimpleQueue()
        self.set_thread_count(threads)
        threading.Thread(target=self._refuse, name="refusals", daemon=True).start()

    def add_task(self, task: Any) -> None:
        """`task` is a channel whose first request is complete. Called with the channel's lock held, so nothing is answered here."""
        request = task.requests[0]
        request.arrived = time.perf_counter()
        request.admitted = False
        first = request.error is not None or request.path in ALWAYS_ADMITTED
        if not first:
            request.admitted = self.admission.arrive()
            if not request.admitted:
                request.error = OVERLOADED
                self._refused.put(task)
                return
        with self.lock:
            if first:
                self.queue.appendleft(task)
                self._first += 1
            else:
                self.queue.append(task)
            if self._may_begin():
                self.queue_cv.notify()

    def is_late(self, request: Any) -> bool:
        """Whether it waited in vain; where few wait it was the machine that stood still, and it may as well be answered."""
        return len(self.queue) >= self._crowd and time.perf_counter() - request.arrived > self._late_after

    def shutdown(self, cancel_pending: bool = True, timeout: int = 5) -> bool:
        self._refused.put(None)
        return bool(super().shutdown(cancel_pending, timeout))

    def handler_thread(self, thread_no: int) -> None:
        """A thread's whole life; in waitress's own, all threads take requests at any time."""
        _thread.release_slot, _thread.runs = self._release_slot, False
        while (task := self._next(thread_no)) is not None:
            try:
                task.service()
            except BaseException:
                self.logger.exception("Exception when servicing %r", task)

    def _next(self, thread_no: int) -> Any:
        """The next request, when it may begin, once the one before it is over; None when the thread has to end."""
        with self.lock:
            self._end_turn()
            while self.stop_count == 0 and not self._may_begin():
                self.active_count -= 1
                self.queue_cv.wait()
                self.active_count += 1
            if self.stop_count > 0:
                self.active_count -= 1
                self.stop_count -= 1
                self.threads.discard(thread_no)
                self.thread_exit_cv.notify()
                return None
            self._first = max(self._first - 1, 0)
            self._running += 1
            _thread.runs = True
            return self.queue.popleft()

    def _may_begin(self) -> bool:
        return bool(self.queue) and (self._running < AT_ONCE or self._first > 0)

    def _release_slot(self) -> None:
        with self.lock:
            self._end_turn()
            if self._may_begin():
                self.queue_cv.notify()

    def _end_turn(self) -> None:
        """Of the request of this thread, where it has one that does not stand aside."""
        if _thread.runs:
            _thread.runs = False
            self._running -= 1

    def _refuse(self) -> None:
        """In a thread of its own: refusals must not wait for what they are refused for."""
        while (channel := self._refused.get()) is not None:
            try:
                channel.service()
            except Exception:
                self.logger.exception("unforeseen error while refusing a request")
