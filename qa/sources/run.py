"""What the runs of sites and folders share: the pages that are known, failures, absences, and documents that no page leads to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from corpus.sources.addresses import is_address
from corpus.types import QuotableError
from index.jobs import MAX_ATTEMPTS, JobKind, JobStatus
from index.types import DamagedRow
from qa.audit import Change
from qa.ingest.files import FileOutcome
from qa.ingest.writer import DocumentWriter, Outcome, id_for_address
from qa.sources.claim import Claim
from qa.sources.registry import read_pages, source_named, write_pages
from qa.sources.source import FAILURES_SHOWN, MAX_ABSENCES, LastRun, Page, Source, utc_now
from qa.state_files import StateFiles

# Between two writes of what was seen. A process that is killed asks again for the pages since the last.
CHECKPOINT_SECONDS = 10.0

OnOutcome = Callable[[FileOutcome], None]


@dataclass(slots=True)
class Progress:
    """What a run has done so far, as in LastRun."""

    began: str = field(default_factory=utc_now)
    outcomes: Counter[str] = field(default_factory=Counter)
    missing: int = 0
    left_out: int = 0
    failed: int = 0
    requests: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)


class Run:
    """The state of one run. Documents are removed before the page that led to them is forgotten, so that a crash leaves none behind."""

    def __init__(self, source: Source, files: StateFiles, claim: Claim, writer: DocumentWriter, on_outcome: OnOutcome) -> None:
        self.source, self.is_sitemap = source, source.is_sitemap
        self.writer, self.engine, self.on_outcome = writer, writer.engine, on_outcome
        self.progress = Progress()
        self._files, self._claim = files, claim
        pages = read_pages(files)
        self.pages = pages.pop(source.name, {})
        self._elsewhere = {page.at for others in pages.values() for page in others.values()}
        self._leading = Counter(page.at for page in self.pages.values())  # pages by where they lead
        self._written = time.monotonic()

    def keep(self, url: str, page: Page) -> None:
        """Remember what was seen; a page that led elsewhere before no longer does."""
        before = self.pages.get(url)
        if before and before.job != page.job:
            self._dismiss(before)
        if before is None or before.at != page.at:
            self._leading[page.at] += 1
            if before is not None:
                self._leave(before.at)
        self.pages[url] = page

    def drop(self, url: str) -> None:
        """Forget a page, and remove the documents to which no other one leads."""
        self._dismiss(self.pages[url])
        self._leave(self.pages[url].at)
        del self.pages[url]

    def is_led_to(self, at: str, url: str) -> bool:
        """Whether another page than `url` leads there."""
        own = self.pages.get(url)
        return self._leading[at] > (own is not None and own.at == at)

    def holds(self, page: Page) -> bool:
        """Whether the documents of a page are stored as they were seen."""
        try:
            stored = self.engine.documents_from(page.at)
        except DamagedRow:
            return False
        return not self.engine.degraded and {document.source_hash for document in stored} == {page.digest}

    def succeed(self, url: str, page: Page, outcome: FileOutcome | None = None) -> None:
        """A page was found. `outcome`: what became of its documents, None if they were not read."""
        counted = outcome.documents if outcome else Counter({Outcome.UNCHANGED: 1})
        self.progress.outcomes.update({str(name): count for name, count in counted.items()})
        if outcome and set(counted) != {Outcome.UNCHANGED}:
            self.on_outcome(outcome)
        self.keep(url, page)

    def fail(self, url: str, reason: str, at: str | None = None) -> None:
        """A page could not be fetched or read: its documents stay, and an address is parked as a failed job."""
        page = self.pages.get(url) or Page(at or url)
        failures, job, reason = page.failures + 1, page.job, reason[:1_000]
        if is_address(page.at):
            document_id, attempts, who = id_for_address(page.at), min(failures, MAX_ATTEMPTS), self.writer.audit.who
            job = self.engine.jobs.accept(
                page.at,
                b"",
                document_id,
                JobKind.ADDRESS,
                edits=self.source.edits,
                by=who,
                failures=[reason],
                attempts=attempts,
            ).id
            if failures == 1:
                self.writer.audit.record(Change.ADD, "failed", documents=[document_id])
        self.keep(url, replace(page, failures=failures, reason=reason, job=job))
        self.show_failure(url, reason, failures)

    def show_failure(self, url: str, reason: str, attempts: int = 1) -> None:
        """Count something that could not be fetched or read."""
        self.progress.failed += 1
        if len(self.progress.failures) < FAILURES_SHOWN:
            self.progress.failures.append({"page": url, "reason": reason, "attempts": attempts})
        self.on_outcome(FileOutcome(url, Counter(), (reason,)))

    def miss(self, url: str) -> None:
        """A page was not found in this run."""
        page = self.pages.get(url)
        if page is None:
            return
        if page.absences + 1 >= MAX_ABSENCES:
            self.drop(url)
        else:
            self.keep(url, replace(page, absences=page.absences + 1))
            self.progress.missing += 1

    def unlisted(self, listed: Collection[str]) -> list[str]:
        """The known pages that are not listed any more."""
        return [url for url in self.pages if url not in listed]

    def checkpoint(self, *, now: bool = False) -> None:
        """Write what was seen, now and then or `now`. Raises SourceError if another process has begun a run, or the source was removed."""
        if now or time.monotonic() - self._written >= CHECKPOINT_SECONDS:
            self._claim.renew()
            source_named(self._files, self.source.name)
            write_pages(self._files, self.source.name, self.pages)
            self.engine.maintain()
            self._written = time.monotonic()

    def result(self, error: str | None) -> LastRun:
        done = self.progress
        return LastRun(
            done.began,
            utc_now(),
            len(+self._leading),
            dict(done.outcomes),
            done.missing,
            done.left_out,
            done.failed,
            done.failures,
            done.requests,
            error,
        )

    def _leave(self, at: str) -> None:
        self._leading[at] -= 1
        if self._leading[at] > 0 or at in self._elsewhere:
            return
        for document in self.engine.documents_from(at):
            if self.engine.remove(document.id):
                self.writer.record_removal(document)
                self.progress.outcomes[str(Outcome.REMOVED)] += 1
                self.on_outcome(FileOutcome(document.id, Counter({Outcome.REMOVED: 1})))

    def _dismiss(self, page: Page) -> None:
        """The parked job of a page that is found, or not followed any more. On another service its number may be that of another job."""
        with suppress(QuotableError):
            job = self.engine.jobs.job(page.job) if page.job else None
            if job and job.status is JobStatus.FAILED and job.name == page.at:
                self.engine.jobs.dismiss(job.id)
