"""Jobs: accepted files, records and addresses, and the protocol of the queue that an engine keeps of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from index.types import NO_EDITS

MAX_ATTEMPTS = 3


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobKind(StrEnum):
    """What a job's name and body are: a file's name and contents; a record in JSON; an address to fetch and no body.

    EDIT: a stored document is put again, because its title changed; it has no body.
    """

    FILE = "file"
    RECORD = "record"
    ADDRESS = "address"
    EDIT = "edit"


class IfExists(StrEnum):
    """What to do with a document whose id is stored already."""

    REPLACE = "replace"
    KEEP = "keep"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Job:
    """Something to ingest. `document_id`: for a document that does not name its own id; `documents`: number of documents now stored.

    `attempts`: how often it was begun. `retry_at`: when it is tried again, None for at once. `outcomes`: number of documents by outcome.
    `created`, `finished`, `retry_at`: ISO 8601, UTC. `edits`: `collection` and `access` of its documents, as in `Engine.put`.
    `by`: who sent it.
    """

    id: int
    status: JobStatus
    kind: JobKind
    document_id: str
    name: str
    if_exists: IfExists
    attempts: int
    retry_at: str | None
    documents: int
    outcomes: Mapping[str, int]
    failures: Sequence[str]
    created: str
    finished: str | None
    edits: Mapping[str, Any] = field(default_factory=dict)
    by: str | None = None

    @property
    def parked(self) -> bool:
        """Whether it failed in every attempt and is not tried again by itself."""
        return self.status is JobStatus.FAILED and self.attempts >= MAX_ATTEMPTS


class Jobs(Protocol):
    """Accepted files and addresses, on disk until they are ingested, in the order of acceptance. Failed ones stay until dismissed."""

    def accept(
        self,
        name: str,
        body: bytes,
        document_id: str,
        kind: JobKind = JobKind.FILE,
        if_exists: IfExists = IfExists.REPLACE,
        edits: Mapping[str, Any] = NO_EDITS,
        by: str | None = None,
        failures: Sequence[str] = (),
        attempts: int = 0,
    ) -> Job:
        """Queue a job; it is on disk when this returns. `name`: of the file; `body`: its contents; `by`: who sent it.

        `failures`: of what was tried in vain, `attempts` times: the job has failed then, and waits until it is retried or dismissed.
        Failed jobs of the same document are dismissed, and those that wait for another attempt are cancelled.
        """
        ...

    def job(self, number: int) -> Job | None: ...
    def jobs(self, status: JobStatus | None, before: int | None, limit: int) -> Sequence[Job]:
        """Up to `limit` jobs with a status and ids below `before`, the newest first; None for any."""
        ...

    def waiting(self) -> int:
        """The number of jobs that are queued or running."""
        ...

    def failed(self) -> int:
        """The number of failed jobs."""
        ...

    def take(self) -> tuple[Job, bytes] | None:
        """The next due job, now running, with its body; again after a crash, up to MAX_ATTEMPTS times.

        Raises DamagedRow for a damaged body; the job has failed.
        """
        ...

    def state(self) -> Hashable:
        """Changes with every job and document that any process stores; comparable only with earlier states in the same thread."""
        ...

    def seconds_until_due(self) -> float | None:
        """Until the next postponed job is due; None if there is none."""
        ...

    def is_cancelled(self, number: int) -> bool: ...
    def finish(self, number: int, documents: int, failures: Sequence[str], outcomes: Mapping[str, int] | None = None) -> None:
        """Mark a job done, or failed if it stored no document; a cancelled job stays cancelled."""
        ...

    def postpone(self, number: int, failures: Sequence[str], seconds: float) -> None:
        """Queue a running job again, to be tried after a pause; `failures` say why."""
        ...

    def release(self, number: int) -> None:
        """Queue a running job again without counting this attempt."""
        ...

    def retry(self, number: int) -> bool:
        """Queue a failed job again; False if it has not failed, or its body is not kept any more."""
        ...

    def dismiss(self, number: int) -> bool:
        """Delete a failed job; False if it has not failed."""
        ...
