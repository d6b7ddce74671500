"""The connection to a cluster: what it does while nodes cannot be reached, do not answer, or refuse."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from index.opensearch.address import parse
from index.opensearch.connection import Connection
from index.types import EngineUnavailable, StoreError
from tests.system.cluster.answering import AnsweringNode, answering
from tests.system.cluster.fixtures import TestCluster
from tests.system.cluster.nodes import free_ports


def connect(hosts: str) -> Connection:
    return Connection(parse(f"opensearch://{hosts}/documents"))


@contextmanager
def silent_node() -> Iterator[str]:
    """A node that accepts connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_a_node_that_cannot_be_reached_is_replaced_by_another(cluster: TestCluster) -> None:
    (closed,) = free_ports(1)
    connection = connect(f"127.0.0.1:{closed},{cluster.hosts}")
    for _ in range(4):
        assert connection.request("GET", "/").body["version"]["number"]


def test_a_node_that_does_not_answer_is_replaced_by_another(cluster: TestCluster) -> None:
    with silent_node() as silent:
        connection = connect(f"{silent},{cluster.hosts}")
        for _ in range(2):
            assert connection.request("GET", "/", attempt_seconds=0.5).body["version"]["number"]


class NotConnected(AnsweringNode):
    """What a node says for some time after another one, which it asks, has gone."""

    status = 500

    def body(self) -> str:
        return '{"error": {"root_cause": [{"reason": "[node-3] Node not connected"}]}, "status": 500}'


def test_a_node_that_asks_one_that_has_gone_is_replaced_by_another(cluster: TestCluster) -> None:
    with answering(NotConnected) as node:
        connection = connect(f"{node},{cluster.hosts}")
        for _ in range(4):
            assert connection.request("GET", "/").body["version"]["number"]


def test_a_cluster_that_cannot_be_reached_is_named_soon() -> None:
    closed = ",".join(f"127.0.0.1:{port}" for port in free_ports(2))
    began = time.monotonic()
    with pytest.raises(EngineUnavailable, match=f"no node of the cluster opensearch://{closed}/documents can be reached"):
        connect(closed).request("GET", "/")
    assert time.monotonic() - began < 8


def test_a_cluster_that_does_not_answer_is_given_up_at_the_deadline() -> None:
    with silent_node() as silent, pytest.raises(EngineUnavailable, match="does not answer"):
        connect(silent).request("GET", "/", seconds=1, attempt_seconds=0.3)


def test_a_request_that_must_not_be_repeated_is_sent_once() -> None:
    (port,) = free_ports(1)
    accepted: list[object] = []
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", port))
        listening.listen()

        def accept_and_hang_up() -> None:
            with suppress(OSError):  # closed at the end of the test
                for _ in range(2):
                    connection, _ = listening.accept()
                    accepted.append(connection.recv(100))
                    connection.close()

        threading.Thread(target=accept_and_hang_up, daemon=True).start()
        with pytest.raises(EngineUnavailable):
            connect(f"127.0.0.1:{port}").request("POST", "/", {}, retry=False)
    assert len(accepted) == 1


def test_a_refusal_is_an_error_with_the_reason_of_the_cluster(cluster: TestCluster) -> None:
    connection = connect(cluster.hosts)
    with pytest.raises(StoreError, match="no such index") as refused:
        connection.request("GET", "/unknown-index/_mapping")
    assert not isinstance(refused.value, EngineUnavailable)
    assert connection.request("GET", "/unknown-index/_mapping", accept=(404,)).status == 404
