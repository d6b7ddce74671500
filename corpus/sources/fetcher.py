"""Fetches a document by its address, from hosts that the operator named and from nowhere else.

A name is resolved once and what it stands for is checked; the connection goes to that very IP address, while TLS is verified against the
name, so that no second answer of a name server leads elsewhere. Each redirect is checked anew. Size and time are bounded, the time as a
whole, so that a server that drips is not waited for. No proxy, cookie or credential of the environment is used.
"""

from __future__ import annotations

import codecs
import queue
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urljoin

from corpus.sources.addresses import Address, FetchError, Hosts, parse_address

Resolve = Callable[[str, int], Sequence[str]]

_MB = 1024 * 1024
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PACKED = frozenset(("gzip", "x-gzip", "deflate"))
# As Python names them. Others of its codecs are none that documents are in (and some take quadratic time).
_CHARSETS = re.compile(
    r"iso8859-\d+|cp\d+|koi8-[ru]|utf-(?:16|32)(?:-[bl]e)?|shift_jis|euc_(?:jp|kr)|gb(?:2312|k|18030)|big5|mac-\w+"
)
# Where the kind of a file cannot be told from its content, it is from its name: so its name says what its Content-Type says.
_EXTENSIONS = {
    "text/markdown": ".md",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "message/rfc822": ".eml",
    "application/json": ".json",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost. `seconds` are for everything: names, redirects and the last byte."""

    seconds: float = 30.0
    connect_seconds: float = 10.0
    bytes: int = 50_000_000
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """`url` is where it was found in the end, `name` what its file would be called."""

    body: bytes
    name: str
    url: str


class Response(Protocol):
    """What is read of a response."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]: ...
    def iter_stream(self) -> Iterator[bytes]: ...


class Fetcher:
    """Thread safe. `resolve` gives a host's IP addresses, by default the system's; `tls` verifies, by default with the system's CAs."""

    def __init__(
        self, hosts: Hosts, limits: Limits | None = None, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.hosts = hosts
        self._limits = limits or Limits()
        self._resolve = resolve or _resolved
        self._tls = tls

    def check(self, url: str) -> Address:
        """The address, where it is one of a host that is named; nothing is asked yet. Raises FetchError."""
        address = parse_address(url)
        self.hosts.check(address)
        return address

    def fetch(self, url: str) -> Fetched:
        """Raises FetchError with the address and what went wrong."""
        deadline = time.monotonic() + self._limits.seconds
        address = self.check(url)
        for _ in range(self._limits.redirects + 1):
            try:
                found = self._ask(address, deadline)
            except TimeoutError as error:
                raise FetchError(f"{address} takes longer than {self._limits.seconds:g} seconds") from error
            except OSError as error:
                raise FetchError(f"{address} cannot be fetched: {error}") from error
            if isinstance(found, Fetched):
                return found
            address = self._following(address, found)
        raise FetchError(f"{url} leads from one address to the next more than {self._limits.redirects} times")

    def _following(self, address: Address, location: str) -> Address:
        try:
            following = self.check(urljoin(str(address), location))
        except (FetchError, ValueError) as error:
            raise FetchError(f"{address} leads to {location[:200]!r}: {error}") from error
        if address.scheme == "https" and following.scheme == "http":
            raise FetchError(f"{address} leads to {following}, where anyone on the way could alter it")
        return following

    def _ask(self, address: Address, deadline: float) -> Fetched | str:
        """The document, or where it is instead."""
        machines = _in_time(lambda: self._resolve(address.host, address.port), deadline)
        if not machines:
            raise FetchError(f"there is no host {address.host}")
        for machine in machines:
            self.hosts.check_machine(address, machine)
        from corpus.sources.pinned import get  # what it imports takes time that most starts can do without

        seconds = self._limits.connect_seconds
        with get(address, machines, lambda: _left(deadline), seconds, self._tls) as response:
            return self._read(address, response)

    def _read(self, address: Address, response: Response) -> Fetched | str:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        if response.status in _REDIRECTS and "location" in headers:
            return headers["location"]
        if response.status != 200:
            raise FetchError(f"{address} answers with status {response.status}")
        most = self._limits.bytes
        if headers.get("content-length", "").isdecimal() and int(headers["content-length"]) > most:
            raise FetchError(_too_large(address, most))
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "", *_PACKED}:
            raise FetchError(f"{address} comes packed as {encoding}, which was not asked for")
        chunks = response.iter_stream()
        body = bytearray()
        for chunk in _unpacked(chunks, most, address) if encoding in _PACKED else chunks:
            body += chunk
            if len(body) > most:
                raise FetchError(_too_large(address, most))
        return _named(address, bytes(body), headers.get("content-type", ""))


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _resolved(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _in_time(resolve: Callable[[], Sequence[str]], deadline: float) -> Sequence[str]:
    """The system's resolver knows no time limit: a thread asks it, which is left to itself where it takes too long."""
    answer: queue.SimpleQueue[Sequence[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(resolve())
        except (OSError, UnicodeError) as error:
            answer.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = answer.get(timeout=_left(deadline))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, OSError):
        raise found
    return found


def _unpacked(chunks: Iterable[bytes], most: int, address: Address) -> Iterator[bytes]:
    """Never more than a little over `most` bytes at once, whatever was packed."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, as it begins
    try:
        for chunk in chunks:
            yield unpacker.decompress(chunk, most + 1)
            if unpacker.unconsumed_tail:
                raise FetchError(_too_large(address, most))
    except zlib.error as error:
        raise FetchError(f"{address} is damaged on the way ({error})") from error
    if not unpacker.eof:
        raise FetchError(f"{address} breaks off")


def _too_large(address: Address, most: int) -> str:
    return f"{address} holds more than the {most // _MB} MB that are fetched; take it from there by hand, and divide it"


def _named(address: Address, body: bytes, content_type: str) -> Fetched:
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    path = PurePosixPath(unquote(address.target.partition("?")[0]).replace("\0", ""))
    name = (path.name or address.host)[:200]
    extension = _EXTENSIONS.get(kind)
    if extension and not name.lower().endswith(extension):
        name += extension
    return Fetched(_in_utf8(body, parameters) if kind.startswith("text/") else body, name, str(address))


def _in_utf8(body: bytes, parameters: str) -> bytes:
    """What the header says of the encoding goes before what the text says of itself; a mark in front says so."""
    name, _, charset = parameters.strip().partition("=")
    if name.strip().lower() != "charset":
        return body
    try:
        codec = codecs.lookup(charset.strip().strip("\"'")).name
        return codecs.BOM_UTF8 + body.decode(codec).encode() if _CHARSETS.fullmatch(codec) else body
    except (LookupError, UnicodeError):
        return body
