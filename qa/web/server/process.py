"""The server process: bind the address, open the documents while `/healthz` already answers, serve until a signal."""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from waitress.server import create_server

from corpus.types import QuotableError
from qa.assembly import Service, open_to_write, reranker_of, service_of
from qa.ingest.writer import DocumentWriter
from qa.operate.keys import read_keys
from qa.settings.settings import Settings
from qa.web.access.browser import ServedHosts
from qa.web.access.gate import Access, is_loopback, would_refuse
from qa.web.api.documents import MAX_UPLOAD_BYTES
from qa.web.application import create_app
from qa.web.server.admission import Admission
from qa.web.server.channel import channel_class, close_slow_channels
from qa.web.server.dispatcher import Dispatcher
from qa.web.server.draining import StopSignal
from qa.web.server.event_loop import EventLoop
from qa.web.telemetry.observed import Observer, observed_application
from qa.web.telemetry.observers import open_observers
from qa.web.telemetry.request_log import RefusalLog

THREADS = 8
# Most open connections, within the process's limit on file descriptors; each slow client holds one.
CONNECTIONS = 10_000
# File descriptors for everything else.
OTHER_FILES = 200
# Keep-alive between two requests.
IDLE_SECONDS = 60


class CannotServe(QuotableError):
    """The server cannot start."""


class _Opening:
    """Opens the documents in a background thread; meanwhile the server answers that it is not ready."""

    def __init__(self, settings: Settings, say: Callable[[str], None], listening: socket.socket) -> None:
        self.writer: DocumentWriter | None = None
        self.service: Service | None = None
        self.failure: BaseException | None = None
        self._work = (settings, say, listening)

    def start(self) -> None:
        """A failure sends SIGTERM to this process, so the main thread must handle it."""
        threading.Thread(target=self._open, name="open-documents", daemon=True).start()

    def _open(self) -> None:
        settings, say, listening = self._work
        try:
            self.writer = open_to_write(settings, say, fill=True, reranker=reranker_of(settings))
            service = service_of(self.writer, settings)
            if service.worker:
                service.worker.start()
            # These objects stay; without the freeze each full collection would scan them and delay answers by 20 ms.
            gc.collect()
            gc.freeze()
            self.service = service
            say(f"Serving on {_address(listening)} (stop with Ctrl+C)")
        except BaseException as failure:  # noqa: BLE001 - raised again by the main thread
            self.failure = failure
            os.kill(os.getpid(), signal.SIGTERM)

    def close(self) -> None:
        if self.service and self.service.worker:
            self.service.worker.stop()
        if self.writer:
            self.writer.close()


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. Raises QuotableError if the address is taken or the data folder cannot be opened."""
    with open_observers(settings) as observers:
        _serve(settings, say, observers)


def _serve(settings: Settings, say: Callable[[str], None], observers: Sequence[Observer]) -> None:
    listening = _listen(settings.host, settings.port)
    access = _access(settings, listening)
    stop = StopSignal()
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    opening = _Opening(settings, say, listening)
    try:
        opening.start()
        hosts = ServedHosts.at(listening.getsockname()[0], settings.hosts)
        admission = Admission(settings.queue_seconds, THREADS)
        app = create_app(lambda: opening.service, settings, access, hosts, observers, admission)
        server = create_server(
            app,
            _dispatcher=Dispatcher(THREADS, admission, settings.queue_seconds),
            sockets=[listening],
            connection_limit=_connections(),
            max_request_body_size=MAX_UPLOAD_BYTES + 1_000_000,
            cleanup_interval=5,
            channel_timeout=IDLE_SECONDS,
            ident=None,
            **_proxy(settings),
        )
        server.channel_class = channel_class(lambda environ: would_refuse(app, access, environ), observed_application(app))
        server.maintenance = partial(_maintain, server, RefusalLog(admission))
        try:
            stop.run(server, EventLoop(server))
        finally:
            server.close()
    except SystemExit:
        pass  # a signal before the server ran or a second one, or the documents could not be opened
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if access.keys:
            access.keys.flush()
        opening.close()
    if opening.failure:
        raise opening.failure


def _maintain(server: Any, refusals: RefusalLog, now: float) -> None:
    """The server calls this every few seconds."""
    close_slow_channels(server, now)
    refusals.log_new()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        advice = "choose another with --host or --port"
        raise CannotServe(f"cannot serve on {host}:{port}: {error.strerror or error}; {advice}") from error
    return listening


def _access(settings: Settings, listening: socket.socket) -> Access:
    """Raises CannotServe if a key is needed and none exists."""
    access = Access.by(settings, loopback=is_loopback(listening.getsockname()[0]))
    try:
        if not access.local and not access.public and not read_keys(settings.data):
            raise CannotServe(
                f"a key is needed to serve on {settings.host}: create one with"
                f" `qa --data {settings.data} key create --role write --name NAME`, or serve on 127.0.0.1 without"
                " require_key and trusted_proxy"
            )
    except QuotableError:
        listening.close()
        raise
    return access


def _connections() -> int:
    """The most open connections; raises the process's limit on file descriptors for them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY or most > CONNECTIONS + OTHER_FILES:
        most = CONNECTIONS + OTHER_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return most - OTHER_FILES


def _proxy(settings: Settings) -> dict[str, Any]:
    """waitress's options: believe the headers of the trusted proxy; without one, keep them for the access check."""
    if settings.trusted_proxy is None:
        return {"clear_untrusted_proxy_headers": False}
    return {
        "trusted_proxy": settings.trusted_proxy,
        "trusted_proxy_count": 1,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
        "clear_untrusted_proxy_headers": True,
    }


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
