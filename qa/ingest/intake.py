"""Accepts documents to ingest, in any process: a job is on disk when it is accepted, and the process with the worker takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from corpus.sources.addresses import Hosts
from corpus.sources.fetcher import Fetcher
from index.engine import Engine
from index.jobs import IfExists, Job, JobKind
from index.types import NO_EDITS, StoredDocument


class Intake:
    def __init__(self, engine: Engine, fetcher: Fetcher | None = None, wake: Callable[[], None] = lambda: None) -> None:
        """`wake`: makes the worker look for jobs, if it is in this process."""
        self.engine = engine
        self._fetcher = fetcher or Fetcher(Hosts())
        self._wake = wake

    def accept(
        self,
        name: str,
        body: bytes,
        document_id: str,
        kind: JobKind = JobKind.FILE,
        if_exists: IfExists = IfExists.REPLACE,
        edits: Mapping[str, Any] = NO_EDITS,
    ) -> Job:
        """Queue the contents of a file: on disk when this returns, searchable soon after.

        `document_id`: for a document whose file does not name its own id. `edits`: as in `Engine.put`.
        """
        job = self.engine.jobs.accept(name, body, document_id, kind, if_exists, edits)
        self._wake()
        return job

    def accept_address(
        self,
        url: str,
        document_id: str,
        if_exists: IfExists = IfExists.REPLACE,
        edits: Mapping[str, Any] = NO_EDITS,
    ) -> Job:
        """Queue a document to fetch. Raises FetchError for an address that is not allowed."""
        self._fetcher.check(url)
        return self.accept(url, b"", document_id, JobKind.ADDRESS, if_exists, edits)

    def edit(self, document_id: str, changes: Mapping[str, Any]) -> tuple[StoredDocument, Job | None] | None:
        """Edit a document: at once, but for a new title in its passages, which a job brings. None if there is none. Raises DamagedRow."""
        edited = self.engine.edit(document_id, changes)
        self._wake()
        return edited

    def retry(self, number: int) -> bool:
        """Queue a failed job again; False if it has not failed, or its file is not kept any more."""
        queued = self.engine.jobs.retry(number)
        self._wake()
        return queued
