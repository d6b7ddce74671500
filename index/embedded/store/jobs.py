"""The queue of accepted work, kept in the database so that a restart continues it.

A job is on disk before its acceptance is acknowledged. Jobs run in the order of acceptance, at least once: after a crash the running
one runs again, with the same result.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from index.embedded.store.database import Database
from index.embedded.store.rows import row_hash
from index.embedded.store.statements import insert, next_number
from index.types import DamagedRow, Job, JobStatus

MAX_FINISHED = 10_000  # older finished jobs are deleted
JOB_COLUMNS = "id, status, document_id, name, body, hash, documents, failures, created, finished"
_COLUMNS = "id, status, document_id, name, documents, failures, created, finished"


class JobQueue:
    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, name: str, body: bytes, document_id: str) -> Job:
        """Store a job. `name` is the file name, `body` the content of the file."""
        with self._database.transaction() as connection:
            number = next_number(connection, "jobs", "id")
            hashed = row_hash(number, document_id, name, body)
            row = (number, JobStatus.QUEUED.value, document_id, name, body, hashed, _now())
            insert(connection, "jobs", "id, status, document_id, name, body, hash, created", row)
            old = "SELECT id FROM jobs WHERE finished IS NOT NULL ORDER BY id DESC LIMIT -1 OFFSET ?"
            connection.execute(f"DELETE FROM jobs WHERE id IN ({old})", (MAX_FINISHED,))
        return self._jobs("WHERE id = ?", number)[0]

    def job(self, number: int) -> Job | None:
        return next(iter(self._jobs("WHERE id = ?", number)), None)

    def waiting(self) -> int:
        """Number of unfinished jobs."""
        ((count,),) = self._database.rows("SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')")
        return int(count)

    def take(self) -> tuple[Job, bytes] | None:
        """Set the next job running and return it with its body; a job that was running when the process ended comes first.

        Raises DamagedRow if the body is damaged; the job has failed then.
        """
        # In one transaction, so that a job that is cancelled meanwhile is not set running.
        with self._database.transaction() as connection:
            found = self._jobs("WHERE status IN ('running', 'queued') ORDER BY id LIMIT 1")
            if not found:
                return None
            job = found[0]
            ((body, stored_hash),) = self._database.rows("SELECT body, hash FROM jobs WHERE id = ?", job.id)
            damaged = row_hash(job.id, job.document_id, job.name, body) != stored_hash
            if damaged:
                self.finish(job.id, 0, ["the body is damaged on disk; send it again"])
            else:
                connection.execute("UPDATE jobs SET status = ? WHERE id = ?", (JobStatus.RUNNING.value, job.id))
        if damaged:
            self._database.damage.report(_damage(job.id))
            raise DamagedRow(_damage(job.id))
        return job, body

    def damaged(self) -> list[str]:
        """One line for each damaged job."""
        found = self._database.rows(f"SELECT {JOB_COLUMNS} FROM jobs")
        return [_damage(number) for number, *row in found if not is_job_intact(number, row)]

    def is_cancelled(self, number: int) -> bool:
        """Whether the job's document was deleted while the job waited or ran."""
        job = self.job(number)
        return job is None or job.status == JobStatus.CANCELLED

    def cancel(self, document_id: str) -> int:
        """Cancel the unfinished jobs of a document; return their number."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = ?, body = NULL, finished = ? WHERE document_id = ? AND status IN ('queued', 'running')",
                (JobStatus.CANCELLED.value, _now(), document_id),
            )
            return connection.changes()

    def finish(self, number: int, documents: int, failures: Sequence[str]) -> None:
        """Set a job done, or failed if it stored no document, and delete its body. A cancelled job stays cancelled."""
        status = JobStatus.DONE if documents else JobStatus.FAILED
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = ?, documents = ?, failures = ?, body = NULL, finished = ? WHERE id = ? AND finished IS NULL",
                (status.value, documents, json.dumps(list(failures), ensure_ascii=False), _now(), number),
            )

    def _jobs(self, condition: str, *values: int | str) -> list[Job]:
        return [_job(row) for row in self._database.rows(f"SELECT {_COLUMNS} FROM jobs {condition}", *values)]


def is_job_intact(number: int, row: Sequence[Any]) -> bool:
    """From the id and the other JOB_COLUMNS. The hash covers what an unfinished job needs."""
    status, document_id, name, body, stored_hash, *_ = row
    unfinished = status in (JobStatus.QUEUED, JobStatus.RUNNING)
    return status in set(JobStatus) and not (unfinished and row_hash(number, document_id, name, body) != stored_hash)


def _damage(number: int) -> str:
    return f"the body of job {number} is damaged; send it again"


def _job(row: Sequence[Any]) -> Job:
    number, status, document_id, name, documents, failures, created, finished = row
    try:
        return Job(number, JobStatus(status), document_id, name, documents, json.loads(failures), created, finished)
    except (ValueError, TypeError) as error:
        raise DamagedRow(f"the stored job {number} is damaged ({error})") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
