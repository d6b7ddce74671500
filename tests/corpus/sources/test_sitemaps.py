"""Sitemaps: indexes, compression, lists of addresses, dates, and files that are damaged or harmful."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta

import pytest

from corpus.sources.addresses import FetchError
from corpus.sources.sitemaps import MAX_ADDRESSES, certain_since, is_sitemap, read_sitemap

NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def urlset(*entries: str, namespace: str = NAMESPACE) -> bytes:
    return f'<?xml version="1.0"?><urlset xmlns="{namespace}">{"".join(entries)}</urlset>'.encode()


def entry(url: str, lastmod: str | None = None) -> str:
    return f"<url><loc> {url}\n</loc>{f'<lastmod>{lastmod}</lastmod>' if lastmod else ''}<priority>0.5</priority></url>"


def test_reads_addresses_and_dates() -> None:
    found = read_sitemap(urlset(entry("https://A.example/x#part", "2026-11-01"), entry("https://a.example/é?b=1&amp;c=2")))
    assert found.pages == {"https://a.example/x": "2026-11-01", "https://a.example/%C3%A9?b=1&c=2": None}
    assert not found.sitemaps
    old = urlset(entry("https://a.example/x"), namespace="http://www.google.com/schemas/sitemap/0.84")
    assert list(read_sitemap(old).pages) == ["https://a.example/x"]
    assert list(read_sitemap(gzip.compress(old)).pages) == ["https://a.example/x"]


def test_reads_an_index_and_a_list_of_addresses() -> None:
    index = "<sitemapindex><sitemap><loc>https://a.example/1.xml</loc></sitemap></sitemapindex>"
    assert read_sitemap(index.encode()).sitemaps == ["https://a.example/1.xml"]
    assert list(read_sitemap(b"https://a.example/x\r\n\r\nhttps://a.example/y\n").pages) == [
        "https://a.example/x",
        "https://a.example/y",
    ]


def test_counts_entries_that_are_no_addresses() -> None:
    found = read_sitemap(urlset(entry("/relative"), entry("ftp://a.example/"), "<url></url>", entry("https://a.example/x")))
    assert (list(found.pages), found.skipped) == (["https://a.example/x"], 3)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (urlset(entry("https://a.example/x"))[:-20], "is damaged"),
        (b"<html><body>Maintenance</body></html>", "its root is 'html'"),
        (b"Maintenance", "neither XML nor a list"),
        (b'<!DOCTYPE u [<!ENTITY a "aaaa">]><urlset><url><loc>&a;</loc></url></urlset>', "document type"),
        (gzip.compress(b"<urlset></urlset>", mtime=0)[:-4], "incomplete"),
        (b"\x1f\x8b\x00", "compressed data"),
        (gzip.compress(bytes(60_000_000)), "is larger than 50 MB"),
    ],
)
def test_says_what_is_wrong_with_a_sitemap(body: bytes, reason: str) -> None:
    with pytest.raises(FetchError, match=reason):
        read_sitemap(body)


def test_refuses_more_addresses_than_the_protocol_allows() -> None:
    lines = "".join(f"https://a.example/{number}\n" for number in range(MAX_ADDRESSES + 1)).encode()
    with pytest.raises(FetchError, match="more than 50,000"):
        read_sitemap(lines)


def test_tells_a_sitemap_from_a_page() -> None:
    whole = urlset(entry("https://a.example/x"))
    assert is_sitemap(whole)
    assert is_sitemap(gzip.compress(whole))
    assert is_sitemap(whole[:-20])  # damaged, but meant as one
    assert is_sitemap(b"https://a.example/x\n")
    for page in (b"<html><p>A page.</p></html>", b"<rss></rss>", b"A page about https://a.example/x", b"", b"%PDF-1.7\n\xff"):
        assert not is_sitemap(page)


@pytest.mark.parametrize(
    ("lastmod", "certain"),
    [
        ("2026-11-01", "2026-11-03T00:00:00+00:00"),
        ("2026-11-01T10:00:00+02:00", "2026-11-01T08:05:00+00:00"),
        ("2026-11-01T10:00Z", "2026-11-01T10:05:00+00:00"),
        ("yesterday", None),
        ("2026-11", None),
    ],
)
def test_a_date_says_nothing_of_changes_that_may_be_later_on_that_day(lastmod: str, certain: str | None) -> None:
    assert certain_since(lastmod) == (datetime.fromisoformat(certain) if certain else None)
    assert datetime.now(UTC) + timedelta(days=3) > (certain_since(datetime.now(UTC).isoformat()) or datetime.max)
