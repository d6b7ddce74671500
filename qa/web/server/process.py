"""`qa serve`: bind the address, check who may call, and serve until a signal."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack

from corpus.types import QuotableError
from qa.assembly import Service, open_to_write, reranker_of, service_of
from qa.memory import share_one_heap
from qa.operate.keys import read_keys
from qa.operate.state import state_files_of
from qa.settings.reading import ensure_temporary_folder
from qa.settings.settings import Settings
from qa.web.access.gate import Access, is_loopback
from qa.web.server.accepting import Shares
from qa.web.server.serving import serve_http
from qa.web.server.supervisor import supervise
from qa.web.telemetry.observers import open_observers

# Milliseconds after which the kernel drops a client that reads nothing of its response; where it can (Linux).
READING_MILLISECONDS = 30_000


class CannotServe(QuotableError):
    """The server cannot start."""


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. Raises QuotableError if the address is taken or the data folder cannot be opened."""
    share_one_heap()
    with ExitStack() as closing:
        listening = closing.enter_context(_listen(settings.host, settings.port))
        access = _access(settings, listening)
        ensure_temporary_folder(settings.data)
        if settings.workers > 1:
            supervise(settings, say, listening, lambda: say(_served_at(listening)))
            return
        observers = closing.enter_context(open_observers(settings))

        def open_service() -> Service:
            writer = open_to_write(settings, say, fill=True, reranker=reranker_of(settings))
            closing.callback(writer.close)
            service = service_of(writer, settings, say)
            if service.worker:
                service.worker.start()
                closing.callback(service.worker.stop)
            return service

        serve_http(settings, listening, access, observers, open_service, lambda: say(_served_at(listening)), Shares([0], 0))


def _served_at(listening: socket.socket) -> str:
    """The message that the service is ready."""
    host, port = listening.getsockname()[:2]
    return f"Serving on http://{f'[{host}]' if ':' in host else host}:{port} (stop with Ctrl+C)"


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, READING_MILLISECONDS)
        listening.bind(address)
    except OSError as error:
        advice = "choose another with --host or --port"
        raise CannotServe(f"cannot serve on {host}:{port}: {error.strerror or error}; {advice}") from error
    return listening


def _access(settings: Settings, listening: socket.socket) -> Access:
    """Raises CannotServe if a key is needed and none exists."""
    access = Access.by(settings, loopback=is_loopback(listening.getsockname()[0]))
    if not (access.local or access.public or access.sign_in or read_keys(state_files_of(settings))):
        place = f"--engine {settings.engine}" if settings.engine else f"--data {settings.data}"
        raise CannotServe(
            f"a key is needed to serve on {settings.host}: create one with"
            f" `qa {place} key create --role write --name NAME`, or serve on 127.0.0.1 without"
            " require_key and trusted_proxy"
        )
    return access
