"""Polite visits: robots.txt, one request at a time with a pause, redirects, and hosts that answer nothing of use."""

from __future__ import annotations

import time
from threading import Event

import pytest

from corpus.sources.addresses import FetchError, Hosts
from corpus.sources.crawler import MAX_FAILURES, Crawler, Finding, HostUnavailable, NotAllowed, Stopped
from corpus.sources.fetcher import Validators
from tests.corpus.sources.fetchers import fetcher_for
from tests.corpus.sources.site import Site, say


def crawler_for(site: Site, pause: float = 0.0) -> Crawler:
    return Crawler(fetcher_for(site), pause, Event().wait)


def at(site: Site, path: str) -> str:
    return f"http://docs.test:{site.port}{path}"


def asked(site: Site) -> list[str]:
    return [path for path, _ in site.asked]


def test_heeds_the_rules_for_all_programs_and_for_this_one(site: Site) -> None:
    site.answers = {
        "/robots.txt": say(
            body=b"\xef\xbb\xbfUser-agent: *\nDisallow: /\n\nUser-agent: Quotable\nDisallow: /a\nAllow: /a/open\nDisallow: /*.pdf$\n"
        ),
        "/a/open/x": say(),
        "/b": say(),
        "/moved": say(301, Location="/a/x"),
    }
    crawler = crawler_for(site)
    assert crawler.visit(at(site, "/a/open/x")).finding is Finding.PAGE
    assert crawler.visit(at(site, "/b")).finding is Finding.PAGE
    for path in ("/a/x", "/a", "/b.pdf", "/moved"):
        with pytest.raises(NotAllowed, match=r"robots\.txt does not allow"):
            crawler.visit(at(site, path))
    assert asked(site) == ["/robots.txt", "/a/open/x", "/b", "/moved"]


@pytest.mark.parametrize("status", [401, 404, 410])
def test_a_site_without_rules_allows_everything(site: Site, status: int) -> None:
    site.answers = {"/robots.txt": say(status), "/b": say()}
    assert crawler_for(site).visit(at(site, "/b")).finding is Finding.PAGE


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_site_that_cannot_say_its_rules_allows_nothing(site: Site, status: int) -> None:
    site.answers = {"/robots.txt": say(status), "/b": say()}
    with pytest.raises(HostUnavailable, match="is unknown"):
        crawler_for(site).visit(at(site, "/b"))
    assert asked(site) == ["/robots.txt"]


def test_rules_are_followed_to_where_they_have_moved(site: Site) -> None:
    site.answers = {"/robots.txt": say(301, Location="/rules"), "/rules": say(body=b"User-agent: *\nDisallow: /b\n")}
    with pytest.raises(NotAllowed):
        crawler_for(site).visit(at(site, "/b"))


def test_only_hosts_of_the_settings_are_asked(site: Site) -> None:
    with pytest.raises(NotAllowed, match="url_hosts"):
        crawler_for(site).visit("http://other.test/")
    site.answers = {"/out": say(302, Location="http://other.test/")}
    with pytest.raises(FetchError, match="url_hosts"):
        crawler_for(site).visit(at(site, "/out"))
    assert asked(site) == ["/robots.txt", "/out"]


def test_pauses_between_two_requests_as_long_as_the_site_asks(site: Site) -> None:
    site.answers = {"/robots.txt": say(body=b"User-agent: *\nCrawl-delay: 0.3\n"), "/a": say(), "/b": say(503, Retry_After="1")}
    crawler, waits = crawler_for(site, 0.1), list[float]()

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    crawler._wait = wait
    crawler.visit(at(site, "/a"))
    with pytest.raises(FetchError, match="status 503"):
        crawler.visit(at(site, "/b"))
    with pytest.raises(FetchError, match="status 503"):
        crawler.visit(at(site, "/b"))
    assert waits[0] == 0
    assert 0 < waits[1] <= 0.1
    assert 0.2 < waits[2] <= 0.3
    assert 0.9 < waits[3] <= 1.0
    assert asked(site) == ["/robots.txt", "/a", "/b"]  # once is enough


def test_a_moved_page_is_one_page(site: Site) -> None:
    site.answers = {
        "/old": say(301, Location="/older"),
        "/older": say(308, Location="/new"),
        "/new": say(ETag='"1"'),
        "/away": say(302, Location="/new"),
        "/gone": say(301, Location="/nothing"),
    }
    crawler = crawler_for(site)
    first = crawler.visit(at(site, "/old"))
    assert (first.finding, first.at, first.validators) == (Finding.PAGE, at(site, "/new"), Validators('"1"'))
    for path in ("/new", "/older", "/old"):
        visit = crawler.visit(at(site, path))
        assert (visit.finding, visit.at) == (Finding.SEEN, at(site, "/new"))
    assert asked(site) == ["/robots.txt", "/old", "/older", "/new"]
    away = crawler.visit(at(site, "/away"))
    assert (away.finding, away.at, away.source) == (Finding.PAGE, at(site, "/away"), at(site, "/new"))
    assert crawler.visit(at(site, "/nothing")).finding is Finding.GONE
    assert crawler.visit(at(site, "/gone")).finding is Finding.GONE


def test_sends_back_what_the_server_said_of_a_version(site: Site) -> None:
    site.answers = {"/a": say(304), "/odd": say(ETag='"\xfc"', Last_Modified="x" * 600)}
    known = Validators('W/"1"', "Sat, 28 Nov 2026 08:00:00 GMT")
    crawler = crawler_for(site)
    assert crawler.visit(at(site, "/a"), lambda page, source: known).finding is Finding.UNCHANGED
    headers = site.asked[-1][1]
    assert (headers["if-none-match"], headers["if-modified-since"]) == (known.etag, known.last_modified)
    assert crawler.visit(at(site, "/odd")).validators == Validators()


def test_a_loop_of_redirects_ends(site: Site) -> None:
    site.answers = {"/a": say(301, Location="/b"), "/b": say(301, Location="/a")}
    with pytest.raises(FetchError, match="redirects more than"):
        crawler_for(site).visit(at(site, "/a"))


def test_leaves_a_host_alone_that_fails_again_and_again(site: Site) -> None:
    site.answers = {f"/{number}": say(500) for number in range(2 * MAX_FAILURES)} | {"/good": say(), "/bad": say(500)}
    crawler = crawler_for(site)
    for number in range(MAX_FAILURES):
        with pytest.raises(FetchError):
            crawler.visit(at(site, f"/{number}"))
    crawler.visit(at(site, "/good"))
    for number in range(MAX_FAILURES, 2 * MAX_FAILURES):
        with pytest.raises(FetchError):
            crawler.visit(at(site, f"/{number}"))
    with pytest.raises(HostUnavailable, match="left to the next run"):
        crawler.visit(at(site, "/bad"))


def test_ends_when_it_is_told_to() -> None:
    stopping, begun = Event(), time.monotonic()
    stopping.set()
    site = Site()
    with pytest.raises(Stopped):
        Crawler(fetcher_for(site), 60.0, stopping.wait).visit(at(site, "/a"))
    assert time.monotonic() - begun < 30
    site.stop()


def test_no_host_is_allowed_by_default() -> None:
    from corpus.sources.fetcher import Fetcher

    with pytest.raises(NotAllowed, match="url_hosts"):
        Crawler(Fetcher(Hosts()), 0.0, Event().wait).visit("https://docs.example.org/")
