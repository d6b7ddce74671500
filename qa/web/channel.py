"""What of waitress is arranged otherwise: a large body that will be refused is not read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser

# A body up to this is read before anyone is asked: waiting for the gate would cost more than it does.
SMALL_BODY_BYTES = 65_536

Refuses = Callable[[Mapping[str, Any]], bool]


def guarded_channel(refuses: Refuses) -> type[HTTPChannel]:
    """Channels that ask, when the head of a request with a large body is in, whether the application would refuse it.

    `refuses` is given the WSGI environment without a body. Such a request goes to the application at once, without its body and
    with nothing after it, to be refused there as any other is.
    """

    class Parser(HTTPRequestParser):  # type: ignore[misc]
        peer = ""

        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)
            if _large(self) and refuses(_environ(self, self.peer)):
                self.body_rcv = None
                self.content_length = 0  # the header that says otherwise stays
                self.expect_continue = False
                self.headers["CONNECTION"] = "close"

    class Channel(HTTPChannel):  # type: ignore[misc]
        def parser_class(self, adjustments: Any) -> Parser:
            parser = Parser(adjustments)
            parser.peer = self.addr[0]
            return parser

    return Channel


def _large(parser: HTTPRequestParser) -> bool:
    return bool(parser.chunked or parser.content_length > SMALL_BODY_BYTES)


def _environ(parser: HTTPRequestParser, peer: str) -> Mapping[str, Any]:
    fields = {f"HTTP_{name}": value for name, value in parser.headers.items()}
    return fields | {
        "REQUEST_METHOD": parser.command.upper(),
        "SCRIPT_NAME": "",
        "PATH_INFO": parser.path,
        "QUERY_STRING": parser.query,
        "REMOTE_ADDR": peer,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": f"HTTP/{parser.version}",
        "wsgi.url_scheme": parser.url_scheme,
        "wsgi.input": BytesIO(),
    }
