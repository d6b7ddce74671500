"""A site that changes at random for 20 rounds: the documents end as its pages, and it is asked for little."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.documents.changing_site import ChangingSite, documents_of
from qa.sources.source import MAX_ABSENCES
from tests.qa.sources.service import SmallService

ROUNDS = 20


def follow(site: ChangingSite, service: SmallService) -> Iterator[str]:
    """Run the source in each round of change, and then until absent pages are removed; yield what is wrong."""
    service.run()
    yield from site.broken_rules()
    for number in range(ROUNDS + MAX_ABSENCES):
        site.change() if number < ROUNDS else site.rest()
        last = service.run()
        yield from site.broken_rules()
        if last.error:
            yield last.error
    stored = documents_of(service.writer.engine)
    yield from (f"{url} is not stored" for url in site.expected().keys() - stored.keys())
    yield from (f"{url} is no page of the site" for url in stored.keys() - site.expected().keys())
    yield from (f"{url} has another text" for url, text in site.expected().items() if text not in stored.get(url, ""))
    if service.writer.engine.jobs.failed():
        yield "failures are parked of pages that answer again"


@pytest.mark.parametrize(
    ("pages", "seed"),
    [(40, 1), (40, 2), pytest.param(2_000, 3, marks=[pytest.mark.long, pytest.mark.timeout(7_200)])],
)
def test_the_documents_are_the_pages_of_the_site(tmp_path: Path, pages: int, seed: int) -> None:
    site = ChangingSite(pages, seed)
    service = SmallService(tmp_path, site.port, f"{site.address}/sitemap.xml")
    try:
        assert list(follow(site, service)) == []
    finally:
        service.writer.close()
        site.stop()
