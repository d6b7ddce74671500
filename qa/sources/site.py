"""A run over a site: the pages of a sitemap, or a single page."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from corpus.sandbox.pool import Sandbox
from corpus.sources.addresses import FetchError, parse_address
from corpus.sources.crawler import Crawler, Finding, NotAllowed, Visit
from corpus.sources.fetcher import NO_VALIDATORS, Validators
from corpus.sources.sitemaps import Sitemap, certain_since, is_sitemap, read_sitemap
from corpus.types import QuotableError
from index.types import DamagedRow, Origin, StoreError
from qa.ingest.contents import Content, Report, store
from qa.ingest.files import FileOutcome
from qa.ingest.writer import id_for_address
from qa.sources.run import Run
from qa.sources.source import Page, SourceError, utc_now

MAX_PAGES = 200_000  # of a source
MAX_SITEMAPS = 1_000
# After this time a page is asked for although its lastmod is the same: sites forget to change it.
TRUSTED = timedelta(days=7)


@dataclass(slots=True)
class Listing:
    """The addresses that a site lists, with their lastmod. `is_complete`: all its sitemaps could be read.

    `visits`: of pages that were visited already.
    """

    pages: dict[str, str | None] = field(default_factory=dict)
    is_complete: bool = True
    visits: dict[str, Visit] = field(default_factory=dict)


class SiteRun:
    def __init__(self, run: Run, crawler: Crawler, sandbox: Sandbox) -> None:
        self._run, self._crawler, self._sandbox = run, crawler, sandbox
        self._place = str(parse_address(run.source.place))
        # By where they are. Of several pages that lead there the one that was visited last knows best.
        self._seen = {page.at: page for page in sorted(run.pages.values(), key=_visited) if page.digest}
        self._left_out: set[str] = set()

    def follow(self) -> None:
        """Raises SourceError, FetchError or HostUnavailable if the site cannot be read, and Stopped."""
        try:
            listing = self._list()
            if not listing.is_complete:  # whether they are due is not known
                for url in self._run.unlisted(listing.pages):
                    self._crawler.pass_by(self._run.pages[url].at)
            # First those that need no visit, so that no redirect to them is followed.
            for url, lastmod in [entry for entry in listing.pages.items() if not self._pass_by(*entry)]:
                self._follow_page(url, lastmod, listing.visits.pop(url, None))
                self._run.checkpoint()
            if listing.is_complete:
                self._miss_unlisted(listing)
        finally:
            self._run.progress.left_out += len(self._left_out)
            self._run.progress.requests = self._crawler.requests

    def _list(self) -> Listing:
        if self._run.is_sitemap is False:
            return Listing({self._place: None})
        visit = self._crawler.visit(self._place)
        if visit.fetched is None:
            raise SourceError(f"{self._place} is not there (404 or 410); nothing was removed")
        if self._run.is_sitemap is None:
            self._run.is_sitemap = is_sitemap(visit.fetched.body)
        if not self._run.is_sitemap:
            return Listing({self._place: None}, visits={self._place: visit})
        return self._list_sitemaps(self._read(visit.fetched.body))

    def _list_sitemaps(self, first: Sitemap) -> Listing:
        """The pages of a sitemap and of those that it names; one that cannot be read leaves the listing incomplete."""
        listing, sitemaps = Listing(first.pages), dict.fromkeys(first.sitemaps)
        waiting = list(sitemaps)
        while waiting:
            url = waiting.pop(0)
            try:
                visit = self._crawler.visit(url)
                if visit.fetched:
                    found = self._read(visit.fetched.body)
                    listing.pages |= found.pages
                    waiting += [child for child in found.sitemaps if child not in sitemaps]
                    sitemaps |= dict.fromkeys(found.sitemaps)
                elif visit.finding is not Finding.SEEN:
                    raise FetchError("it is not there (404 or 410)")
            except FetchError as error:
                listing.is_complete = False
                self._run.show_failure(url, f"the sitemap: {error}")
            if len(listing.pages) > MAX_PAGES or len(sitemaps) > MAX_SITEMAPS:
                raise SourceError(
                    f"{self._place} lists more than {MAX_PAGES:,} pages or {MAX_SITEMAPS:,} sitemaps; add its sitemaps one by one"
                )
        return listing

    def _read(self, body: bytes) -> Sitemap:
        sitemap = read_sitemap(body)
        self._run.progress.left_out += sitemap.skipped
        return sitemap

    def _pass_by(self, url: str, lastmod: str | None) -> bool:
        """Leave out a page of which the sitemap says that it is as it was seen, and that may still be asked for."""
        page = self._run.pages.get(url)
        if page is None or not self._is_certain(page, lastmod):
            return False
        try:
            self._crawler.check(url)
        except NotAllowed:
            return False
        self._crawler.pass_by(page.at)
        self._run.succeed(url, page)
        return True

    def _follow_page(self, url: str, lastmod: str | None, visit: Visit | None) -> None:
        began = utc_now()
        try:
            visit = visit or self._crawler.visit(url, self._validators_of)
        except NotAllowed:
            self._left_out.add(url)
            return
        except FetchError as error:
            self._run.fail(url, str(error))
            return
        if visit.finding is Finding.GONE:
            self._run.miss(url)
        elif visit.finding is Finding.PAGE:
            self._store(url, visit, lastmod, began)
        elif seen := self._seen.get(visit.at):
            page = replace(seen, lastmod=lastmod, visited=began, absences=0, failures=0, reason=None, job=None)
            if visit.validators != NO_VALIDATORS:
                page = replace(page, etag=visit.validators.etag, last_modified=visit.validators.last_modified)
            self._seen[visit.at] = page
            if visit.finding is Finding.UNCHANGED:
                self._run.succeed(url, page)
            else:
                self._run.keep(url, page)

    def _store(self, url: str, visit: Visit, lastmod: str | None, began: str) -> None:
        if (fetched := visit.fetched) is None:
            return
        run, report = self._run, Report()
        origin = Origin(visit.at, visit.at, file_name=fetched.name)
        content = Content(fetched.body, fetched.name, origin, id_for_address(visit.at), fetched.url, run.source.edits)
        try:
            for _ in store(run.writer, self._sandbox, content, report):
                pass
        except DamagedRow as error:
            report.failures.append(str(error))
        except StoreError:
            raise  # the disk, not the page
        except QuotableError as error:
            report.failures.append(str(error))
        if report.failures:
            run.progress.outcomes.update({str(name): count for name, count in report.outcomes.items()})
            run.fail(url, "; ".join(report.failures), visit.at)
            return
        digest = hashlib.sha256(fetched.body).hexdigest()
        source = visit.source if visit.source != visit.at else None
        page = Page(visit.at, source, visit.validators.etag, visit.validators.last_modified, digest, lastmod, began)
        self._seen[visit.at] = page
        run.succeed(url, page, FileOutcome(visit.at, report.outcomes, (), report.notes))

    def _validators_of(self, at: str, source: str) -> Validators:
        """Those of the version that is stored."""
        page = self._seen.get(at)
        is_known = page is not None and (page.source or at) == source and self._run.holds(page)
        return Validators(page.etag, page.last_modified) if page and is_known else NO_VALIDATORS

    def _is_certain(self, page: Page, lastmod: str | None) -> bool:
        """Whether the sitemap says that a page is as it was seen."""
        if lastmod is None or lastmod != page.lastmod or page.visited is None or page.failures or page.absences:
            return False
        since, visited = certain_since(lastmod), datetime.fromisoformat(page.visited)
        is_recent = datetime.now(UTC) - visited < TRUSTED
        return since is not None and visited > since and is_recent and self._run.holds(page)

    def _miss_unlisted(self, listing: Listing) -> None:
        """Of the pages that are not listed any more, or not allowed, those that have moved to another page are dropped at once."""
        for url in self._run.unlisted(listing.pages.keys() - self._left_out):
            if self._run.pages[url].absences == 0 and url not in self._left_out and self._has_moved(url):
                self._run.drop(url)
            else:
                self._run.miss(url)
            self._run.checkpoint()

    def _has_moved(self, url: str) -> bool:
        try:
            visit = self._crawler.visit(url, self._validators_of)
        except FetchError:
            return False
        is_elsewhere = visit.at != self._run.pages[url].at and visit.at in self._seen
        return visit.finding is not Finding.GONE and is_elsewhere and self._run.is_led_to(visit.at, url)


def _visited(page: Page) -> str:
    return page.visited or ""
