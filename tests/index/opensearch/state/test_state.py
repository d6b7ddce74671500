"""Keys, kept questions, limits and originals of several front ends on one cluster."""

from __future__ import annotations

import time
from threading import Thread

import pytest

from index.opensearch.address import parse
from index.opensearch.connection import Connection
from index.opensearch.documents.records import Records
from index.opensearch.documents.writing import Writer
from index.opensearch.state.buckets import ClusterBuckets
from index.opensearch.state.file_parts import PART_BYTES, FileParts
from index.opensearch.state.jobs import ClusterJobs
from index.opensearch.state.originals import ClusterOriginals
from index.opensearch.state.state_files import ClusterFiles, ClusterJournal
from index.opensearch.sweeping import sweep
from index.types import DamagedRow, StoreError
from qa.answering.calibration import AS_SHIPPED, Calibration, read_calibration, write_calibration
from qa.operate.keys import KeyRing, KeysError, Role, create_key, last_used, read_keys, revoke_key
from qa.operate.question_log import Outcome, QuestionLog


def test_a_key_revoked_at_one_front_end_is_refused_at_the_other_within_a_second(connection: Connection, address: str) -> None:
    here, there = ClusterFiles(connection), ClusterFiles(Connection(parse(address)))
    secret, ring = create_key(here, "me", Role.WRITE), KeyRing(there)
    found = ring.find(secret)
    assert found
    assert (found.name, found.role) == ("me", Role.WRITE)
    ring.flush()
    assert last_used(here)[found.id] >= found.created
    revoke_key(here, "me")
    began = time.monotonic()
    while ring.find(secret):
        time.sleep(0.01)
    assert time.monotonic() - began < 1
    with pytest.raises(KeysError, match="qa key list"):
        revoke_key(there, "me")


def test_keys_created_at_the_same_time_are_all_stored(address: str) -> None:
    def create(number: int) -> None:
        create_key(ClusterFiles(Connection(parse(address))), f"key {number}", Role.READ)

    threads = [Thread(target=create, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {key.name for key in read_keys(ClusterFiles(Connection(parse(address))))}
    assert names >= {f"key {number}" for number in range(6)}


def test_a_calibration_is_the_same_everywhere(connection: Connection) -> None:
    files = ClusterFiles(connection)
    assert read_calibration(files) == AS_SHIPPED
    where = write_calibration(files, Calibration(-0.5, 1.2, 40))
    assert where.startswith("calibration.json in opensearch://")
    assert read_calibration(ClusterFiles(connection)) == Calibration(-0.5, 1.2, 40)


def test_questions_are_kept_in_their_order(connection: Connection) -> None:
    log = QuestionLog(ClusterJournal(connection, "questions"))
    assert list(log.entries()) == []
    for number in range(5):
        log.record(Outcome.UNANSWERED, f"question {number}", 1, ["p1"])
    assert [entry.question for entry in log.entries()] == [f"question {number}" for number in range(5)]
    assert [entry.question for entry in log.entries(2)] == ["question 3", "question 4"]
    log.journal.clear()
    assert list(log.entries()) == []


def test_a_full_journal_takes_no_more(connection: Connection) -> None:
    journal = ClusterJournal(connection, "full", max_entries=2)
    for number in range(2):
        journal.append({"number": number})
    assert len(list(journal.entries())) == 2
    with pytest.raises(StoreError, match="more than 2"):
        ClusterJournal(connection, "full", max_entries=2).append({})
    ClusterJournal(connection, "full").append({})


def test_two_front_ends_share_a_limit(connection: Connection) -> None:
    front_ends = [ClusterBuckets(connection), ClusterBuckets(connection)]
    waits = [front_end.spend("key me", 60) for _ in range(60) for front_end in front_ends]
    allowed = waits.count(0.0)
    assert 54 <= allowed <= 75  # 60, a twentieth a front end, and what refills meanwhile
    assert 0 < max(waits) <= 1.1
    assert front_ends[0].spend("key another", 60) == 0


def test_an_original_is_kept_as_long_as_a_document_or_a_writer_needs_it(connection: Connection) -> None:
    named: set[str] = set()
    here, there = (ClusterOriginals(connection, named.__contains__) for _ in range(2))
    content = b"otter" * 2_000_000
    with here.keep(content) as digest:
        there.delete_unreferenced(digest)
        there.sweep()
        with there.keep(content):
            pass
        named.add(digest)
    there.delete_unreferenced(digest)
    assert there.read(digest) == content
    assert there.size() == (1, len(content))
    named.clear()
    here.delete_unreferenced(digest)
    assert there.size() == (0, 0)
    with pytest.raises(DamagedRow, match="add its file again"):
        there.read(digest)


def test_bytes_that_no_record_names_are_swept(connection: Connection) -> None:
    jobs, originals, parts = ClusterJobs(connection), ClusterOriginals(connection, lambda digest: True), FileParts(connection)
    job = jobs.accept("a.txt", b"accepted", "a")
    lost = [parts.write("job-999999", b"x" * (PART_BYTES + 1)), parts.write("0f-1a", b"an original without a record")]
    with originals.keep(b"an original") as digest:
        pass
    writer = Writer(connection, Records(connection))
    sweep(connection, writer, jobs, originals)
    assert len(parts.read(lost[0])) > PART_BYTES  # its record may come yet
    sweep(connection, writer, jobs, originals, older_than=-60)
    for file in lost:
        with pytest.raises(DamagedRow):
            parts.read(file)
    taken = jobs.take()
    assert taken is not None
    assert (taken[0].id, taken[1], originals.read(digest)) == (job.id, b"accepted", b"an original")
    jobs.finish(job.id, 1, [])


def test_what_a_killed_writer_left_is_swept(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    originals = ClusterOriginals(connection, lambda digest: False)
    killed = originals.keep(b"otter")
    killed.__enter__()
    originals.sweep()
    assert originals.size() == (1, 5)
    monkeypatch.setattr("index.opensearch.state.originals.PIN_SECONDS", 0.0)
    originals.sweep()
    assert originals.size() == (0, 0)
