"""`qa serve` on a cluster: answers, documents, and what callers hear while the cluster is gone."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import RunProcess, StartServer
from tests.system.cluster.cut import Relay
from tests.system.cluster.fixtures import TestCluster
from tests.waiting import wait_for

QUESTION = "Who signed the memorandum?"
SEARCH = json.dumps({"query": QUESTION}).encode()


def test_serves_from_a_cluster_and_says_when_it_is_gone(
    cluster: TestCluster, engine_address: str, exported_model: Path, tmp_path: Path, start_server: StartServer, qa: RunProcess
) -> None:
    with (
        Relay(cluster.hosts) as relay,
        start_server(tmp_path, "--engine", engine_address.replace(cluster.hosts, relay.address)) as server,
    ):
        answer = server.search(QUESTION)["answer"]
        assert "Sam Altman" in answer["text"]
        assert (
            server.finished(server.add(id="ferry", text="The ferry leaves at 7:42 in the morning.", title="Ferry"))["status"]
            == "done"
        )
        assert server.search("When does the ferry leave?")["results"][0]["document"]["id"] == "ferry"

        relay.cut()
        for response in (server.post("/v1/search", SEARCH), server.get("/readyz"), server.get("/v1/documents")):
            assert response.status == 503
            assert response.headers["Content-Type"] == "application/problem+json"
            assert response.headers["Retry-After"]
            assert "cluster" in response.json()["detail"]
            assert relay.address not in response.text
        assert server.get("/healthz").status == 200

        relay.mend()
        wait_for(lambda: server.get("/readyz").status == 200)
        assert server.search(QUESTION)["answer"]["text"] == answer["text"]
        assert "Traceback" not in server.log

    listed = qa("list", "--engine", engine_address, "--data", tmp_path)
    assert "ferry" in listed.stdout
    assert list(tmp_path.glob("store*")) == []
    assert qa("rebuild", "--engine", engine_address, "--data", tmp_path).stdout == "Index merged.\n"
