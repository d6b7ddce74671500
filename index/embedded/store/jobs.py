"""The queue of accepted work, kept in the database so that a restart continues it.

A job is on disk before its acceptance is acknowledged. Jobs run in the order of acceptance, at least once: after a crash the running
one runs again, with the same result. A failed job keeps its body until it is retried or dismissed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from index.documents import now
from index.embedded.store.database import Database
from index.embedded.store.rows import row_hash
from index.embedded.store.sql import insert, next_number
from index.jobs import MAX_ATTEMPTS, IfExists, Job, JobKind, JobStatus
from index.types import NO_EDITS, DamagedRow

MAX_FINISHED = 10_000  # older ones are deleted, separately for failed jobs and others
MAX_FAILED_BYTES = 1_000_000_000  # of all bodies of failed jobs; the oldest are dropped
_COLUMNS = "id, status, kind, document_id, name, if_exists, edits, attempts, retry_at, documents, outcomes, failures, created, finished"
_ACCEPTED = "id, status, kind, document_id, name, if_exists, edits, created, hash, body"
JOB_COLUMNS = f"{_COLUMNS}, hash, body"
NONE_GIVEN = "{}"  # no edits
_BY = "by"  # the key of `Job.by` in the column of edits
_ENDED = "the server ended while this was being added; it is tried again only if you ask for it"


class JobQueue:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._running: int | None = None  # taken by this process

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
        """Store a job. It supersedes failed jobs of the same document, and those that wait for another attempt."""
        with self._database.transaction() as connection:
            if kind is not JobKind.EDIT:
                connection.execute("DELETE FROM jobs WHERE document_id = ? AND status = 'failed'", (document_id,))
                self._cancel(document_id, "status = 'queued' AND attempts > 0")
            number = next_number(connection, "jobs", "id")
            given = json.dumps({**edits, **({_BY: by} if by else {})}, sort_keys=True)
            hashed = _body_hash(number, kind, document_id, name, if_exists, given, body)
            status, finished = (JobStatus.FAILED, now()) if failures else (JobStatus.QUEUED, None)
            row = (number, status, kind, document_id, name, if_exists, given, now(), hashed, body)
            state = (attempts, json.dumps(list(failures), ensure_ascii=False), finished)
            insert(connection, "jobs", f"{_ACCEPTED}, attempts, failures, finished", (*row, *state))
            for old in ("status = 'failed'", "status IN ('done', 'cancelled')"):
                older = f"SELECT id FROM jobs WHERE {old} ORDER BY id DESC LIMIT -1 OFFSET {MAX_FINISHED}"
                connection.execute(f"DELETE FROM jobs WHERE id IN ({older})")
        return self._jobs("WHERE id = ?", number)[0]

    def job(self, number: int) -> Job | None:
        return next(iter(self._jobs("WHERE id = ?", number)), None)

    def jobs(self, status: JobStatus | None, before: int | None, limit: int) -> list[Job]:
        """Up to `limit` jobs with this status and ids below `before`, the newest first."""
        conditions = [("status = ?", status), ("id < ?", before)]
        given = [(condition, value) for condition, value in conditions if value is not None]
        where = f"WHERE {' AND '.join(condition for condition, _ in given)}" if given else ""
        return self._jobs(f"{where} ORDER BY id DESC LIMIT ?", *(value for _, value in given), limit)

    def waiting(self) -> int:
        """Number of unfinished jobs."""
        return self._count("status IN ('queued', 'running')")

    def failed(self) -> int:
        """Number of failed jobs that were neither retried nor dismissed."""
        return self._count("status = 'failed'")

    def take(self) -> tuple[Job, bytes] | None:
        """Set the next due job running and return it with its body; a job that was running when the process ended comes first.

        Raises DamagedRow if the body is damaged; the job has failed then. So has a job that was running MAX_ATTEMPTS times when the
        process ended.
        """
        if not self.waiting():  # without a transaction, which would wait for those of other processes
            return None
        # In one transaction, so that a job that is cancelled meanwhile is not set running.
        with self._database.transaction() as connection:
            due = "WHERE status = 'running' OR (status = 'queued' AND coalesce(retry_at, '') <= ?)"
            found = self._jobs(f"{due} ORDER BY id LIMIT 1", now())
            if not found:
                return None
            job = found[0]
            ((given, body, stored_hash),) = self._database.rows("SELECT edits, body, hash FROM jobs WHERE id = ?", job.id)
            damaged = _body_hash(job.id, job.kind, job.document_id, job.name, job.if_exists, given, body) != stored_hash
            again = self._running == job.id  # after a disk error, which is not the job's
            if damaged:
                self.finish(job.id, 0, ["the body is damaged on disk; send it again"])
                connection.execute("UPDATE jobs SET body = NULL WHERE id = ?", (job.id,))
            elif job.attempts >= MAX_ATTEMPTS and not again:
                self.finish(job.id, 0, [*job.failures, _ENDED])
            else:
                statement = "UPDATE jobs SET status = 'running', attempts = attempts + ?, retry_at = NULL WHERE id = ?"
                connection.execute(statement, (not again, job.id))
        if damaged:
            self._database.damage.report(_damage(job.id))
            raise DamagedRow(_damage(job.id))
        if job.attempts >= MAX_ATTEMPTS and not again:
            return self.take()
        self._running = job.id
        return self._jobs("WHERE id = ?", job.id)[0], body

    def state(self) -> tuple[int, int]:
        """As `Database.state`."""
        return self._database.state()

    def seconds_until_due(self) -> float | None:
        """Until the next job is tried again; None if none waits for that."""
        ((first,),) = self._database.rows("SELECT min(retry_at) FROM jobs WHERE status = 'queued'")
        return max((datetime.fromisoformat(first) - datetime.now(UTC)).total_seconds(), 0.0) if first else None

    def damaged(self) -> list[str]:
        """One line for each damaged job."""
        found = self._database.rows(f"SELECT {JOB_COLUMNS} FROM jobs")
        return [_damage(number) for number, *row in found if not is_job_intact(number, row)]

    def is_cancelled(self, number: int) -> bool:
        """Whether the job's document was deleted while the job waited or ran."""
        job = self.job(number)
        return job is None or job.status == JobStatus.CANCELLED

    def cancel(self, document_id: str) -> int:
        """Cancel the unfinished jobs of a document and dismiss the failed ones; return the number of cancelled ones."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE document_id = ? AND status = 'failed'", (document_id,))
            return self._cancel(document_id, "status IN ('queued', 'running')")

    def finish(self, number: int, documents: int, failures: Sequence[str], outcomes: Mapping[str, int] | None = None) -> None:
        """Set a job done, or failed if it stored no document; only a failed one keeps its body. A cancelled job stays cancelled."""
        status = JobStatus.DONE if documents else JobStatus.FAILED
        values = (status, documents, json.dumps(outcomes or {}), json.dumps(list(failures), ensure_ascii=False), now())
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = ?, documents = ?, outcomes = ?, failures = ?, finished = ?, retry_at = NULL"
                " WHERE id = ? AND finished IS NULL",
                (*values, number),
            )
            if documents:
                connection.execute("UPDATE jobs SET body = NULL WHERE id = ?", (number,))
            else:
                self._bound_failed_bodies()
        self._running = None

    def postpone(self, number: int, failures: Sequence[str], seconds: float) -> None:
        """Queue a running job again, to be tried after a pause."""
        retry_at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = 'queued', retry_at = ?, failures = ? WHERE id = ? AND status = 'running'",
                (retry_at, json.dumps(list(failures), ensure_ascii=False), number),
            )
        self._running = None

    def release(self, number: int) -> None:
        """Queue a running job again, as if it had not begun: the process stops."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = 'queued', attempts = attempts - 1 WHERE id = ? AND status = 'running'", (number,)
            )
        self._running = None

    def retry(self, number: int) -> bool:
        """Queue a failed job again, with all its attempts; False if it has not failed or its body is gone."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = 'queued', attempts = 0, failures = '[]', finished = NULL"
                " WHERE id = ? AND status = 'failed' AND body IS NOT NULL",
                (number,),
            )
            return bool(connection.changes())

    def dismiss(self, number: int) -> bool:
        """Delete a failed job; False if it has not failed."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE id = ? AND status = 'failed'", (number,))
            return bool(connection.changes())

    def _cancel(self, document_id: str, condition: str) -> int:
        update = "UPDATE jobs SET status = 'cancelled', body = NULL, retry_at = NULL, finished = ?"
        with self._database.transaction() as connection:
            connection.execute(f"{update} WHERE document_id = ? AND {condition}", (now(), document_id))
            return connection.changes()

    def _bound_failed_bodies(self) -> None:
        total = 0
        query = "SELECT id, length(body) FROM jobs WHERE status = 'failed' AND body IS NOT NULL ORDER BY id DESC"
        for number, size in self._database.rows(query):
            total += size
            if total > MAX_FAILED_BYTES:
                with self._database.transaction() as connection:
                    connection.execute("UPDATE jobs SET body = NULL WHERE id = ?", (number,))

    def _count(self, condition: str) -> int:
        ((count,),) = self._database.rows(f"SELECT count(*) FROM jobs WHERE {condition}")
        return int(count)

    def _jobs(self, condition: str, *values: int | str) -> list[Job]:
        return [_job(row) for row in self._database.rows(f"SELECT {_COLUMNS} FROM jobs {condition}", *values)]


def is_job_intact(number: int, row: Sequence[Any]) -> bool:
    """From the id and the other JOB_COLUMNS. The hash covers what a job needs to run."""
    status, kind, document_id, name, if_exists, edits, *_, stored_hash, body = row
    if status not in set(JobStatus):
        return False
    unfinished = status in (JobStatus.QUEUED, JobStatus.RUNNING)
    runs = unfinished or body is not None
    return not runs or _body_hash(number, kind, document_id, name, if_exists, edits, body) == stored_hash


def _body_hash(number: int, kind: str, document_id: str, name: str, if_exists: str, edits: str, body: bytes | None) -> bytes:
    given = () if edits == NONE_GIVEN else (edits,)  # so that jobs of format 3 keep their hashes
    return row_hash(number, str(kind), document_id, name, str(if_exists), *given, body)


def _damage(number: int) -> str:
    return f"the body of job {number} is damaged; send it again"


def _job(row: Sequence[Any]) -> Job:
    (
        number,
        status,
        kind,
        document_id,
        name,
        if_exists,
        edits,
        attempts,
        retry_at,
        documents,
        outcomes,
        failures,
        created,
        finished,
    ) = row
    try:
        given = json.loads(edits)
        by = given.pop(_BY, None)
        return Job(
            number,
            JobStatus(status),
            JobKind(kind),
            document_id,
            name,
            IfExists(if_exists),
            attempts,
            retry_at,
            documents,
            json.loads(outcomes),
            json.loads(failures),
            created,
            finished,
            given,
            by,
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise DamagedRow(f"the stored job {number} is damaged ({error})") from error
