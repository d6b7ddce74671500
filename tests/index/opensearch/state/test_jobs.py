"""Jobs of several workers: each runs once and in order, and those of a worker that died go on elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from threading import Thread

import pytest

from index.jobs import MAX_ATTEMPTS, JobKind, JobStatus
from index.opensearch.connection import Connection
from index.opensearch.state.file_parts import PART_BYTES
from index.opensearch.state.jobs import ClusterJobs
from tests.system.cluster.fixtures import TestCluster
from tests.waiting import wait_for

Worker = ClusterJobs


@pytest.fixture
def address(cluster: TestCluster) -> Iterator[str]:
    """One for each test: a worker takes any job."""
    with cluster.new_address() as new:
        yield new


@pytest.fixture
def workers(connection: Connection) -> tuple[Worker, Worker]:
    return Worker(connection), Worker(connection)


LEASE = "index.opensearch.state.leases.LEASE_SECONDS"


def die(worker: Worker) -> None:
    """Stop writing to its job, as a process that was killed."""
    assert worker._lease
    worker._lease.end()


def test_a_job_lives_as_in_a_folder(workers: tuple[Worker, Worker]) -> None:
    worker, other = workers
    assert (worker.take(), worker.job(1), worker.waiting(), worker.seconds_until_due()) == (None, None, 0, None)
    body = b"otter" * (PART_BYTES // 4)  # in two parts
    first, second = other.accept("a.txt", body, "a"), other.accept("b.txt", b"", "b", JobKind.FILE)
    assert worker.waiting() == 2
    assert [job.id for job in worker.jobs(None, None, 10)] == [second.id, first.id]
    taken = worker.take()
    assert taken is not None
    assert (taken[0].id, taken[0].attempts, taken[1] == body) == (first.id, 1, True)
    worker.postpone(first.id, ["its reader crashed"], 3600)
    assert 3500 < (other.seconds_until_due() or 0) <= 3600
    again = worker.take()
    assert again is not None
    assert again[0].id == second.id
    worker.finish(second.id, 0, ["no text"])
    assert (worker.failed(), worker.states(["a", "b", "c"])) == (1, {"a": "updating", "b": "failed"})
    assert (worker.document_ids("updating"), worker.document_ids("failed")) == ({"a"}, {"b"})
    assert other.retry(second.id)
    retried = other.take()
    assert retried is not None
    other.finish(second.id, 1, [], {"added": 1})
    done = worker.job(second.id)
    assert done is not None
    assert (done.status, done.outcomes, done.attempts) == (JobStatus.DONE, {"added": 1}, 1)
    assert not worker.dismiss(second.id)
    # A newer upload of the same document supersedes the one that waits.
    third = worker.accept("a.txt", b"heron", "a")
    assert worker.is_cancelled(first.id)
    assert (worker.cancel("a"), worker.is_cancelled(third.id), worker.waiting()) == (1, True, 0)


def test_jobs_of_one_document_run_one_after_another(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    first, second = one.accept("a.txt", b"1", "a"), one.accept("a.txt", b"2", "a")
    third = one.accept("b.txt", b"3", "b")
    assert [taken[0].id for taken in (one.take(), other.take()) if taken] == [first.id, third.id]
    other.finish(third.id, 1, [])
    assert other.take() is None
    one.finish(first.id, 1, [])
    taken = other.take()
    assert taken is not None
    assert taken[0].id == second.id
    other.release(second.id)
    found = other.job(second.id)
    assert found is not None
    assert (found.status, found.attempts) == (JobStatus.QUEUED, 0)


def test_many_workers_do_every_job_once(workers: tuple[Worker, Worker], connection: Connection) -> None:
    jobs = [workers[0].accept(f"{number}.txt", b"otter", f"d{number}") for number in range(8)]
    done: list[int] = []

    def work() -> None:
        worker = Worker(connection)
        while worker.waiting():
            if taken := worker.take():
                done.append(taken[0].id)
                worker.finish(taken[0].id, 1, [])

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(done) == Counter(job.id for job in jobs)


def test_a_worker_that_died_loses_its_job_and_one_that_lives_keeps_it(
    workers: tuple[Worker, Worker], connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LEASE, 2.0)
    alive, dead = workers
    kept, lost = alive.accept("kept.txt", b"1", "kept"), alive.accept("lost.txt", b"2", "lost")
    assert [taken[0].id for taken in (alive.take(), dead.take()) if taken] == [kept.id, lost.id]
    die(dead)
    third = Worker(connection)
    taken = wait_for(third.take)
    assert (taken[0].id, taken[0].attempts) == (lost.id, 2)
    assert not alive.is_cancelled(kept.id)
    # It was only stopped: it stores nothing any more, and changes nothing of the job.
    assert dead.is_cancelled(lost.id)
    dead.release(lost.id)
    dead.finish(lost.id, 0, ["too late"])
    third.finish(lost.id, 1, [])
    found = third.job(lost.id)
    assert found is not None
    assert (found.status, found.documents) == (JobStatus.DONE, 1)
    alive.finish(kept.id, 1, [])
    assert alive.waiting() == 0


def test_a_job_whose_workers_die_fails_in_the_end(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LEASE, 0.3)
    job = Worker(connection).accept("deadly.txt", b"1", "deadly")
    for attempt in range(MAX_ATTEMPTS):
        worker = Worker(connection)
        taken = wait_for(worker.take)
        assert taken[0].attempts == attempt + 1
        die(worker)
    last = Worker(connection)
    wait_for(lambda: last.take() is None and last.failed())
    failed = last.job(job.id)
    assert failed is not None
    assert failed.parked
    assert "the worker ended" in failed.failures[-1]


def test_a_cancelled_job_stays_cancelled(workers: tuple[Worker, Worker]) -> None:
    worker, other = workers
    job = worker.accept("a.txt", b"otter", "a")
    assert worker.take()
    assert other.cancel("a") == 1
    assert worker.is_cancelled(job.id)
    worker.finish(job.id, 1, [])
    found = other.job(job.id)
    assert found is not None
    assert found.status is JobStatus.CANCELLED
    assert worker.take() is None


def test_old_jobs_and_their_bytes_are_deleted(
    workers: tuple[Worker, Worker], connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.opensearch.state.jobs.PRUNED_EVERY", 4)
    monkeypatch.setattr("index.opensearch.state.jobs.MAX_FINISHED", 1)
    worker, _ = workers
    for number in range(3):
        job = worker.accept(f"{number}.txt", b"otter", f"d{number}")
        assert worker.take()
        worker.finish(job.id, 0, ["no text"])
    worker.accept("last.txt", b"otter", "last")
    assert [job.id for job in worker.jobs(JobStatus.FAILED, None, 10)] == [3]
    files = connection.index("files")
    connection.request("POST", f"/{files}/_refresh")
    assert connection.request("GET", f"/{files}/_count").body["count"] == 2


def test_idle_workers_see_a_new_job(workers: tuple[Worker, Worker]) -> None:
    worker, other = workers
    before = worker.state()
    other.accept("a.txt", b"otter", "a")
    wait_for(lambda: worker.state() != before)
    began = time.monotonic()
    for _ in range(200):
        worker.state()
    assert time.monotonic() - began < 5  # most of them ask nobody
