"""The implementations that the contract suite runs over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from index.embedded.opening import open_engine_to_write
from index.embedded.policy import Policy
from index.engine import Engine
from index.types import Reranker
from tests.index.engine.reference import HashingEmbedder

EXACT = Policy(unindexed=4, merged_at_once=8)
APPROXIMATE = Policy(unindexed=4, merged_at_once=8, exact_passages=0, built_in_process=1_000)

# Opens an engine over a folder, a new one or one that was closed.
OpenEngine = Callable[..., Engine]


def embedded(policy: Policy) -> OpenEngine:
    def open_engine(folder: Path, reranker: Reranker | None = None) -> Engine:
        return open_engine_to_write(folder, lambda stored: ("hashing", HashingEmbedder()), policy, reranker=reranker)

    return open_engine


@pytest.fixture(params=[embedded(EXACT), embedded(APPROXIMATE)], ids=["embedded", "embedded, approximate"], scope="session")
def open_engine(request: pytest.FixtureRequest) -> OpenEngine:
    opened: OpenEngine = request.param
    return opened


@pytest.fixture(scope="session")
def new_engine(open_engine: OpenEngine) -> Callable[[], Iterator[Engine]]:
    """A new, empty engine in a `with` statement; Hypothesis needs one for each example."""

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
