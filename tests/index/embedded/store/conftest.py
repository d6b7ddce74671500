"""A store with one document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from index.embedded.store.store import Store
from tests.index.embedded.store.examples import (
    put,
)

OpenStore = Callable[..., Store]


@pytest.fixture
def store(open_store: OpenStore, tmp_path: Path) -> Store:
    created = open_store(tmp_path, create=True)
    put(created)
    return created
