"""Two servers and a worker on one cluster, none of which keeps state."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qa.curation.stored import write_curation
from qa.operate.keys import Role, create_key, revoke_key
from qa.operate.state import state_files_of
from qa.settings.settings import Settings
from tests.conftest import Server, StartServer, environment
from tests.system.cluster.fixtures import TestCluster
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def address(cluster: TestCluster) -> Iterator[str]:
    with cluster.new_address() as new:
        yield new


@pytest.fixture(scope="module")
def secret(address: str) -> str:
    return create_key(state_files_of(Settings(engine=address)), "tests", Role.WRITE)


class FrontEnd:
    """A server that needs a key."""

    def __init__(self, server: Server, secret: str) -> None:
        self.server, self._headers = server, {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}

    def ask(self, method: str, target: str, value: Any = None) -> Any:
        body = None if value is None else json.dumps(value).encode()
        response = self.server.request(method, target, body, self._headers)
        assert response.status in (200, 202, 204), response.text
        return response.json() if response.body else None

    def add(self, document_id: str, text: str) -> str:
        record = {"id": document_id, "title": document_id, "text": text}
        return str(self.ask("POST", "/v1/documents", record)["job"]["id"])

    def job(self, number: str) -> Any:
        return self.ask("GET", f"/v1/jobs/{number}")

    def finished(self, number: str) -> Any:
        return wait_for(lambda: found if (found := self.job(number))["finished"] else None)

    def found(self, words: str) -> set[str]:
        results = self.ask("POST", "/v1/search", {"query": words, "read": "never"})["results"]
        return {result["document"]["id"] for result in results if words in result["text"]}


@pytest.fixture(scope="module")
def no_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("working") / "data"


@pytest.fixture(scope="module")
def front_ends(
    start_server: StartServer, address: str, secret: str, exported_model: Path, no_folder: Path
) -> Iterator[tuple[FrontEnd, FrontEnd]]:
    with (
        start_server(no_folder, "--engine", address, QA_REQUIRE_KEY="1") as one,
        start_server(no_folder, "--engine", address, QA_REQUIRE_KEY="1") as other,
    ):
        for server in (one, other):
            wait_for(lambda server=server: server.get("/readyz").status == 200)
        yield FrontEnd(one, secret), FrontEnd(other, secret)


def test_each_sees_at_once_what_was_done_through_the_other(
    front_ends: tuple[FrontEnd, FrontEnd], address: str, no_folder: Path
) -> None:
    one, other = front_ends
    for number, (here, there) in enumerate(((one, other), (other, one))):
        word = f"markword{number}"
        assert there.finished(here.add(f"d{number}", f"The {word} is open on Mondays."))["status"] == "done"
        assert there.found(word) == {f"d{number}"}
        here.ask("DELETE", f"/v1/documents/d{number}")
        assert there.found(word) == set()
    assert not no_folder.exists()
    files = state_files_of(Settings(engine=address))
    revoked = create_key(files, "for a while", Role.READ)
    headers = {"Authorization": f"Bearer {revoked}"}
    wait_for(lambda: {each.server.request("GET", "/v1/documents", headers=headers).status for each in front_ends} == {200})
    revoke_key(files, "for a while")
    began = time.monotonic()
    wait_for(lambda: {each.server.request("GET", "/v1/documents", headers=headers).status for each in front_ends} == {401})
    assert time.monotonic() - began < 1.5  # a second, and the requests of this test


def test_all_follow_an_editors_file(front_ends: tuple[FrontEnd, FrontEnd], address: str) -> None:
    one, _ = front_ends
    for name, text in (("parks", "The parks open at eight."), ("lost", "Lost umbrellas are kept for a month.")):
        assert one.finished(one.add(name, text))["status"] == "done"
    rules = b'[[rule]]\nwords = ["parks"]\npin = ["lost"]\n[[synonyms]]\nfrom = ["parasols"]\nto = ["umbrellas"]\n'

    def search(front_end: FrontEnd, query: str) -> Any:
        return front_end.ask("POST", "/v1/search", {"query": query, "read": "never", "explain": True})

    files = state_files_of(Settings(engine=address))
    write_curation(files, rules)
    for each in front_ends:
        wait_for(lambda each=each: search(each, "When do the parks open?")["results"][0]["pinned"])
        pinned, second, *_ = search(each, "When do the parks open?")["results"]
        assert (pinned["document"]["id"], second["document"]["id"]) == ("lost", "parks")
        found = search(each, "parasols")
        assert found["curation"]["synonyms"] == [["parasols", "umbrellas"]]
        (lost,) = [result for result in found["results"] if result["document"]["id"] == "lost"]
        assert lost["explanation"]["lexical"]["share"] > 0
    write_curation(files, b'[[rule]]\nwords = ["parks"]\nhide = ["parks"]\n')
    for each in front_ends:
        wait_for(lambda each=each: search(each, "When do the parks open?")["curation"]["hidden"] == ["parks"])
        found = search(each, "When do the parks open?")["results"]
        assert found
        assert all(result["document"]["id"] != "parks" for result in found)
    write_curation(files, b"")


def test_nothing_is_lost_or_stored_twice_when_a_front_end_and_a_worker_are_killed(
    front_ends: tuple[FrontEnd, FrontEnd], address: str, qa_path: Path
) -> None:
    """The last test of this module, because one of its servers is gone then."""
    one, dying = front_ends
    worker = subprocess.Popen(
        [str(qa_path), "work", "--engine", address], env=environment({}), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        jobs = {}
        for number in range(12):
            jobs[f"k{number}"] = dying.add(f"k{number}", f"Number {number}. " + f"The killword{number} is open. " * 100)
        wait_for(lambda: sum(one.job(job)["status"] == "done" for job in jobs.values()) >= 2)
        dying.server.process.kill()
        worker.send_signal(signal.SIGKILL)
        found = [one.finished(job) for job in jobs.values()]
    finally:
        worker.kill()
        worker.wait()
    assert {job["status"] for job in found} == {"done"}
    listed = [document["id"] for document in one.ask("GET", "/v1/documents?limit=100")["data"]]
    assert sorted(set(listed) & set(jobs)) == sorted(jobs)
    assert len(listed) == len(set(listed))
    for number in (0, 11):
        assert one.found(f"killword{number}") == {f"k{number}"}
