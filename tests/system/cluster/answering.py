"""Nodes that give the same answer to every request."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class AnsweringNode(BaseHTTPRequestHandler):
    """Answers with JSON."""

    status = 200

    def body(self) -> str:
        raise NotImplementedError

    def do_GET(self) -> None:
        body = self.body().encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(node: type[AnsweringNode], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The host and port of a node that answers so."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), node)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
