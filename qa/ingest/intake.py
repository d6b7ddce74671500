"""Accepts documents to ingest, in any process: a job is on disk when it is accepted, and the process with the worker takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from corpus.sources.addresses import Hosts
from corpus.sources.fetcher import Fetcher
from index.engine import Engine
from index.jobs import IfExists, Job, JobKind
from index.types import NO_EDITS, StoredDocument
from qa.audit import AuditLog
from qa.ingest.parts import remove_with_parts


class Intake:
    def __init__(
        self,
        engine: Engine,
        fetcher: Fetcher | None = None,
        wake: Callable[[], None] = lambda: None,
        audit: AuditLog | None = None,
    ) -> None:
        """`wake`: makes the worker look for jobs, if it is in this process. `audit`: where changes are logged."""
        self.engine = engine
        self._audit = audit or AuditLog()
        self._fetcher = fetcher or Fetcher(Hosts())
        self._wake = wake

    @property
    def audit(self) -> AuditLog:
        """In the name of who sends."""
        return self._audit

    def by(self, who: str) -> Intake:
        """The same intake, in the name of someone else in the audit log."""
        return Intake(self.engine, self._fetcher, self._wake, self._audit.by(who))

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
        job = self.engine.jobs.accept(name, body, document_id, kind, if_exists, edits, self._audit.who)
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
        if edited:
            self._audit.record_edit(edited[0], changes)
        self._wake()
        return edited

    def remove(self, document_id: str) -> bool:
        """Remove a document and its parts; false if there was neither a document nor a waiting job."""
        return remove_with_parts(self.engine, document_id, self._audit)

    def retry(self, number: int) -> bool:
        """Queue a failed job again; False if it has not failed, or its file is not kept any more."""
        queued = self.engine.jobs.retry(number)
        self._wake()
        return queued
