"""Ingests accepted jobs one after another, in its own thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Hashable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Protocol

from corpus.sandbox.pool import Sandbox
from corpus.sources.addresses import Hosts
from corpus.sources.fetcher import Fetcher
from corpus.types import QuotableError
from index.jobs import MAX_ATTEMPTS, Job, JobKind
from index.types import DamagedRow, Origin, StoreError
from qa.audit import Change
from qa.ingest.contents import Content, Report, job_location, store, upload_source
from qa.ingest.writer import DocumentWriter, Outcome, PutResult
from qa.memory import return_freed_memory

log = logging.getLogger(__name__)

# Until a job that could not be stored (no space, an I/O error) is retried.
RETRY_SECONDS = 5.0
# Before the second and the third attempt of a job whose reader crashed.
PAUSES = (2.0, 10.0)
# Between two returns of freed memory to the system while there are no jobs; questions free some too.
IDLE_SECONDS = 60.0
# Between two looks for what other processes have queued or stored; a look takes microseconds.
POLL_SECONDS = 0.05


class Companion(Protocol):
    """What adds documents in a thread of its own, such as a `Watcher`."""

    def start(self) -> None: ...
    def stop(self, seconds: float) -> None: ...


class Worker:
    """Runs from `start` until `stop`; the next process resumes a job that was running then."""

    def __init__(
        self,
        writer: DocumentWriter,
        fetcher: Fetcher | None = None,
        sandbox: Sandbox | None = None,
        pauses: Sequence[float] = PAUSES,
        beside: Sequence[Companion] = (),
    ) -> None:
        """`pauses`: seconds before each further attempt of a job that may succeed then, MAX_ATTEMPTS - 1 of them.

        `beside`: what else adds documents in this process, started and stopped with the worker.
        """
        self.writer = writer
        self._beside = beside
        self.engine = writer.engine
        self.fetcher = fetcher or Fetcher(Hosts())
        self.failures = 0  # failed attempts of this process
        self._sandbox = sandbox or Sandbox()
        self._pauses = pauses
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingestion", daemon=True)

    def start(self) -> None:
        self._thread.start()
        for companion in self._beside:
            companion.start()

    def wake(self) -> None:
        """Look for jobs now."""
        self._wake.set()

    def stop(self, seconds: float = 10.0) -> None:
        """Stop after the document that is being stored, or after `seconds`."""
        self._stopping.set()
        self._wake.set()
        for companion in self._beside:
            companion.stop(seconds)
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        with self._sandbox:
            while not self._stopping.is_set():
                self._wake.clear()
                try:
                    state = self.engine.jobs.state()
                    if not self._one_job():
                        self.engine.maintain()
                        self._rest(state)
                except QuotableError as error:
                    log.error("%s", error)
                    self._stopping.wait(RETRY_SECONDS)
                except Exception:
                    log.exception("unexpected error while ingesting documents")
                    self._stopping.wait(RETRY_SECONDS)

    def _rest(self, state: Hashable) -> None:
        """Wait for a job, or for documents that another process stores: the index may be behind then. `state`: of the jobs seen last."""
        return_freed_memory()
        rested, due = time.monotonic(), self.engine.jobs.seconds_until_due()
        while not self._wake.wait(POLL_SECONDS) and self.engine.jobs.state() == state:
            seconds = time.monotonic() - rested
            if due is not None and seconds >= due:
                return
            if seconds > IDLE_SECONDS:
                return_freed_memory()
                rested, due = time.monotonic(), self.engine.jobs.seconds_until_due()

    def _one_job(self) -> bool:
        taken = self.engine.jobs.take()
        if taken is None:
            return False
        job, body = taken
        report = Report()
        may_succeed_later = False
        try:
            for result in self._results(job, body, report):
                if result.outcome is Outcome.CANCELLED:
                    self.engine.jobs.release(job.id)
                    return True
                self.engine.maintain()
        except DamagedRow as error:
            report.failures.append(str(error))
        except StoreError:
            raise  # the disk, not the document: the job is retried
        except QuotableError as error:
            report.failures.append(str(error))
        except Exception as error:
            # A document that cannot be ingested must not be retried forever.
            log.exception("unexpected error in job %s", job.id)
            report.failures.append(f"it could not be ingested ({type(error).__name__}); the server's log has the details")
            may_succeed_later = True
        self._finish(job, report, may_succeed_later or report.crashed)
        return True

    def _results(self, job: Job, body: bytes, report: Report) -> Iterator[PutResult]:
        if job.kind is not JobKind.EDIT:
            content, writer = self._content(job, body), self.writer.by(job.by)
            for result in store(writer, self._sandbox, content, report, job.if_exists, lambda: self._ended(job)):
                if result.outcome is Outcome.UNCHANGED and job.attempts > 1:
                    writer.record(result)  # the process may have ended after it was stored and before it was logged
                yield result
            return
        for result in self.writer.put_again(job.document_id, lambda: self._ended(job)):
            if result.outcome is not Outcome.CANCELLED:
                report.outcomes[result.outcome] += 1
            yield result

    def _finish(self, job: Job, report: Report, may_succeed_later: bool) -> None:
        documents = report.outcomes.total()
        if report.failures:
            self.failures += 1
            # Without names and reasons, which quote the file's name.
            attempt = f"attempt {job.attempts} of {MAX_ATTEMPTS}" if may_succeed_later else "not tried again"
            log.warning("job %s failed (%s); GET /v1/jobs/%s has the reasons", job.id, attempt, job.id)
        if may_succeed_later and not documents and job.attempts < MAX_ATTEMPTS:
            self.engine.jobs.postpone(job.id, report.failures, self._pauses[job.attempts - 1])
        else:
            if not documents and report.failures and job.kind is not JobKind.EDIT:
                self.writer.audit.by(job.by).record(Change.ADD, "failed", documents=[job.document_id])
            outcomes = {str(outcome): count for outcome, count in report.outcomes.items()}
            self.engine.jobs.finish(job.id, documents, report.failures, outcomes)

    def _content(self, job: Job, body: bytes) -> Content:
        """Raises FetchError."""
        location = job_location(job)
        if job.kind is JobKind.ADDRESS:
            fetched = self.fetcher.fetch(job.name)
            origin = Origin(location, job.name, file_name=fetched.name)
            return Content(fetched.body, fetched.name, origin, job.document_id, fetched.url, job.edits)
        if job.kind is JobKind.RECORD:
            return Content(body, "document.jsonl", Origin(location), job.document_id, edits=job.edits)
        source = upload_source(job.name)
        origin = Origin(location, source, file_name=PurePosixPath(source).name)
        return Content(body, job.name, origin, job.document_id, edits=job.edits)

    def _ended(self, job: Job) -> bool:
        return self._stopping.is_set() or self.engine.jobs.is_cancelled(job.id)
