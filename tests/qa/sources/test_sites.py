"""Runs over a site: its documents follow its pages, and failures of the site remove nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from index.jobs import JobStatus
from qa.ingest.worker import Worker
from qa.ingest.writer import id_for_address
from tests.corpus.sources.site import Answer, say
from tests.qa.sources.service import SmallService
from tests.qa.sources.site_with_map import SiteWithMap
from tests.waiting import wait_for

LONG_AGO = (datetime.now(UTC) - timedelta(days=300)).date().isoformat()


@pytest.fixture
def site() -> Iterator[SiteWithMap]:
    running = SiteWithMap()
    yield running
    running.stop()


@pytest.fixture
def service(site: SiteWithMap, tmp_path: Path) -> Iterator[SmallService]:
    opened = SmallService(tmp_path, site.port, f"{site.address}/sitemap.xml", collection="press", access=("staff",))
    yield opened
    opened.writer.close()


def test_follows_pages_as_they_come_change_and_go(site: SiteWithMap, service: SmallService) -> None:
    site.put("/a", "The wizard studies.", '"1"')
    site.put("/b", "A passport costs pounds.")
    last = service.run()
    assert (last.pages, last.outcomes, last.error) == (2, {"added": 2}, None)
    assert service.documents() == {"a": "The wizard studies.", "b": "A passport costs pounds."}
    (document,) = service.writer.engine.documents_from(f"{site.address}/a")
    assert (document.id, document.url, document.collection) == (
        id_for_address(f"{site.address}/a"),
        f"{site.address}/a",
        "press",
    )
    assert document.edits["access"] == ["staff"]
    site.put("/a", "The wizard sleeps.", '"2"')
    site.put("/c", "A library.")
    assert service.run().outcomes == {"added": 1, "replaced": 1, "unchanged": 1}
    assert service.documents()["a"] == "The wizard sleeps."
    assert site.asked_in(service.run) == ["?/a", "/b", "/c"]
    assert service.source.last
    assert service.source.last.outcomes == {"unchanged": 3}
    assert [(outcome.path, *outcome.documents) for outcome in service.outcomes] == [
        (f"{site.address}/a", "added"),
        (f"{site.address}/b", "added"),
        (f"{site.address}/a", "replaced"),
        (f"{site.address}/c", "added"),
    ]


@pytest.mark.parametrize("is_listed", [True, False])
def test_removes_a_page_after_three_absences(site: SiteWithMap, service: SmallService, is_listed: bool) -> None:
    site.put("/a", "The wizard studies.", '"1"')
    site.put("/b", "A passport costs pounds.")
    service.run()
    answer = site.answers.pop("/b")
    if is_listed:
        site.answers["/b"] = say(410)
    else:
        del site.listed["/b"]
    for _ in range(2):
        last = service.run()
        assert (last.missing, last.pages, set(service.documents())) == (1, 2, {"a", "b"})
    site.answers["/b"] = answer  # it comes back, and its absences are forgotten
    site.listed["/b"] = None
    assert service.run().missing == 0
    del site.answers["/b"], site.listed["/b"]
    assert [service.run().missing for _ in range(3)] == [1, 1, 0]
    assert set(service.documents()) == {"a"}
    assert service.outcomes[-1].documents == {"removed": 1}
    assert "b" not in service.pages


def test_a_moved_page_is_one_document(site: SiteWithMap, service: SmallService) -> None:
    site.put("/a", "The wizard studies.", '"1"')
    site.put("/b", "A passport costs pounds.", '"1"')
    service.run()
    # /a moves, and the sitemap names the new address; /b moves, and the sitemap does not say so.
    del site.listed["/a"]
    site.put("/a2", "The wizard studies.", '"1"')
    site.answers["/a"] = say(301, Location="/a2")
    site.put("/b2", "A passport costs pounds.", '"1"')
    del site.listed["/b2"]
    site.answers["/b"] = say(308, Location="/b2")
    service.run()
    assert set(service.documents()) == {"a2", "b2"}
    assert sorted(site.asked_in(service.run)) == ["/b", "?/a2", "?/b2"]
    site.listed["/b2"] = None  # both addresses are listed
    assert sorted(site.asked_in(service.run)) == ["/b", "?/a2", "?/b2"]
    assert set(service.documents()) == {"a2", "b2"}
    del site.listed["/b"]
    for _ in range(3):
        service.run()
    assert (set(service.documents()), set(service.pages)) == ({"a2", "b2"}, {"a2", "b2"})


def test_a_temporary_redirect_moves_nothing(site: SiteWithMap, service: SmallService) -> None:
    site.put("/a", "The wizard studies.", '"1"')
    site.put("/b", "A passport costs pounds.", '"1"')
    service.run()
    site.put("/away", "Closed.", '"away"')
    del site.listed["/away"]
    site.answers |= {"/a": say(302, Location="/away"), "/b": say(307, Location="/away")}
    service.run()
    assert service.documents() == {"a": "Closed.", "b": "Closed."}
    assert site.asked_in(service.run).count("?/away") == 2
    site.put("/a", "The wizard studies.", '"1"')
    site.put("/b", "A passport costs pounds.", '"1"')
    service.run()
    assert service.documents() == {"a": "The wizard studies.", "b": "A passport costs pounds."}


def short(handler: Any) -> None:
    say(200, b"Half", Content_Length="1000")(handler)


def slow(handler: Any) -> None:
    handler.rfile.read(1)  # until the client gives up


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (say(500), "status 500"),
        (say(403), "status 403"),
        (short, "cannot be fetched"),
        (slow, "longer than 1 seconds"),
        (say(200, b"%PDF-1.4 broken"), "PDF"),
        (say(200, b"Words.", Content_Encoding="br"), "content encoding"),
        (say(301, Location="http://other.test/"), "url_hosts"),
    ],
    ids=["500", "403", "short", "slow", "unreadable", "encoding", "redirect"],
)
def test_a_page_that_fails_stays_as_it_was_and_is_parked(
    site: SiteWithMap, service: SmallService, answer: Answer, reason: str
) -> None:
    site.put("/a", "The wizard studies.", '"1"')
    site.put("/b", "A passport costs pounds.", '"1"')
    service.run()
    site.answers["/b"] = answer
    for attempts in range(1, 5):
        last = service.run()
        (job,) = service.writer.engine.jobs.jobs(JobStatus.FAILED, None, 10)
        assert (job.name, job.attempts, job.by) == (f"{site.address}/b", min(attempts, 3), "source site")
        assert (last.failed, last.failures[0]["attempts"]) == (1, attempts)
        assert reason in job.failures[0]
        assert reason in last.failures[0]["reason"]
    assert job.parked
    assert service.documents()["b"] == "A passport costs pounds."
    site.put("/b", "A passport is free.", '"2"')
    assert service.run().failed == 0
    assert service.writer.engine.jobs.failed() == 0
    assert service.documents()["b"] == "A passport is free."


def test_a_parked_page_can_be_tried_again_at_once(site: SiteWithMap, service: SmallService) -> None:
    site.put("/a", "The wizard studies.", '"1"')
    answer, site.answers["/a"] = site.answers["/a"], say(500)
    service.run()
    site.answers["/a"] = answer
    (job,) = service.writer.engine.jobs.jobs(JobStatus.FAILED, None, 10)
    worker = Worker(service.writer, service.runner._fetcher)
    worker.start()
    assert service.writer.engine.jobs.retry(job.id)
    wait_for(lambda: service.documents() == {"a": "The wizard studies."})
    worker.stop()
    (document,) = service.writer.engine.documents_from(f"{site.address}/a")
    assert document.collection == "press"
    assert service.run().outcomes == {"unchanged": 1}


@pytest.mark.parametrize(
    "answer",
    [
        say(404),
        say(500),
        say(200, b"<html>Maintenance</html>"),
        say(200, b"<urlset><url><loc>http"),
        say(302, Location="http://other.test/"),
    ],
    ids=["404", "500", "page", "damaged", "redirect"],
)
def test_a_sitemap_that_cannot_be_read_removes_nothing(site: SiteWithMap, service: SmallService, answer: Answer) -> None:
    site.put("/a", "The wizard studies.", '"1"')
    service.run()
    site.answers["/sitemap.xml"] = answer
    for _ in range(4):
        assert service.run().error
    assert set(service.documents()) == {"a"}
    assert service.pages["a"].absences == 0


def test_a_part_of_the_sitemap_that_cannot_be_read_removes_nothing(site: SiteWithMap, service: SmallService) -> None:
    site.put("/a", "The wizard studies.", '"1"')
    site.put("/b", "A passport costs pounds.", '"1"')
    parts = {"/1.xml": "/a", "/2.xml": "/b"}
    index = "".join(f"<sitemap><loc>{site.address}{part}</loc></sitemap>" for part in parts)
    site.answers["/sitemap.xml"] = say(body=f"<sitemapindex>{index}</sitemapindex>".encode())
    for part, path in parts.items():
        site.answers[part] = say(body=f"{site.address}{path}\n".encode())
    service.run()
    assert set(service.documents()) == {"a", "b"}
    site.answers["/2.xml"] = say(500)
    for _ in range(4):
        last = service.run()
        assert (last.failed, last.missing, last.error) == (1, 0, None)
    assert set(service.documents()) == {"a", "b"}
    assert service.writer.engine.jobs.failed() == 0  # a sitemap is no document


def test_a_page_that_may_not_be_fetched_is_left_out_and_goes(site: SiteWithMap, service: SmallService) -> None:
    site.put("/a", "The wizard studies.", '"1"')
    site.put("/b", "A passport costs pounds.", '"1"', lastmod=LONG_AGO)
    site.listed |= {"/c": None}
    site.answers["/robots.txt"] = say(body=b"User-agent: *\nDisallow: /c\n")
    assert service.run().left_out == 1
    site.answers["/robots.txt"] = say(body=b"User-agent: quotable\nDisallow: /b\n")
    assert "/b" not in " ".join(site.asked_in(service.run))
    service.run()
    assert set(service.documents()) == {"a", "b"}
    service.run()
    assert set(service.documents()) == {"a"}
    site.answers["/robots.txt"] = say(503)
    assert "robots.txt" in str(service.run().error)
    assert set(service.documents()) == {"a"}


def test_asks_for_a_page_only_if_its_date_in_the_sitemap_may_be_new(site: SiteWithMap, service: SmallService) -> None:
    today = datetime.now(UTC).date().isoformat()
    site.put("/a", "The wizard studies.", '"1"', lastmod=LONG_AGO)
    site.put("/b", "A passport costs pounds.", '"1"', lastmod=today)  # it may change again today
    site.put("/c", "A library.", '"1"', lastmod="not a date")
    service.run()
    assert site.asked_in(service.run) == ["?/b", "?/c"]
    site.put("/a", "The wizard sleeps.", '"2"', lastmod="2026-01-02T03:04:05Z")
    assert site.asked_in(service.run) == ["?/a", "?/b", "?/c"]
    assert site.asked_in(service.run) == ["?/b", "?/c"]
    assert service.documents()["a"] == "The wizard sleeps."


def test_what_the_store_lacks_is_fetched_again(site: SiteWithMap, service: SmallService) -> None:
    site.put("/a", "The wizard studies.", '"1"', lastmod=LONG_AGO)
    site.put("/b", "A passport costs pounds.", '"1"')
    service.run()
    for path in ("/a", "/b"):
        assert service.writer.engine.remove(id_for_address(site.address + path))
    assert site.asked_in(service.run) == ["/a", "/b"]
    assert set(service.documents()) == {"a", "b"}


def test_a_single_page_is_followed_too(site: SiteWithMap, tmp_path: Path) -> None:
    site.put("/a", "The wizard studies.", '"1"')
    service = SmallService(tmp_path, site.port, f"{site.address}/a")
    assert site.asked_in(service.run) == ["/a"]
    assert (service.source.is_sitemap, set(service.documents())) == (False, {"a"})
    assert site.asked_in(service.run) == ["?/a"]
    site.put("/a", "The wizard sleeps.", '"2"')
    service.run()
    assert service.documents() == {"a": "The wizard sleeps."}
    site.answers["/a"] = say(404)
    assert [(service.run().missing, len(service.documents())) for _ in range(3)] == [(1, 1), (1, 1), (0, 0)]
    service.writer.close()


def test_two_sources_share_a_page(site: SiteWithMap, service: SmallService) -> None:
    from qa.sources.registry import add_source, source_named
    from qa.sources.source import Source, utc_now

    site.put("/a", "The wizard studies.", '"1"')
    site.put("/b", "A passport costs pounds.", '"1"')
    add_source(service.files, Source("page", f"{site.address}/a", utc_now()))
    service.run()
    other = source_named(service.files, "page")
    assert service.runner.run(other)
    del site.listed["/a"]
    for _ in range(4):
        service.run()
    assert set(service.documents()) == {"a", "b"}
    service.runner.remove(other, with_documents=True)
    assert set(service.documents()) == {"b"}
