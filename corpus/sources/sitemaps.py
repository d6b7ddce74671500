"""Reads sitemaps (https://www.sitemaps.org/protocol.html): XML or lines of text, plain or compressed, and indexes of sitemaps. Pure."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from lxml import etree

from corpus.sources.addresses import FetchError, is_address, parse_address

MAX_BYTES = 52_428_800  # of one sitemap, uncompressed, as the protocol says
MAX_ADDRESSES = 50_000  # in one sitemap, as the protocol says
_GZIP = b"\x1f\x8b"
# Entity expansion needs a document type, which sitemaps do not have. XML may be in UTF-16.
_DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be"))
# Clocks of servers differ, and a date without a time is one of some time zone.
_TIME_MARGIN, _DATE_MARGIN = timedelta(minutes=5), timedelta(days=2)


@dataclass(slots=True)
class Sitemap:
    """`pages`: addresses and their `lastmod` as it is written, None without one; `sitemaps`: those that an index names.

    `skipped`: the number of entries without a usable address.
    """

    pages: dict[str, str | None] = field(default_factory=dict)
    sitemaps: list[str] = field(default_factory=list)
    skipped: int = 0


def is_sitemap(body: bytes) -> bool:
    """Whether a document is a sitemap or an index of sitemaps, though it may be damaged. Raises FetchError for damaged compression."""
    content = _uncompressed(body)
    try:
        if not _is_xml(content):
            return bool(_read_lines(content).pages)
        for _, element in etree.iterparse(io.BytesIO(content), events=("start",), **_SAFE):
            return _name(element) in ("urlset", "sitemapindex")
    except (FetchError, etree.XMLSyntaxError):
        pass
    return False


def read_sitemap(body: bytes) -> Sitemap:
    """Read a sitemap. Raises FetchError, whose message completes "the sitemap …", for one that is damaged, or none."""
    content = _uncompressed(body)
    if any(doctype in content for doctype in _DOCTYPES):
        raise FetchError("defines a document type, as harmful files do")
    if not _is_xml(content):
        return _read_lines(content)
    sitemap, root = Sitemap(), None
    try:
        for event, element in etree.iterparse(io.BytesIO(content), events=("start", "end"), **_SAFE):
            if event == "start":
                root = root or _name(element)
            elif _name(element) in ("url", "sitemap"):
                _add(sitemap, element)
                element.clear()
    except etree.XMLSyntaxError as error:
        raise FetchError(f"is damaged ({error.msg})") from error
    if root not in ("urlset", "sitemapindex"):
        raise FetchError(f"is none: its root is {str(root)[:100]!r}, not urlset or sitemapindex")
    return sitemap


def certain_since(lastmod: str) -> datetime | None:
    """The time from which a page seen with this `lastmod` is as it says; None if it is no date of ISO 8601."""
    try:
        if len(lastmod) == len("2026-11-28"):
            return datetime.combine(date.fromisoformat(lastmod), time(), UTC) + _DATE_MARGIN
        given = datetime.fromisoformat(lastmod)
    except ValueError:
        return None
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC) + _TIME_MARGIN


_SAFE = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False, "remove_comments": True}


def _uncompressed(body: bytes) -> bytes:
    if not body.startswith(_GZIP):
        return body
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        content = decompressor.decompress(body, MAX_BYTES)
    except zlib.error as error:
        raise FetchError(f"has damaged compressed data ({error})") from error
    if decompressor.unconsumed_tail:
        raise FetchError(f"is larger than {MAX_BYTES // 1024 // 1024} MB; the site must split it")
    if not decompressor.eof:
        raise FetchError("has incomplete compressed data")
    return content


def _is_xml(content: bytes) -> bool:
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"\xff\xfe", b"\xfe\xff"))


def _add(sitemap: Sitemap, entry: etree._Element) -> None:
    values = {_name(child): (child.text or "").strip() for child in entry}
    try:
        url = str(parse_address(values.get("loc", "")))
    except FetchError:
        sitemap.skipped += 1
        return
    if _name(entry) == "sitemap":
        sitemap.sitemaps.append(url)
    else:
        sitemap.pages[url] = values.get("lastmod") or None
    _check_size(sitemap)


def _read_lines(content: bytes) -> Sitemap:
    sitemap = Sitemap()
    for line in content.decode("utf-8-sig", "replace").splitlines():
        if is_address(line.strip()):
            try:
                sitemap.pages[str(parse_address(line.strip()))] = None
            except FetchError:
                sitemap.skipped += 1
            _check_size(sitemap)
        elif line.strip():
            raise FetchError("is none: it is neither XML nor a list of addresses")
    return sitemap


def _check_size(sitemap: Sitemap) -> None:
    if len(sitemap.pages) + len(sitemap.sitemaps) > MAX_ADDRESSES:
        raise FetchError(f"names more than {MAX_ADDRESSES:,} addresses; the site must split it")


def _name(element: etree._Element) -> str:
    """Without its namespace, which old sitemaps spell differently."""
    return str(element.tag).rpartition("}")[2]
