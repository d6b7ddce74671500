"""The queue of accepted work in a cluster, for any number of workers on any machine.

A job's bytes are stored before its record, which is the acceptance. Jobs of one document run one after another in the order of
acceptance, others in that order as far as there are workers. A job runs at least once; a worker that lost its lease stores nothing more.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from index.documents import now
from index.jobs import MAX_ATTEMPTS, IfExists, Job, JobKind, JobStatus
from index.listing import DocumentState
from index.opensearch.connection import Connection
from index.opensearch.state.file_parts import FileParts
from index.opensearch.state.job_records import FIELDS, body_file, is_due, job_of, matching, new_record
from index.opensearch.state.leases import Lease, LeaseWatch
from index.opensearch.state.records import PAGE, Record, Records, Source
from index.types import NO_EDITS, DamagedRow

UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)
MAX_FINISHED = 10_000  # older ones are deleted, separately for failed jobs and others
MAX_FAILED_BYTES = 1_000_000_000  # of all bodies of failed jobs; those of the oldest are dropped
PRUNED_EVERY = 500  # jobs
# Between two looks at the queue by an idle worker.
LOOK_SECONDS = 0.25
TAKEN_FROM = 100  # jobs read at once to find one that may run
_FILE = "job-"
_ENDED = "the worker ended while this was being added; it is tried again only if you ask for it"
_DAMAGED = "the body is damaged; send it again"


class ClusterJobs:
    """See `index.jobs.Jobs`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._records = Records(connection, "jobs", FIELDS)
        self._parts = FileParts(connection)
        self._worker = secrets.token_hex(8)
        self._lease: Lease | None = None
        self._running: int | None = None  # taken by this process
        self._watch = LeaseWatch()
        self._looking = threading.Lock()
        self._looked: tuple[float, int] = (-LOOK_SECONDS, -1)

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
        number = self._connection.next("jobs")
        file = self._parts.write(f"{_FILE}{number}", body)
        source = new_record(number, name, document_id, kind, if_exists, edits, file, by, failures, attempts)
        self._records.create(str(number), source)
        if kind is not JobKind.EDIT:
            self._supersede(document_id, number)
        if number % PRUNED_EVERY == 0:
            self._prune()
        return job_of(source)

    def job(self, number: int) -> Job | None:
        record = self._records.get(str(number))
        return job_of(record.source) if record else None

    def jobs(self, status: JobStatus | None, before: int | None, limit: int) -> list[Job]:
        self._records.refresh()
        query = matching(*([status] if status else JobStatus), before=before)
        return [job_of(record.source) for record in self._records.search(query, "number", descending=True, limit=limit)]

    def waiting(self) -> int:
        return self._count(*UNFINISHED)

    def failed(self) -> int:
        return self._count(JobStatus.FAILED)

    def take(self) -> tuple[Job, bytes] | None:
        self._records.refresh()
        self._watch.look(self._records.all(matching(JobStatus.RUNNING), "number"))
        busy: set[str] = set()  # documents with an earlier job
        for record in self._records.all(matching(*UNFINISHED), "number", page=TAKEN_FROM):
            document_id = record.source["document_id"]
            if document_id not in busy and self._may_take(record) and (taken := self._take(record)):
                return taken
            if record.source["status"] == JobStatus.RUNNING or is_due(record.source):
                busy.add(document_id)
        return None

    def state(self) -> Hashable:
        """The last write that anyone has made, as of a moment ago."""
        with self._looking:
            at, state = self._looked
            if time.monotonic() - at >= LOOK_SECONDS:
                self._records.refresh()
                state = self._records.last_write()
                self._looked = time.monotonic(), state
        return state

    def seconds_until_due(self) -> float | None:
        """Also until a running job is free, if its worker has died."""
        self._records.refresh()
        queued = self._records.search(matching(JobStatus.QUEUED), "number")
        times = [datetime.fromisoformat(record.source["retry_at"]) for record in queued if record.source["retry_at"]]
        waits = [(time_ - datetime.now(UTC)).total_seconds() for time_ in times]
        if (free := self._watch.seconds_until_free()) is not None:
            waits.append(free)
        return max(min(waits), 0.0) if waits else None

    def is_cancelled(self, number: int) -> bool:
        """Also for a running job whose lease this process has lost."""
        if self._lease and self._lease.number == number and self._lease.is_lost:
            return True
        record = self._records.get(str(number))
        if record is None or record.source["status"] == JobStatus.CANCELLED:
            return True
        return self._running == number and record.source["worker"] != self._worker

    def cancel(self, document_id: str) -> int:
        """Cancel the unfinished jobs of a document and dismiss the failed ones; the number of cancelled ones."""
        self._records.refresh()
        for record in self._records.all(matching(JobStatus.FAILED, document_id=document_id), "number"):
            self.dismiss(record.source["number"])
        found = self._records.all(matching(*UNFINISHED, document_id=document_id), "number")
        return sum(self._cancel(record.source["number"]) for record in found)

    def finish(self, number: int, documents: int, failures: Sequence[str], outcomes: Mapping[str, int] | None = None) -> None:
        status = JobStatus.DONE if documents else JobStatus.FAILED
        result = {"documents": documents, "outcomes": dict(outcomes or {}), "failures": list(failures), "finished": now()}
        if self._end(number, {"status": status, "retry_at": None, **result}):
            if status is JobStatus.DONE:
                self._drop_body(number)
            else:
                self._bound_failed_bodies()

    def postpone(self, number: int, failures: Sequence[str], seconds: float) -> None:
        retry_at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        self._end(number, {"status": JobStatus.QUEUED, "retry_at": retry_at, "failures": list(failures)})

    def release(self, number: int) -> None:
        self._end(number, {"status": JobStatus.QUEUED}, attempts=-1)

    def retry(self, number: int) -> bool:
        def queue(source: Source | None) -> Source | None:
            if source is None or source["status"] != JobStatus.FAILED or source["body"] is None:
                return None
            return {**source, "status": JobStatus.QUEUED, "attempts": 0, "failures": [], "finished": None}

        return self._records.change(str(number), queue)

    def dismiss(self, number: int) -> bool:
        record = self._records.get(str(number))
        return record is not None and record.source["status"] == JobStatus.FAILED and self._delete(record)

    def states(self, document_ids: Sequence[str]) -> dict[str, DocumentState]:
        """As `Engine.states`."""
        self._records.refresh()
        found: dict[str, DocumentState] = {}
        for start in range(0, len(document_ids), PAGE):
            query = matching(*UNFINISHED, JobStatus.FAILED, document_ids=document_ids[start : start + PAGE])
            for record in self._records.all(query, "number"):
                document_id, is_failed = record.source["document_id"], record.source["status"] == JobStatus.FAILED
                if not is_failed or document_id not in found:
                    found[document_id] = "failed" if is_failed else "updating"
        return found

    def document_ids(self, state: DocumentState) -> set[str]:
        """The documents in a state, which may be stored or not; for `ready` those that are not in another."""
        self._records.refresh()
        by_status = {
            status: {record.source["document_id"] for record in self._records.all(matching(*statuses), "number")}
            for status, statuses in (("updating", UNFINISHED), ("failed", (JobStatus.FAILED,)))
        }
        if state == "ready":
            return by_status["updating"] | by_status["failed"]
        return by_status["updating"] if state == "updating" else by_status["failed"] - by_status["updating"]

    def names_file(self, key: str) -> bool:
        """Whether these parts are the bytes of a job."""
        record = self._records.get(key.removeprefix(_FILE))
        file = body_file(record.source) if record else None
        return file is not None and file.key == key

    def _may_take(self, record: Record) -> bool:
        source = record.source
        if source["status"] == JobStatus.QUEUED:
            return is_due(source)
        is_ours = source["worker"] == self._worker and self._running == source["number"]
        return is_ours or self._watch.is_free(record)

    def _take(self, record: Record) -> tuple[Job, bytes] | None:
        """None if another process was faster, or the job has failed now. Raises DamagedRow."""
        number, again = int(record.source["number"]), self._running == record.source["number"]
        if record.source["attempts"] >= MAX_ATTEMPTS and not again:
            failed = {"status": JobStatus.FAILED, "failures": [*record.source["failures"], _ENDED], "finished": now()}
            self._records.replace(record, {**record.source, **failed, "worker": None})
            return None
        if self._lease:
            self._lease.end()
        attempts = record.source["attempts"] + (not again)
        running = {"status": JobStatus.RUNNING, "worker": self._worker, "attempts": attempts, "retry_at": None}
        taken = self._records.replace(record, {**record.source, **running})
        if taken is None:
            return None
        self._running, self._lease = number, Lease(self._records, taken)
        file = body_file(taken.source)
        try:
            return job_of(taken.source), self._parts.read(file) if file else b""
        except DamagedRow:
            self.finish(number, 0, [_DAMAGED])
            raise DamagedRow(f"the body of job {number} is damaged; send it again") from None

    def _end(self, number: int, result: Source, attempts: int = 0) -> bool:
        """End the running of a job with these fields; false if it was cancelled, or another worker has it."""
        if self._lease and self._lease.number == number:
            self._lease.end()
            self._lease = None

        def end(source: Source | None) -> Source | None:
            if source is None or source["finished"] or source["worker"] != self._worker:
                return None
            return {**source, **result, "worker": None, "attempts": source["attempts"] + attempts}

        changed = self._records.change(str(number), end)
        self._running = None
        return changed

    def _cancel(self, number: int, least_attempts: int = 0) -> bool:
        def cancel(source: Source | None) -> Source | None:
            if source is None or source["status"] not in UNFINISHED or source["attempts"] < least_attempts:
                return None
            return {**source, "status": JobStatus.CANCELLED, "retry_at": None, "finished": now(), "worker": None}

        cancelled = self._records.change(str(number), cancel)
        if cancelled:
            self._drop_body(number)
        return cancelled

    def _supersede(self, document_id: str, number: int) -> None:
        """Dismiss failed jobs of a document, and cancel those that wait for another attempt."""
        self._records.refresh()
        statuses = (JobStatus.FAILED, JobStatus.QUEUED)
        for record in self._records.all(matching(*statuses, document_id=document_id, before=number), "number"):
            if record.source["status"] == JobStatus.FAILED:
                self.dismiss(record.source["number"])
            elif record.source["attempts"]:
                self._cancel(record.source["number"], least_attempts=1)

    def _delete(self, record: Record) -> bool:
        """Delete a job and its bytes; false if it was changed meanwhile."""
        if not self._records.delete(record):
            return False
        if file := body_file(record.source):
            self._parts.delete(file)
        return True

    def _drop_body(self, number: int) -> None:
        """Forget the record's body, then delete it."""
        record = self._records.get(str(number))
        file = body_file(record.source) if record else None
        if file and self._records.change(str(number), lambda source: None if source is None else {**source, "body": None}):
            self._parts.delete(file)

    def _bound_failed_bodies(self) -> None:
        self._records.refresh()
        total = 0
        for record in self._records.search(matching(JobStatus.FAILED), "number", descending=True):
            total += file.size if (file := body_file(record.source)) else 0
            if total > MAX_FAILED_BYTES:
                self._drop_body(record.source["number"])

    def _prune(self) -> None:
        self._records.refresh()
        for statuses in ((JobStatus.FAILED,), (JobStatus.DONE, JobStatus.CANCELLED)):
            newest = self._records.search(matching(*statuses), "number", descending=True, limit=MAX_FINISHED)
            oldest_kept = newest[-1].source["number"] if newest else 0
            for record in self._records.all(matching(*statuses, before=oldest_kept), "number"):
                self._delete(record)

    def _count(self, *statuses: JobStatus) -> int:
        self._records.refresh()
        return self._records.count(matching(*statuses))
