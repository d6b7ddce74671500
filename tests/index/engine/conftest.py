"""The implementations that the contract suite runs over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from index.embedded.opening import open_engine_to_share, open_engine_to_write
from index.embedded.policy import Policy
from index.engine import Engine
from index.opensearch.address import parse
from index.opensearch.connection import Connection
from index.opensearch.engine import ClusterEngine
from index.types import Reranker
from tests.index.engine.reference import HashingEmbedder
from tests.system.cluster.fixtures import TestCluster
from tests.waiting import wait_for

EXACT = Policy(unindexed=4, merged_at_once=8)
APPROXIMATE = Policy(unindexed=4, merged_at_once=8, exact_passages=0, built_in_process=1_000)

# Opens an engine over a folder, a new one or one that was closed.
OpenEngine = Callable[..., Engine]
NewEngine = Callable[[], AbstractContextManager[Engine]]


def embedded(policy: Policy) -> OpenEngine:
    def open_engine(folder: Path, reranker: Reranker | None = None) -> Engine:
        return open_engine_to_write(folder, lambda stored: ("hashing", HashingEmbedder()), policy, reranker=reranker)

    return open_engine


class BesideOwner:
    """An engine beside the owner of its folder: it reads, and the owner writes. Both are closed together."""

    def __init__(self, folder: Path, reranker: Reranker | None = None) -> None:
        self._owner = embedded(EXACT)(folder)
        self._reading = open_engine_to_share(folder, lambda stored: ("hashing", HashingEmbedder()), EXACT, reranker)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._owner if name in ("put", "remove", "update_origin", "edit", "jobs") else self._reading, name)

    def maintain(self) -> None:
        self._owner.maintain()
        self._follow()

    def rebuild(self) -> None:
        self._owner.rebuild()
        self._follow()

    def _follow(self) -> None:
        """Until both search the same generation: what was removed from one counts in its document frequencies."""
        wait_for(lambda: self._reading.generation == self._owner.generation)

    def close(self) -> None:
        self._reading.close()
        self._owner.close()


class OnCluster:
    """Opens engines on a cluster: a folder stands for a name there, whose indices are deleted at the end."""

    def __init__(self, cluster: TestCluster, stack: ExitStack) -> None:
        self._cluster, self._stack = cluster, stack
        self._addresses: dict[Path, str] = {}

    def __call__(self, folder: Path, reranker: Reranker | None = None) -> Engine:
        if folder not in self._addresses:
            self._addresses[folder] = self._stack.enter_context(self._cluster.new_address())
        connection = Connection(parse(self._addresses[folder]))
        return ClusterEngine(connection, lambda stored: ("hashing", HashingEmbedder()), reranker)


@pytest.fixture(
    params=[embedded(EXACT), embedded(APPROXIMATE), BesideOwner, OnCluster],
    ids=["embedded", "embedded, approximate", "embedded, beside its owner", "cluster"],
    scope="session",
)
def open_engine(request: pytest.FixtureRequest) -> Iterator[OpenEngine]:
    if request.param is OnCluster:
        with ExitStack() as stack:
            yield OnCluster(request.getfixturevalue("cluster"), stack)
        return
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("index.embedded.follower.SECONDS", 0.01)
        yield request.param


@pytest.fixture(scope="session")
def new_engine(open_engine: OpenEngine) -> NewEngine:
    """Opens a new, empty engine in a `with` statement; Hypothesis needs one for each example."""
    return engines_of(open_engine)


@pytest.fixture(scope="session")
def new_local_engine(open_engine: OpenEngine) -> NewEngine:
    """As `new_engine`, for many examples."""
    if isinstance(open_engine, OnCluster):
        pytest.skip("a new index for each of many examples takes long: tests/index/opensearch has fewer")
    return engines_of(open_engine)


def engines_of(open_engine: OpenEngine) -> NewEngine:
    @contextmanager
    def new() -> Iterator[Engine]:
        with TemporaryDirectory() as folder:
            engine = open_engine(Path(folder))
            try:
                yield engine
            finally:
                engine.close()

    return new


@pytest.fixture
def engine(open_engine: OpenEngine, tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(tmp_path)
    yield opened
    opened.close()
