"""A small service with sources, in this process: a tiny model, a fetcher for loopback, and short limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.documents.changing_site import documents_of
from benchmarks.durability import small
from corpus.sources.addresses import Hosts
from corpus.sources.fetcher import Fetcher, Limits
from qa.ingest.files import FileOutcome
from qa.operate.state import state_files_of
from qa.sources.registry import add_source, read_pages, source_named
from qa.sources.runner import SourceRunner
from qa.sources.source import LastRun, Page, Source, utc_now

LIMITS = Limits(seconds=1.0, connect_seconds=0.5)


class SmallService:
    """Runs its only source, `site`, against servers on loopback."""

    def __init__(self, folder: Path, port: int, place: str, **fields: Any) -> None:
        settings = small.settings_for(folder / "data", small.make_model(folder / "model", folder / "data" / "models"))
        self.writer = small.open_writer(folder / "data", settings.model)
        self.files = state_files_of(settings)
        fetcher = Fetcher(Hosts([], [f"127.0.0.1:{port}"]), LIMITS)
        self.runner = SourceRunner(self.writer, fetcher, self.files, 0.0)
        self.outcomes: list[FileOutcome] = []
        add_source(self.files, Source("site", place, utc_now(), **fields))

    @property
    def source(self) -> Source:
        return source_named(self.files, "site")

    @property
    def pages(self) -> dict[str, Page]:
        """What was seen, by the last word of the address."""
        return {url.rpartition("/")[2]: page for url, page in read_pages(self.files).get("site", {}).items()}

    def run(self) -> LastRun:
        last = self.runner.run(self.source, self.outcomes.append)
        assert last
        return last

    def documents(self) -> dict[str, str]:
        """The text of every document by the last word of its location."""
        found = documents_of(self.writer.engine)
        return {location.rpartition("/")[2]: text for location, text in found.items()}
