"""A web site on loopback that changes at random: pages change, move, redirect, vanish and misbehave; it counts its requests.

Its clock advances a day with every round and began two months ago, so that the dates in its sitemaps are honest, and old.
"""

from __future__ import annotations

import gzip
import http.server
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

SITEMAPS = 4
# Of the pages, in each round.
CHANGED, MOVED, VANISHED, FAILING, NEW, REDIRECTED = 0.05, 0.02, 0.02, 0.02, 0.02, 0.005
# What a page says of its version: an ETag, a date, both, only the date in the sitemap, or nothing.
KINDS = ("etag", "modified", "both", "lastmod", "plain")
WEIGHTS = (30, 30, 20, 15, 5)
FAILURES = ("500", "503", "reset", "short", "slow", "damaged")
SLOW_SECONDS = 1.5  # longer than the reader of this site waits


@dataclass(slots=True)
class SitePage:
    """`version`: of its text, from the round `changed`. `target`: where the text is, behind a temporary redirect."""

    path: str
    kind: str
    version: int
    changed: int
    target: str | None = None

    @property
    def content_path(self) -> str:
        """The address that answers with the text."""
        return self.target or self.path


@dataclass(slots=True)
class Round:
    """What a reader asked for. `known`: the version that it had of each page; by path, with and without a condition."""

    known: dict[str, int] = field(default_factory=dict)
    conditional: Counter[str] = field(default_factory=Counter)
    plain: Counter[str] = field(default_factory=Counter)


class ChangingSite:
    """Serves at once. `pages`: that it has, by path; `moved`: redirects of old paths; `gone`: paths with their status."""

    def __init__(self, pages: int, seed: int = 0) -> None:
        self.pages: dict[str, SitePage] = {}
        self.moved: dict[str, str] = {}
        self.gone: dict[str, int] = {}
        self.listed_although: set[str] = set()  # old paths that the sitemap still lists
        self.failing: dict[str, str] = {}
        self.served: dict[str, int] = {}  # the version that was last sent
        self.round = Round()
        self.number = 0
        self._random = random.Random(seed)
        self._begun = datetime.now(UTC).replace(microsecond=0) - timedelta(days=60)
        self._paths = 0
        for _ in range(pages):
            self._create()
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def expected(self) -> dict[str, str]:
        """The text of every page by its address."""
        return {f"{self.address}{page.path}": self.text(page.path) for page in self.pages.values()}

    def text(self, path: str) -> str:
        return f"Page {path} has the version {self.pages[path].version} of its words."

    def change(self) -> None:
        """Begin a round, in which everything may happen."""
        self.rest()
        for page in self._some(CHANGED):
            page.version, page.changed = page.version + 1, self.number
        for page in self._some(MOVED):
            new = self._create(version=page.version, kind=page.kind)
            self._leave(page)
            self.moved[page.path] = new.path
            if self._random.random() < 0.3:  # the sitemap still names the old address
                self.listed_although.add(page.path)
        for page in self._some(VANISHED):
            self._leave(page)
            self.gone[page.path] = self._random.choice((404, 410))
            if self._random.random() < 0.3:
                self.listed_although.add(page.path)
        for _ in self._some(NEW):
            self._create()
        for page in self._some(REDIRECTED):
            page.target = None if page.target else f"/target{page.path}"
            for versions in (self.served, self.round.known):
                versions.pop(page.content_path, None)
        for page in self._some(FAILING):
            self.failing[page.path] = self._random.choice(FAILURES)
        if self._random.random() < 0.3:
            self.failing[f"/sitemap-{self._random.randrange(SITEMAPS)}"] = self._random.choice(FAILURES)

    def rest(self) -> None:
        """Begin a round in which nothing happens, and nothing fails."""
        self.number += 1
        self.failing = {}
        self.round = Round(dict(self.served))

    def broken_rules(self) -> Iterator[str]:
        """One line for each page that was asked for more than a polite reader does: once if it has changed, else only with a condition."""
        round_ = self.round
        for page in self.pages.values():
            path = page.content_path
            conditional, plain = round_.conditional[path], round_.plain[path]
            if page.target and round_.conditional[page.path] + round_.plain[page.path] > 1:
                yield f"{page.path} redirects, and was asked for more than once"
            if round_.known.get(path) != page.version:
                if conditional + plain > 1:
                    yield f"{path} has changed, and was asked for {conditional + plain} times"
            elif conditional > 2 or plain > (page.kind == "plain"):
                yield f"{path} ({page.kind}) is unchanged, and was asked for {conditional} times with a condition, {plain} without"

    def _some(self, share: float) -> Sequence[SitePage]:
        count = max(1, round(len(self.pages) * share))
        return self._random.sample(list(self.pages.values()), min(count, len(self.pages)))

    def _create(self, version: int = 1, kind: str | None = None) -> SitePage:
        self._paths += 1
        path = f"/pages/{self._paths}"
        page = SitePage(path, kind or self._random.choices(KINDS, WEIGHTS)[0], version, self.number)
        self.pages[path] = page
        return page

    def _leave(self, page: SitePage) -> None:
        del self.pages[page.path]

    def answer(self, handler: Any) -> None:
        path = handler.path
        page = self.pages.get(path.removeprefix("/target"))
        is_conditional = "If-None-Match" in handler.headers or "If-Modified-Since" in handler.headers
        (self.round.conditional if is_conditional else self.round.plain)[path] += 1
        if (failure := self.failing.get(path)) and self._misbehave(handler, failure):
            return
        if path == "/robots.txt":
            _say(handler, 200, b"User-agent: *\nDisallow: /private/\n", {})
        elif path.startswith("/sitemap"):
            _say(handler, 200, self._sitemap(path), {"Content-Type": "application/xml"})
        elif page is None:
            self._say_where(handler, path)
        elif path == page.content_path:
            self._say_page(handler, page)
        else:
            _say(handler, 302, b"", {"Location": page.content_path})

    def _say_where(self, handler: Any, path: str) -> None:
        if path in self.moved:
            _say(handler, 301, b"", {"Location": self.moved[path]})
        else:
            _say(handler, self.gone.get(path, 404), b"Not here.", {})

    def _say_page(self, handler: Any, page: SitePage) -> None:
        tag, date = f'"{page.version}-{page.path}"', format_datetime(self._time(page.changed), usegmt=True)
        headers = {"Content-Type": "text/html"}
        if page.kind in ("etag", "both"):
            headers["ETag"] = tag
        if page.kind in ("modified", "both"):
            headers["Last-Modified"] = date
        self.served[page.content_path] = page.version
        if tag == handler.headers.get("If-None-Match") or (
            "If-None-Match" not in handler.headers and date == handler.headers.get("If-Modified-Since")
        ):
            _say(handler, 304, b"", {name: value for name, value in headers.items() if name != "Content-Type"})
            return
        text = self.text(page.path)
        _say(handler, 200, f"<html><title>{page.path}</title><body><p>{text}</p></body></html>".encode(), headers)

    def _misbehave(self, handler: Any, failure: str) -> bool:
        """Whether the request is answered."""
        if failure.isdigit():
            _say(handler, int(failure), b"Sorry.", {})
        elif failure == "slow":
            time.sleep(SLOW_SECONDS)
            handler.close_connection = True
        elif failure == "short":
            _say(handler, 200, b"<p>Half", {"Content-Length": "1000"})
        elif failure == "damaged":
            _say(handler, 200, b"\x1f\x8bnot compressed", {"Content-Encoding": "gzip"})
        else:
            handler.close_connection = True
        return True

    def _sitemap(self, path: str) -> bytes:
        if path == "/sitemap.xml":
            names = "".join(f"<sitemap><loc>{self.address}/sitemap-{number}</loc></sitemap>" for number in range(SITEMAPS))
            return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{names}</sitemapindex>'.encode()
        number = int(path.rpartition("-")[2])
        urls = [f"{self.address}/private/{number}"] if number == 0 else []
        entries = [f"<url><loc>{url}</loc></url>" for url in urls]
        for listed in (*self.pages, *self.listed_although):
            if int(listed.rpartition("/")[2]) % SITEMAPS == number:
                page = self.pages.get(listed)
                is_dated = page is not None and page.kind in ("lastmod", "both")
                lastmod = f"<lastmod>{self._time(page.changed).isoformat()}</lastmod>" if page and is_dated else ""
                entries.append(f"<url><loc>{self.address}{listed}</loc>{lastmod}</url>")
        body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{"".join(entries)}</urlset>'.encode()
        return gzip.compress(body) if number % 2 else body

    def _time(self, round_: int) -> datetime:
        return self._begun + timedelta(days=round_)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 50

    def __init__(self, site: ChangingSite) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.close_connection = True
                site.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, *_: object) -> None:
        pass


def _say(handler: Any, status: int, body: bytes, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {**({} if status == 304 else {"Content-Length": str(len(body))}), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def documents_of(engine: Any) -> dict[str, str]:
    """The text of every document by the address that it was read from. Raises AssertionError for two from one address."""
    found: dict[str, list[str]] = defaultdict(list)
    after = None
    while page := engine.documents(after):
        for document in page:
            found[str(document.location)].append(engine.content(document.id).text)
        after = page[-1].id
    twice = [location for location, texts in found.items() if len(texts) > 1]
    assert not twice, f"several documents from {twice[:3]}"
    return {location: texts[0] for location, texts in found.items()}
