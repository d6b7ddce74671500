"""waitress's threads behind the admission: a request is let in or refused before it waits, and work that came too late is not done."""

from __future__ import annotations

import threading
import time
from queue import SimpleQueue
from typing import Any

from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import Error

from qa.web.admission import Admission

# Asked by those who watch over the service, also when it has too much to do.
ALWAYS_ADMITTED = frozenset({"/healthz", "/readyz", "/metrics"})


class Overloaded(Error):  # type: ignore[misc]
    code = 503
    reason = "Service Unavailable"


OVERLOADED = Overloaded("More is asked here than can be answered; try again in a second")


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """`wait_seconds`: a request that has waited longer is refused rather than begun, while others wait behind it."""

    def __init__(self, threads: int, admission: Admission, wait_seconds: float) -> None:
        super().__init__()
        self.admission = admission
        self._late_after = wait_seconds
        self._crowd = threads
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
            else:
                self.queue.append(task)
            self.queue_cv.notify()

    def is_late(self, request: Any) -> bool:
        """Whether it waited in vain; where few wait it was the machine that stood still, and it may as well be answered."""
        return len(self.queue) >= self._crowd and time.perf_counter() - request.arrived > self._late_after

    def shutdown(self, cancel_pending: bool = True, timeout: int = 5) -> bool:
        self._refused.put(None)
        return bool(super().shutdown(cancel_pending, timeout))

    def _refuse(self) -> None:
        """In a thread of its own: refusals must not wait for what they are refused for."""
        while (channel := self._refused.get()) is not None:
            try:
                channel.service()
            except Exception:
                self.logger.exception("unforeseen error while refusing a request")
