"""The implementations that the contract suite runs over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from index.embedded.opening import open_engine_to_share, open_engine_to_write
from index.embedded.policy import Policy
from index.engine import Engine
from index.types import Reranker
from tests.index.engine.reference import HashingEmbedder
from tests.waiting import wait_for

EXACT = Policy(unindexed=4, merged_at_once=8)
APPROXIMATE = Policy(unindexed=4, merged_at_once=8, exact_passages=0, built_in_process=1_000)

# Opens an engine over a folder, a new one or one that was closed.
OpenEngine = Callable[..., Engine]


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


@pytest.fixture(
    params=[embedded(EXACT), embedded(APPROXIMATE), BesideOwner],
    ids=["embedded", "embedded, approximate", "embedded, beside its owner"],
    scope="session",
)
def open_engine(request: pytest.FixtureRequest) -> Iterator[OpenEngine]:
    opened: OpenEngine = request.param
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("index.embedded.follower.SECONDS", 0.01)
        yield opened


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
