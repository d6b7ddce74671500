"""One process owns a data folder; others search it, follow every change at once, and outlive the owner."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.embedded.opening import open_engine_to_share
from index.engine import Engine
from tests.index.embedded.sharing import POLICY, Journal, hashing
from tests.waiting import wait_for

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process of `sharing.py`; those that still run are killed in the end."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*words: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.index.embedded.sharing", *map(str, words)]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    line = process.stdout.readline()
    assert line or not process.stderr, process.stderr.read()
    return line


def test_processes_find_every_acknowledged_change_and_never_half_a_document(tmp_path: Path, start: Start) -> None:
    folder, journal = tmp_path / "data", tmp_path / "journal"
    journal.touch()
    owner = start("change", folder, journal, 100_000)
    assert read_line(owner) == "open\n"
    searching = [start("search", folder, journal, 60) for _ in range(2)]
    wait_for(lambda: len(Journal(journal).lines()) > 60)
    owner.kill()
    owner.wait()
    restarted = start("change", folder, journal, 60)
    for process in searching:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    assert read_line(restarted) == "open\n"
    word, generation = read_line(restarted).split()
    assert (word, int(generation) > 3) == ("changed", True)


def test_accepted_documents_survive_the_death_of_the_process_that_ingests(tmp_path: Path, start: Start) -> None:
    owner = start("ingest", tmp_path)
    assert read_line(owner) == "open\n"
    engine = open_engine_to_share(tmp_path, hashing, POLICY)
    jobs = []
    for round_ in range(3):
        jobs += [engine.jobs.accept(f"{round_}-{n}.txt", f"otter {round_} {n}".encode(), f"d-{round_}-{n}") for n in range(8)]
        wait_for(lambda: engine.jobs.waiting() < 8)  # one runs
        owner.kill()
        owner.wait()
        jobs.append(engine.jobs.accept("late.txt", b"otter late", f"late-{round_}"))
        assert len(versions_of(engine)) == engine.counts()[0]
        owner = start("ingest", tmp_path)
    for job in jobs:
        wait_for(lambda job=job: engine.jobs.job(job.id).finished)
        assert job.document_id in versions_of(engine)
    assert all(engine.jobs.job(job.id).status == "done" for job in jobs)
    engine.close()


def versions_of(engine: Engine) -> set[str]:
    """The ids of all documents found."""
    with engine.snapshot() as snapshot:
        found = snapshot.search(engine.prepare("otter", spelling=False)).candidates
        return {stored.document.id for stored in snapshot.passages([candidate.passage_id for candidate in found])}
