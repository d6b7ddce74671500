"""Several server processes: limits, keys, metrics and documents are the same in all; one that dies is replaced."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from qa.operate.keys import Role, create_key, revoke_key
from qa.state_files import FolderFiles
from tests.conftest import RunProcess, Server, StartServer
from tests.heaps import further_heaps, needs_glibc
from tests.waiting import wait_for

TEXT = "The harbour of Port Mallory opens at seven."


@pytest.fixture(scope="module")
def workers(data_folder: Callable[[], Path], start_server: StartServer, qa_path: Path) -> Iterator[Server]:
    with start_server(
        data_folder(), "--workers", "2", command=(qa_path,), QA_REQUESTS_PER_MINUTE="10", QA_READ="never"
    ) as running:
        yield running
        assert running.stop() == 0
        assert "Traceback" not in running.log


def children(server: Server) -> list[int]:
    """The writer, then the workers, oldest first."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == server.process.pid:
                found.append(int(entry.name))
    return sorted(found)


def test_both_processes_answer_and_metrics_are_those_of_all(workers: Server) -> None:
    before = requests_counted(workers)
    for _ in range(40):  # each on a new connection
        assert workers.get("/v1/models").status == 200
    counts = {requests_counted(workers) - before for _ in range(10)}
    assert counts == {40.0}


def test_connections_that_clients_keep_are_spread_over_the_processes(workers: Server) -> None:
    kept = []
    for _ in range(24):  # one after another, so that a single process could accept all of them
        kept.append(http.client.HTTPConnection(workers.host, workers.port, timeout=60))
        kept[-1].request("GET", "/v1/models")
        assert kept[-1].getresponse().read()
    held = [connections_held(pid, workers.port) for pid in children(workers)[1:]]
    for connection in kept:
        connection.close()
    assert sum(held) >= 24
    assert min(held) >= 10


def connections_held(pid: int, port: int) -> int:
    """Open connections of a process that clients made to a port of this machine."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"}  # 01: established
    files = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            files.append(os.readlink(entry))
    return sum(file.startswith("socket:[") and file[8:-1] in inodes for file in files)


@needs_glibc
def test_the_threads_of_each_process_share_one_heap(workers: Server) -> None:
    for _ in range(20):
        assert workers.get("/v1/search?q=When+does+the+harbour+open").status == 200
    for process in (workers.process.pid, *children(workers)):
        assert further_heaps(process) == 0


def requests_counted(server: Server) -> float:
    return sum(
        value for name, value in metrics_of(server) if name.startswith("quotable_requests_total") and "/v1/models" in name
    )


def metrics_of(server: Server) -> list[tuple[str, float]]:
    lines = [line for line in server.get("/metrics").text.splitlines() if not line.startswith("#")]
    return [(name, float(value)) for name, _, value in (line.rpartition(" ") for line in lines)]


def test_the_processes_share_their_libraries_and_the_weights_of_the_models(workers: Server) -> None:
    assert workers.search("Who signed the memorandum?", read="always")["answerable"]
    for pid in children(workers)[1:]:
        assert Path(f"/proc/{pid}/maps").read_text().count("mapped.weights") >= 1
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        kilobytes = {line.split()[0]: int(line.split()[-2]) for line in rollup.splitlines() if line.endswith("kB")}
        assert kilobytes["Private_Dirty:"] < 140_000  # 85,000; 200,000 if it imported and loaded all by itself


def test_failures_of_the_writer_are_counted_in_the_metrics_of_all(workers: Server) -> None:
    workers.finished(workers.upload("broken.pdf", b"%PDF-1.4 broken").json()["job"])
    for _ in range(10):
        wait_for(lambda: dict(metrics_of(workers)).get("quotable_job_failures_total", 0) >= 1)


def test_a_key_and_its_rate_limit_hold_for_all_processes(workers: Server) -> None:
    secret = create_key(FolderFiles(workers.data), "counted", Role.READ)
    headers = {"Authorization": f"Bearer {secret}"}
    statuses = Counter(workers.request("GET", "/v1/models", headers=headers).status for _ in range(30))
    assert 10 <= statuses[200] <= 12  # the bucket refills by one in six seconds
    assert statuses[429] == 30 - statuses[200]
    revoke_key(FolderFiles(workers.data), "counted")
    # Callers on this machine need no key, so an unknown one is ignored.
    assert {workers.request("GET", "/v1/models", headers=headers).status for _ in range(20)} == {200}


def test_a_document_is_found_by_all_processes_once_its_job_is_done_and_by_none_once_it_is_removed(workers: Server) -> None:
    workers.finished(workers.add(id="harbour", title="Harbour", text=TEXT))
    for _ in range(20):
        assert workers.search("When does the harbour of Port Mallory open?")["results"][0]["document"]["id"] == "harbour"
    assert workers.request("DELETE", "/v1/documents/harbour").status == 200
    for _ in range(20):
        found = workers.search("When does the harbour of Port Mallory open?")["results"]
        assert all(result["document"]["id"] != "harbour" for result in found)


def test_every_process_answers_the_model_context_protocol(workers: Server) -> None:
    """Without sessions: each message may reach another process."""
    asked = {"name": "search", "arguments": {"query": "Who signed the memorandum?"}}
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    for _ in range(8):
        result = workers.request("POST", "/mcp", message, headers).json()["result"]
        assert "Peter Kyle" in result["structuredContent"]["answers"][0]["text"]


def test_a_killed_worker_is_replaced_and_no_answer_is_wrong(workers: Server) -> None:
    expected = workers.search("Who signed the memorandum?")["results"]
    outcomes: Counter[str] = Counter()
    stopping = threading.Event()

    def ask() -> None:
        while not stopping.is_set():
            try:
                found = workers.search("Who signed the memorandum?")["results"]
            except (OSError, http.client.HTTPException):
                outcomes["error"] += 1
            else:
                outcomes["right" if found == expected else "wrong"] += 1

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        before = children(workers)
        os.kill(before[-1], signal.SIGKILL)
        wait_for(lambda before=before: len(children(workers)) == 3 and children(workers) != before)
    answered = outcomes["right"]
    wait_for(lambda: outcomes["right"] >= answered + 20)
    stopping.set()
    for thread in threads:
        thread.join()
    assert outcomes["wrong"] == 0
    assert outcomes["error"] <= 2 * len(threads)
    assert "is started again" in workers.log


def test_a_killed_writer_takes_its_jobs_up_again(workers: Server) -> None:
    jobs = [
        workers.add(id=f"ship-{number}", title=f"Ship {number}", text=f"Ship {number} carries grain.") for number in range(20)
    ]
    os.kill(children(workers)[0], signal.SIGKILL)
    jobs += [workers.add(id=f"boat-{number}", title=f"Boat {number}", text=f"Boat {number} has sails.") for number in range(3)]
    assert all(workers.finished(job)["documents"] == 1 for job in jobs)
    listed = {document["id"] for document in workers.get("/v1/documents?limit=100").json()["data"]}
    assert {f"ship-{number}" for number in range(20)} | {f"boat-{number}" for number in range(3)} <= listed


def test_a_failure_to_start_is_one_line(workers: Server, qa: RunProcess) -> None:
    refused = qa("--data", workers.data, "serve", "--port", "0", "--workers", "2")
    assert refused.code == 1
    (line,) = refused.stderr.splitlines()
    assert str(workers.data) in line
    assert str(workers.process.pid) in line  # of the supervisor, which would start the writer again
