"""A file that crashes its reader, or the server, is tried three times and then parked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.durability import small
from corpus.sandbox.pool import Sandbox
from corpus.sandbox.reader_process import ReaderProcess
from index.jobs import JobStatus
from qa.ingest.worker import Worker
from qa.ingest.writer import DocumentWriter
from tests.waiting import wait_for


class KillingSandbox(Sandbox):
    """Kills each reader process before it reads, as long as `kills` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.kills, self.attempts = True, 0

    def _acquire(self) -> ReaderProcess:
        process = super()._acquire()
        self.attempts += 1
        if self.kills:
            process._process.kill()
        return process


@pytest.fixture
def data(tmp_path: Path) -> Path:
    small.open_writer(tmp_path / "data", small.make_model(tmp_path / "model", tmp_path / "data" / "models")).close()
    return tmp_path / "data"


@pytest.fixture
def writer(data: Path) -> Iterator[DocumentWriter]:
    with small.open_writer(data, None) as opened:
        yield opened


def test_a_crashing_file_is_tried_three_times_and_parked(data: Path, writer: DocumentWriter) -> None:
    sandbox = KillingSandbox()
    worker = Worker(writer, sandbox=sandbox, pauses=(0.05, 0.2))
    jobs = writer.engine.jobs
    worker.start()
    job = jobs.accept("bad.txt", b"Words that crash.", "bad")
    wait_for(lambda: (found := jobs.job(job.id)) is not None and found.status is JobStatus.FAILED)
    parked = jobs.job(job.id)
    assert parked is not None
    assert (parked.parked, parked.attempts, sandbox.attempts, worker.failures) == (True, 3, 3, 3)
    assert "ended its reader" in parked.failures[0]
    worker.stop()

    restarted_sandbox = KillingSandbox()
    restarted_sandbox.kills = False
    restarted = Worker(writer, sandbox=restarted_sandbox)
    restarted.start()
    other = jobs.accept("good.txt", b"Words that do not.", "good")
    wait_for(lambda: (found := jobs.job(other.id)) is not None and found.status is JobStatus.DONE)
    assert restarted_sandbox.attempts == 1  # the parked one was not tried
    assert jobs.failed() == 1
    assert jobs.retry(job.id)
    wait_for(lambda: (found := jobs.job(job.id)) is not None and found.status is JobStatus.DONE)
    assert jobs.failed() == 0
    restarted.stop()


def test_a_file_that_ends_the_server_is_tried_three_times_and_parked(data: Path) -> None:
    with small.open_writer(data, None) as writer:
        job = writer.engine.jobs.accept("bad.txt", b"Words that end the server.", "bad")
    for _ in range(3):
        with small.open_writer(data, None) as writer:
            assert writer.engine.jobs.take() is not None  # and the process ends
    with small.open_writer(data, None) as writer:
        assert writer.engine.jobs.take() is None
        parked = writer.engine.jobs.job(job.id)
        assert parked is not None
        assert parked.parked
        assert "the server ended" in parked.failures[-1]


def test_a_stop_during_a_job_is_no_attempt(data: Path, writer: DocumentWriter) -> None:
    jobs = writer.engine.jobs
    job = jobs.accept("good.txt", b"Words.", "good")
    for _ in range(5):
        assert jobs.take() is not None
        jobs.release(job.id)
    taken = jobs.take()
    assert taken is not None
    assert taken[0].attempts == 1
