"""Work that was accepted: kept in the database until it is done, so that a restart takes it up again.

An accepted job is on disk before its caller is told. It is taken up in the order of acceptance, once or, after a crash, again;
doing it twice gives what doing it once gives.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from index.embedded.store.database import Database, insert, next_number
from index.embedded.store.rows import row_hash
from index.types import DamagedRow, Job, JobStatus

FINISHED_KEPT = 10_000
_COLUMNS = "id, status, document_id, name, documents, failures, created, finished"


class JobQueue:
    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, name: str, body: bytes, document_id: str) -> Job:
        """Take a job on; it is on disk when this returns. `name` is the file's name, `body` what was sent."""
        with self._database.transaction() as connection:
            number = next_number(connection, "jobs", "id")
            hashed = row_hash(number, document_id, name, body)
            row = (number, JobStatus.QUEUED.value, document_id, name, body, hashed, _now())
            insert(connection, "jobs", "id, status, document_id, name, body, hash, created", row)
            old = "SELECT id FROM jobs WHERE finished IS NOT NULL ORDER BY id DESC LIMIT -1 OFFSET ?"
            connection.execute(f"DELETE FROM jobs WHERE id IN ({old})", (FINISHED_KEPT,))
        return self._jobs("WHERE id = ?", number)[0]

    def job(self, number: int) -> Job | None:
        return next(iter(self._jobs("WHERE id = ?", number)), None)

    def waiting(self) -> int:
        """How many jobs are accepted and not finished."""
        ((count,),) = self._database.rows("SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')")
        return int(count)

    def take(self) -> tuple[Job, bytes] | None:
        """The next job, now running, with what was sent. One that was running when the process ended comes again.

        Raises DamagedRow where what was sent is no longer what is stored; the job has failed then.
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
                self.finish(job.id, 0, ["what was sent is damaged on disk; send it again"])
            else:
                connection.execute("UPDATE jobs SET status = ? WHERE id = ?", (JobStatus.RUNNING.value, job.id))
        if damaged:
            damage = f"what was sent as job {job.id} is damaged; send it again"
            self._database.damage.report(damage)
            raise DamagedRow(damage)
        return job, body

    def damaged(self) -> list[str]:
        """What of the jobs is not what was accepted, a line each."""
        lines = []
        for number, status, document_id, name, body, stored_hash in self._database.rows(
            "SELECT id, status, document_id, name, body, hash FROM jobs"
        ):
            unfinished = status in (JobStatus.QUEUED, JobStatus.RUNNING)
            if status not in set(JobStatus) or (unfinished and row_hash(number, document_id, name, body) != stored_hash):
                lines.append(f"what was sent as job {number} is damaged; send it again")
        return lines

    def is_cancelled(self, number: int) -> bool:
        """Whether the job's document was deleted while it waited or ran."""
        job = self.job(number)
        return job is None or job.status == JobStatus.CANCELLED

    def cancel(self, document_id: str) -> int:
        """Cancel what would bring this document; how many jobs that were."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = ?, body = NULL, finished = ? WHERE document_id = ? AND status IN ('queued', 'running')",
                (JobStatus.CANCELLED.value, _now(), document_id),
            )
            return connection.changes()

    def finish(self, number: int, documents: int, failures: Sequence[str]) -> None:
        """Done, or failed where it brought nothing; a job that was cancelled stays so. What was sent is dropped."""
        status = JobStatus.DONE if documents else JobStatus.FAILED
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = ?, documents = ?, failures = ?, body = NULL, finished = ? WHERE id = ? AND finished IS NULL",
                (status.value, documents, json.dumps(list(failures), ensure_ascii=False), _now(), number),
            )

    def _jobs(self, condition: str, *values: int | str) -> list[Job]:
        return [_job(row) for row in self._database.rows(f"SELECT {_COLUMNS} FROM jobs {condition}", *values)]


def _job(row: Sequence[Any]) -> Job:
    number, status, document_id, name, documents, failures, created, finished = row
    try:
        return Job(number, JobStatus(status), document_id, name, documents, json.loads(failures), created, finished)
    except (ValueError, TypeError) as error:
        raise DamagedRow(f"the stored job {number} is damaged ({error})") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
