"""A site with a sitemap, whose pages answer conditional requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.corpus.sources.site import Site, say


class SiteWithMap(Site):
    """A site with a sitemap of `listed` paths, with a `lastmod` or without."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: dict[str, str | None] = {}
        self.answers["/sitemap.xml"] = lambda handler: say(body=self.sitemap())(handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sitemap(self) -> bytes:
        dates = {path: f"<lastmod>{date}</lastmod>" if date else "" for path, date in self.listed.items()}
        return (
            f"<urlset>{''.join(f'<url><loc>{self.address}{path}</loc>{dates[path]}</url>' for path in dates)}</urlset>".encode()
        )

    def put(self, path: str, text: str, etag: str | None = None, *, lastmod: str | None = None) -> None:
        """A page that answers conditional requests if it has an ETag."""
        self.listed[path] = lastmod

        def answer(handler: Any) -> None:
            is_known = etag is not None and handler.headers.get("If-None-Match") == etag
            named = {"ETag": etag} if etag else {}
            (say(304, b"", **named) if is_known else say(200, text.encode(), Content_Type="text/plain", **named))(handler)

        self.answers[path] = answer

    def asked_in(self, run: Callable[[], object]) -> list[str]:
        """The paths of pages that were asked for, "?" in front of those with a condition."""
        self.asked.clear()
        run()
        mark = {path: "?" if "if-none-match" in headers else "" for path, headers in self.asked}
        return [f"{mark[path]}{path}" for path, _ in self.asked if path not in ("/robots.txt", "/sitemap.xml")]
