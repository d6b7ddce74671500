"""A shard is missing: what the others hold is found, and everything says that it is not all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from index.opensearch.address import parse
from index.opensearch.connection import Connection
from index.opensearch.engine import ClusterEngine
from index.types import EngineUnavailable
from tests.index.engine.examples import document
from tests.index.engine.test_engine_contract import EMBEDDER, put
from tests.waiting import wait_for

DOCUMENTS = 12


def test_what_is_there_is_found_and_said_to_be_a_part(engine_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("connection", "search.views"):
        monkeypatch.setattr(f"index.opensearch.{module}.READ_SECONDS", 2.0)
    for module in ("health", "search.views"):
        monkeypatch.setattr(f"index.opensearch.{module}.PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr("index.opensearch.health.REMEMBERED_SECONDS", 0.2)
    connection = Connection(parse(engine_address.replace("shards=1", "shards=2")))
    writing = ClusterEngine(connection, lambda stored: ("hashing", EMBEDDER))
    for number in range(DOCUMENTS):
        put(writing, document(f"d{number}", [f"otter {number}"]))
    index = writing.records.index
    folder = shard_folder(connection, index)
    reopen(connection, index, lambda: folder.rename(folder.with_name("lost")))

    engine = ClusterEngine(connection, lambda stored: ("hashing", EMBEDDER))  # points in time opened before would be whole
    some, partial = found(engine)
    assert (0 < some < DOCUMENTS, partial, engine.degraded) == (True, True, True)
    assert engine.counts() == (some, some)
    assert engine.version[2]
    with pytest.raises(EngineUnavailable):  # a copy of the documents would not be one
        engine.documents()
    for each in (writing, engine):
        each.close()


def found(engine: ClusterEngine) -> tuple[int, bool]:
    """The number of passages found, and whether shards were missing."""
    ranking = engine.search(engine.prepare("otter"))
    return len(ranking.candidates), ranking.partial


def shard_folder(connection: Connection, index: str) -> Path:
    """Of the first shard; the node is on this machine."""
    (node,) = connection.request("GET", "/_nodes/stats/fs").body["nodes"].values()
    settings = connection.request("GET", f"/{index}/_settings").body[index]["settings"]
    return Path(node["fs"]["data"][0]["path"]) / "indices" / settings["index"]["uuid"] / "0" / "index"


def reopen(connection: Connection, index: str, between: Callable[[], object]) -> None:
    """Close an index, and open it again without a shard."""
    connection.write("POST", f"/{index}/_close")
    between()
    connection.write("POST", f"/{index}/_open", params={"wait_for_active_shards": "0"})

    def is_so() -> bool:
        health = connection.request("GET", f"/_cluster/health/{index}").body
        return bool(health["status"] == "red" and not health["initializing_shards"] and health["active_primary_shards"])

    wait_for(is_so)
