"""Connections of several processes to one name on the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from index.opensearch.address import parse
from index.opensearch.connection import Connection
from tests.system.cluster.fixtures import TestCluster

Connect = Callable[[], Connection]


@pytest.fixture(scope="module")
def address(cluster: TestCluster) -> Iterator[str]:
    """One for the tests of a module, which use different documents, keys and callers."""
    with cluster.new_address() as new:
        yield new


@pytest.fixture
def connection(address: str) -> Connection:
    return Connection(parse(address))
