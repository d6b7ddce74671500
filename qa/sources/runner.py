"""Runs sources: one at a time in a service, by hand or when they are due."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Thread

from corpus.sandbox.pool import Sandbox
from corpus.sources.crawler import Crawler, Stopped
from corpus.sources.fetcher import Fetcher
from corpus.types import QuotableError
from index.types import StoreError
from qa.ingest.writer import DocumentWriter
from qa.sources.claim import Claim
from qa.sources.folder import follow_folder
from qa.sources.registry import read_sources, record_run, remove_source, source_named
from qa.sources.run import OnOutcome, Run
from qa.sources.source import LastRun, Source, SourceError
from qa.state_files import StateFiles

log = logging.getLogger(__name__)

# Between two looks for sources that are due.
LOOK_SECONDS = 2.0
# After an error of the disk or the cluster, which is not the source's.
RETRY_SECONDS = 30.0


class SourceRunner:
    """Runs one source at a time, until `stopping` is set."""

    def __init__(
        self, writer: DocumentWriter, fetcher: Fetcher, files: StateFiles, pause: float, stopping: Event | None = None
    ) -> None:
        """`files`: where the sources are. `pause`: seconds between two requests to a host."""
        self.files, self.stopping = files, stopping or Event()
        self._writer, self._fetcher, self._pause = writer, fetcher, pause

    def run(self, source: Source, on_outcome: OnOutcome = lambda outcome: None) -> LastRun | None:
        """Run a source now, and record how it ended. `on_outcome`: told of what changed or failed.

        None if another process runs one, or has run this one since `source` was read: read it again then. Raises Stopped, StoreError if the
        documents cannot be written, and SourceError if the source was removed.
        """
        claim = Claim(self.files)
        if not claim.take():
            return None
        try:
            if source_named(self.files, source.name) != source:
                return None
            run = Run(source, self.files, claim, self._writer.by(f"source {source.name}"), on_outcome)
            last = self._run(run)
            record_run(self.files, source.name, last, run.is_sitemap)
            return last
        finally:
            claim.release()

    def remove(self, source: Source, *, with_documents: bool, on_outcome: OnOutcome = lambda outcome: None) -> None:
        """Forget a source, and remove its documents if `with_documents`, but for those of other sources.

        Raises SourceError if there is none, or while a process runs one.
        """
        claim = Claim(self.files)
        if not claim.take():
            raise SourceError("a source is being run; try again when `qa source list` shows that it has ended")
        try:
            if with_documents:
                run = Run(source, self.files, claim, self._writer, on_outcome)
                for url in list(run.pages):
                    run.drop(url)
                self._writer.engine.maintain()
            remove_source(self.files, source.name)
        finally:
            claim.release()

    def _run(self, run: Run) -> LastRun:
        error = None
        try:
            with Sandbox() as sandbox:
                if run.source.is_folder:
                    follow_folder(run, sandbox, self.stopping.is_set)
                else:
                    from qa.sources.site import SiteRun  # which imports an XML parser

                    SiteRun(run, Crawler(self._fetcher, self._pause, self.stopping.wait), sandbox).follow()
        except Stopped:
            raise
        except StoreError:
            raise
        except QuotableError as problem:
            error = str(problem)
        except Exception as problem:
            log.exception("unexpected error in a run of the source %s", run.source.name)
            error = f"unexpected error ({type(problem).__name__}); the log has the details"
        finally:
            run.checkpoint(now=True)
        return run.result(error)


class Schedule:
    """Runs the sources that are due, in a thread of its own from `start` until `stop`."""

    def __init__(self, runner: SourceRunner, say: Callable[[str], None] = log.info) -> None:
        """`say`: told how each run ended."""
        self._runner, self._say = runner, say
        self._thread = Thread(target=self._run, name="sources", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Stop after the page that is being read, or after `seconds`; the next start goes on."""
        self._runner.stopping.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._runner.stopping.wait(LOOK_SECONDS):
            try:
                for source in read_sources(self._runner.files).values():
                    if source.is_due(datetime.now(UTC)) and (last := self._runner.run(source)):
                        self._say(f"source {source.name}: {last}")
            except Stopped:
                return
            except QuotableError as error:
                log.error("sources: %s", error)
                self._runner.stopping.wait(RETRY_SECONDS)
            except Exception:
                log.exception("unexpected error while following sources")
                self._runner.stopping.wait(RETRY_SECONDS)
