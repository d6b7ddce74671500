"""Ingests accepted jobs one after another, in its own thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

from corpus.sandbox.pool import Sandbox
from corpus.sources.addresses import Hosts, is_address
from corpus.sources.fetcher import Fetcher
from corpus.types import QuotableError
from index.types import DamagedRow, Job, StoreError
from qa.ingest.files import read_entries
from qa.ingest.memory import return_freed_memory
from qa.ingest.writer import DocumentWriter, IncomingDocument, Outcome

log = logging.getLogger(__name__)

# Until a job that could not be stored (no space, an I/O error) is retried.
RETRY_SECONDS = 5.0
# Between two returns of freed memory to the system while there are no jobs; questions free some too.
IDLE_SECONDS = 60.0


class Worker:
    """Runs from `start` until `stop`; the next process resumes a job that was running then."""

    def __init__(self, writer: DocumentWriter, fetcher: Fetcher | None = None) -> None:
        self.writer = writer
        self.engine = writer.engine
        self.fetcher = fetcher or Fetcher(Hosts())
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingestion", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def accept(self, name: str, body: bytes, document_id: str) -> Job:
        """Queue the contents of a file: on disk when this returns, searchable soon after.

        `document_id`: for a document whose file does not name its own id.
        """
        job = self.engine.jobs.accept(name, body, document_id)
        self._wake.set()
        return job

    def accept_address(self, url: str, document_id: str) -> Job:
        """Queue a document to fetch: a job without a body, with the address as its name.

        Raises FetchError for an address that is not allowed.
        """
        self.fetcher.check(url)
        return self.accept(url, b"", document_id)

    def stop(self, seconds: float = 10.0) -> None:
        """Stop after the document that is being stored, or after `seconds`."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        with Sandbox() as sandbox:
            while not self._stopping.is_set():
                self._wake.clear()
                try:
                    if not self._one_job(sandbox):
                        self.engine.maintain()
                        self._rest()
                except QuotableError as error:
                    log.error("%s", error)
                    self._stopping.wait(RETRY_SECONDS)
                except Exception:
                    log.exception("unexpected error while ingesting documents")
                    self._stopping.wait(RETRY_SECONDS)

    def _rest(self) -> None:
        """Wait for a job."""
        return_freed_memory()
        while not self._wake.wait(IDLE_SECONDS):
            return_freed_memory()

    def _one_job(self, sandbox: Sandbox) -> bool:
        taken = self.engine.jobs.take()
        if taken is None:
            return False
        job, body = taken
        failures: list[str] = []
        documents = 0
        try:
            for placed in self.writer.put_all(self._entries(sandbox, job, body, failures), lambda: self._ended(job)):
                if placed.outcome == Outcome.CANCELLED:
                    return True
                documents += 1
                self.engine.maintain()
        except DamagedRow as error:
            failures.append(str(error))
        except StoreError:
            raise  # the disk, not the document: the job is retried
        except QuotableError as error:
            failures.append(str(error))
        except Exception as error:
            # A document that cannot be ingested must not be retried forever.
            log.exception("unexpected error in job %s", job.id)
            failures.append(f"it could not be ingested ({type(error).__name__}); the server's log has the details")
        self.engine.jobs.finish(job.id, documents, failures)
        return True

    def _entries(self, sandbox: Sandbox, job: Job, body: bytes, failures: list[str]) -> Iterator[IncomingDocument]:
        name, url, source = job.name, None, None
        if not body and is_address(job.name):
            fetched = self.fetcher.fetch(job.name)
            body, name, url, source = fetched.body, fetched.name, fetched.url, job.name
        return read_entries(sandbox, body, name, lambda document: document.id or job.document_id, source, failures, url)

    def _ended(self, job: Job) -> bool:
        return self._stopping.is_set() or self.engine.jobs.is_cancelled(job.id)
