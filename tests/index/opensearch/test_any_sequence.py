"""The contract of every engine on a cluster: the same test as for the others, with fewer examples in the short run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings

from index.engine import Engine
from index.opensearch.address import parse
from index.opensearch.connection import Connection
from index.opensearch.engine import ClusterEngine
from tests.index.engine.conftest import NewEngine
from tests.index.engine.reference import HashingEmbedder
from tests.index.engine.test_engine_contract import Sequence, check_any_sequence, sequences
from tests.system.cluster.fixtures import TestCluster


@pytest.fixture(scope="module")
def new_cluster_engine(cluster: TestCluster) -> NewEngine:
    @contextmanager
    def new() -> Iterator[Engine]:
        with cluster.new_address() as address:
            engine = ClusterEngine(Connection(parse(address)), lambda stored: ("hashing", HashingEmbedder()))
            try:
                yield engine
            finally:
                engine.close()

    return new


@given(sequences)
@settings(max_examples=4)
def test_matches_the_reference_after_any_sequence(new_cluster_engine: NewEngine, sequence: Sequence) -> None:
    check_any_sequence(new_cluster_engine, sequence)


@pytest.mark.long
@given(sequences)
@settings(max_examples=100)
def test_matches_the_reference_after_many_sequences(new_cluster_engine: NewEngine, sequence: Sequence) -> None:
    check_any_sequence(new_cluster_engine, sequence)
