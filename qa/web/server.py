"""The HTTP server process: bind, open the documents while health can already be asked, serve until told to stop."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_address
from types import FrameType

from waitress.server import create_server

from corpus.types import QuotableError
from qa.assembly import Service, open_to_write, service_of
from qa.library import Library
from qa.settings import Settings
from qa.web.application import create_app

THREADS = 8
CONNECTIONS = 1000


class CannotServe(QuotableError):
    """The server cannot start."""


class _Opening:
    """Opens the documents in a thread of its own, so that the server can say meanwhile that it is not ready."""

    def __init__(self, settings: Settings, say: Callable[[str], None], listening: socket.socket) -> None:
        self.library: Library | None = None
        self.service: Service | None = None
        self.failure: BaseException | None = None
        self._work = (settings, say, listening)

    def start(self) -> None:
        """Ends the main thread by SIGTERM where it fails, so that must be ready to be ended."""
        threading.Thread(target=self._open, name="open-documents", daemon=True).start()

    def _open(self) -> None:
        settings, say, listening = self._work
        try:
            self.library = open_to_write(settings, say, fill=True)
            service = service_of(self.library, settings)
            if service.worker:
                service.worker.start()
            self.service = service
            say(f"Serving on {_address(listening)} (stop with Ctrl+C)")
        except BaseException as failure:  # noqa: BLE001 - raised again by the main thread, which this ends
            self.failure = failure
            os.kill(os.getpid(), signal.SIGTERM)

    def close(self) -> None:
        if self.service and self.service.worker:
            self.service.worker.stop()
        if self.library:
            self.library.close()


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. Raises QuotableError where the address is taken or the data folder cannot be opened."""
    listening = _listen(settings.host, settings.port)
    before = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGINT)}
    opening = _Opening(settings, say, listening)
    try:
        opening.start()
        server = create_server(
            create_app(lambda: opening.service, settings),
            sockets=[listening],
            threads=THREADS,
            connection_limit=CONNECTIONS,
            asyncore_use_poll=True,
            ident=None,
            clear_untrusted_proxy_headers=True,
        )
        try:
            server.run()  # returns when a signal's SystemExit has stopped its threads
        finally:
            server.close()
    except SystemExit:
        pass  # the signal came before the server ran: from a person, or from documents that could not be opened
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        opening.close()
    if opening.failure:
        raise opening.failure


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        advice = "choose another with --host or --port"
        raise CannotServe(f"cannot serve on {host}:{port}: {error.strerror or error}; {advice}") from error
    address = listening.getsockname()[0]
    if not ip_address(address).is_loopback:
        listening.close()
        raise CannotServe(f"{host} can be reached from other machines, and there are no keys yet: serve on 127.0.0.1 or ::1")
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
