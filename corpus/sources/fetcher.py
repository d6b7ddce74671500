"""Fetches documents by address, only from hosts that the operator named.

A host name is resolved once, every IP address is checked, and the connection goes to one of those addresses, while TLS is verified
against the name: a second DNS answer cannot lead elsewhere. Each redirect is checked in the same way. Size and total time are bounded.
"""

from __future__ import annotations

import codecs
import re
import ssl
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin

from corpus.sources.addresses import Address, FetchError, Hosts, parse_address
from corpus.sources.deadline import Deadline, Resolve, resolve_host, system_resolve

if TYPE_CHECKING:
    from corpus.sources.http_client import Response

MAX_VALIDATOR = 500  # characters

_MB = 1024 * 1024
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "gzip"}
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_COMPRESSED = frozenset(("gzip", "x-gzip", "deflate"))
# Python's names. Its other codecs are not used for documents, and some take quadratic time.
_CHARSETS = re.compile(
    r"iso8859-\d+|cp\d+|koi8-[ru]|utf-(?:16|32)(?:-[bl]e)?|shift_jis|euc_(?:jp|kr)|gb(?:2312|k|18030)|big5|mac-\w+"
)
# Added to the name of a file whose format cannot be detected from its content.
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
    """Limits on fetching one document. `seconds` covers name resolution, redirects and the body."""

    seconds: float = 30.0
    connect_seconds: float = 10.0
    bytes: int = 50_000_000
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """`url`: the address after redirects; `name`: a file name made from it."""

    body: bytes
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Validators:
    """The headers ETag and Last-Modified as the server sent them; None for one that it did not send."""

    etag: str | None = None
    last_modified: str | None = None


NO_VALIDATORS = Validators()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request. `location`: where a redirect leads, which may be fetched. `fetched`: None unless the status is 200.

    `retry_after`: the seconds that the server asks to wait, None if it names none.
    """

    status: int
    location: Address | None = None
    fetched: Fetched | None = None
    validators: Validators = NO_VALIDATORS
    retry_after: float | None = None


class Fetcher:
    """Thread safe. `resolve` gives a host's IP addresses; `tls` defaults to verification with the system's certificate authorities."""

    def __init__(
        self, hosts: Hosts, limits: Limits | None = None, resolve: Resolve = system_resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self.hosts = hosts
        self._limits = limits or Limits()
        self._resolve = resolve
        self._tls = tls

    def check(self, url: str) -> Address:
        """Parse an address and check its host without any request. Raises FetchError."""
        address = parse_address(url)
        self.hosts.check(address)
        return address

    def fetch(self, url: str) -> Fetched:
        """Fetch a document, following redirects. Raises FetchError with the address and the reason."""
        deadline = Deadline(self._limits.seconds)
        address = self.check(url)
        for _ in range(self._limits.redirects + 1):
            answer = self._ask(address, NO_VALIDATORS, deadline)
            if answer.fetched:
                return answer.fetched
            if answer.location is None:
                raise FetchError(f"{address} responded with status {answer.status}")
            address = answer.location
        raise FetchError(f"{url} redirects more than {self._limits.redirects} times")

    def ask(self, url: str, validators: Validators = NO_VALIDATORS) -> Answer:
        """Send one request, which follows no redirect. `validators`: of the version that is known; the status is 304 if it is unchanged.

        Raises FetchError, as `fetch`, if there is no answer, or one that cannot be used.
        """
        return self._ask(self.check(url), validators, Deadline(self._limits.seconds))

    def _ask(self, address: Address, validators: Validators, deadline: Deadline) -> Answer:
        try:
            return self._request(address, validators, deadline)
        except TimeoutError as error:
            raise FetchError(f"{address} takes longer than {self._limits.seconds:g} seconds") from error
        except OSError as error:
            raise FetchError(f"{address} cannot be fetched: {error}") from error

    def _redirect(self, address: Address, location: str) -> Address:
        try:
            target = self.check(urljoin(str(address), location))
        except (FetchError, ValueError) as error:
            raise FetchError(f"{address} redirects to {location[:200]!r}: {error}") from error
        if address.scheme == "https" and target.scheme == "http":
            raise FetchError(f"{address} redirects from https to http ({target}), which is not followed")
        return target

    def _request(self, address: Address, validators: Validators, deadline: Deadline) -> Answer:
        machines = resolve_host(address.host, address.port, deadline, self._resolve)
        if not machines:
            raise FetchError(f"the host {address.host} has no IP address")
        for machine in machines:
            self.hosts.check_machine(address, machine)
        from corpus.sources.http_client import send_request

        limit, headers = self._limits.connect_seconds, _HEADERS | _conditions(validators)
        with send_request(address, machines, deadline, headers=headers, connect_seconds=limit, tls=self._tls) as response:
            status, received = response.status, response.headers
            if status in _REDIRECTS and "location" in received:
                return Answer(status, self._redirect(address, received["location"]))
            fetched = _document(address, response, self._limits.bytes) if status == 200 else None
            validators = Validators(_validator(received.get("etag")), _validator(received.get("last-modified")))
            return Answer(status, None, fetched, validators, _seconds(received.get("retry-after")))


def _conditions(validators: Validators) -> dict[str, str]:
    given = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in given.items() if value is not None}


def _validator(value: str | None) -> str | None:
    """A header that can be sent back as it is; None for one that is longer or has other characters than servers send."""
    return value if value and len(value) <= MAX_VALIDATOR and value.isascii() and value.isprintable() else None


def _seconds(value: str | None) -> float | None:
    """Of the header Retry-After; None if it names a date."""
    return float(value[:9]) if value and value.isascii() and value.isdigit() else None


def _document(address: Address, response: Response, max_bytes: int) -> Fetched:
    headers = response.headers
    if headers.get("content-length", "").isdecimal() and int(headers["content-length"]) > max_bytes:
        raise _too_large(address, max_bytes)
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "", *_COMPRESSED}:
        raise FetchError(f"{address} sends the content encoding {encoding!r}; only gzip and deflate are supported")
    chunks = response.chunks
    body = bytearray()
    for chunk in _decompress(chunks, max_bytes, address) if encoding in _COMPRESSED else chunks:
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(address, max_bytes)
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    media_type = media_type.strip().lower()
    content = _to_utf8(bytes(body), parameters) if media_type.startswith("text/") else bytes(body)
    return Fetched(content, _file_name(address, media_type), str(address))


def _decompress(chunks: Iterable[bytes], max_bytes: int, address: Address) -> Iterator[bytes]:
    """Yield pieces of at most `max_bytes` + 1, so that a small body cannot fill the memory."""
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 32)  # detects gzip and zlib
    try:
        for chunk in chunks:
            yield decompressor.decompress(chunk, max_bytes + 1)
            if decompressor.unconsumed_tail:
                raise _too_large(address, max_bytes)
    except zlib.error as error:
        raise FetchError(f"{address} sends damaged compressed data ({error})") from error
    if not decompressor.eof:
        raise FetchError(f"{address} sends incomplete compressed data")


def _too_large(address: Address, max_bytes: int) -> FetchError:
    return FetchError(f"{address} is larger than {max_bytes // _MB} MB; download it, split it and add the files")


def _file_name(address: Address, media_type: str) -> str:
    path = PurePosixPath(unquote(address.target.partition("?")[0]).replace("\0", ""))
    name = (path.name or address.host)[:200]
    extension = _EXTENSIONS.get(media_type)
    return name + extension if extension and not name.lower().endswith(extension) else name


def _to_utf8(body: bytes, parameters: str) -> bytes:
    """Transcode from the charset of the Content-Type header, which overrides the document's own declaration.

    The result starts with a byte order mark, so that readers do not guess the encoding again.
    """
    name, _, charset = parameters.strip().partition("=")
    if name.strip().lower() != "charset":
        return body
    try:
        codec = codecs.lookup(charset.strip().strip("\"'")).name
        return codecs.BOM_UTF8 + body.decode(codec).encode() if _CHARSETS.fullmatch(codec) else body
    except (LookupError, UnicodeError):
        return body
