"""Serve HTTP in this process: open the documents while `/healthz` already answers, until a signal."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence

from qa.assembly import Service
from qa.memory import return_freed_memory
from qa.settings.settings import Settings
from qa.web.access.browser import ServedHosts
from qa.web.access.gate import Access
from qa.web.application import create_app
from qa.web.server.accepting import Shares
from qa.web.server.admission import Admission, slots_of
from qa.web.server.edge import Edge
from qa.web.server.http_server import HttpServer
from qa.web.server.warm_up import warm_up
from qa.web.telemetry.metrics import Metrics, metrics_of
from qa.web.telemetry.observed import Observer
from qa.web.telemetry.request_log import RefusalLog

# Between two returns of freed memory: under a steady load the free pages of one question's arrays lie between used ones.
TRIM_SECONDS = 60.0


class Opening:
    """Opens the documents in a background thread; meanwhile the server answers that it is not ready."""

    def __init__(self, open_service: Callable[[], Service], ready: Callable[[], None], admission: Admission) -> None:
        self.service: Service | None = None
        self.failure: BaseException | None = None
        self._open_service, self._ready, self._admission = open_service, ready, admission

    def start(self) -> None:
        """A failure sends SIGTERM to this process, so the main thread must handle it."""
        threading.Thread(target=self.open, name="open-documents", daemon=True).start()

    def open(self) -> None:
        try:
            service = self._open_service()
            seconds = warm_up(service.answerer)
            if seconds is not None:
                self._admission.expect(seconds)
            # These objects stay; without the freeze each full collection would scan them and delay answers by 20 ms.
            gc.collect()
            gc.freeze()
            self.service = service
            self._ready()
        except BaseException as failure:  # noqa: BLE001 - raised again by the main thread
            self.failure = failure
            os.kill(os.getpid(), signal.SIGTERM)


class Upkeep:
    """What a server does every few seconds beside answering."""

    def __init__(self, refusals: RefusalLog, metrics: Metrics) -> None:
        self._refusals, self._metrics = refusals, metrics
        self._trimmed = time.monotonic()

    def __call__(self) -> None:
        self._refusals.log_new()
        self._metrics.publish()
        if time.monotonic() - self._trimmed > TRIM_SECONDS:
            return_freed_memory()
            self._trimmed = time.monotonic()


def serve_http(
    settings: Settings,
    listening: socket.socket,
    access: Access,
    observers: Sequence[Observer],
    open_service: Callable[[], Service],
    ready: Callable[[], None],
    shares: Shares,
    is_ready: Callable[[], bool] = lambda: True,
    answers_at_once: bool = True,
) -> None:
    """Serve until SIGINT or SIGTERM. Raises what `open_service` raises.

    `ready`: called once this process can answer questions. `is_ready`: whether the others can too; until then it answers none.
    `answers_at_once`: accept connections while the documents are being opened, and say so; otherwise leave them to the other processes.
    """
    slots = slots_of(settings.workers)
    admission = Admission(settings.queue_seconds, slots)
    opening = Opening(open_service, ready, admission)
    hosts = ServedHosts.at(listening.getsockname()[0], settings.served_names)
    app = create_app(lambda: opening.service if is_ready() else None, settings, access, hosts, observers, admission)
    edge = Edge(app, access, admission, slots, settings.queue_seconds, settings.trusted_proxy)
    server = HttpServer(edge, Upkeep(RefusalLog(admission), metrics_of(app)), shares)
    try:
        with server.handling_signals():
            if answers_at_once:
                opening.start()
            else:
                opening.open()
            server.run([listening])
    except SystemExit:
        pass  # a signal before the server ran, or the documents could not be opened
    finally:
        if access.keys:
            access.keys.flush()
    if opening.failure:
        raise opening.failure
