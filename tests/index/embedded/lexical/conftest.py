"""Fixtures of the lexical index tests: every implementation, and small blocks."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest

from index.embedded.lexical.brute_force import BruteForceLexicalIndex
from index.embedded.lexical.tantivy_index import TantivyLexicalIndex
from tests.index.embedded.lexical.indexes import Make
from tests.index.oracle import OracleLexicalIndex


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    """Process a few dozen ids in blocks, as a million would be."""
    with mock.patch("index.id_sets.ROWS_AT_ONCE", 3):
        yield


@pytest.fixture(
    scope="module",
    params=[OracleLexicalIndex, BruteForceLexicalIndex, TantivyLexicalIndex],
    ids=["oracle", "brute force", "tantivy"],
)
def make(request: pytest.FixtureRequest) -> Make:
    implementation: Make = request.param
    return implementation
