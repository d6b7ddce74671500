"""Engines on the cluster of the test run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from index.opensearch.address import parse
from index.opensearch.connection import Connection
from index.opensearch.engine import ClusterEngine
from tests.index.engine.reference import HashingEmbedder

OpenClusterEngine = Callable[[], ClusterEngine]


@pytest.fixture
def open_cluster_engine(engine_address: str) -> Iterator[OpenClusterEngine]:
    """Opens an engine of a new address, each as another process would; all are closed after the test."""
    opened: list[ClusterEngine] = []

    def open_it() -> ClusterEngine:
        opened.append(ClusterEngine(Connection(parse(engine_address)), lambda stored: ("hashing", HashingEmbedder())))
        return opened[-1]

    yield open_it
    for engine in opened:
        engine.close()
