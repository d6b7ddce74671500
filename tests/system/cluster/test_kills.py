"""Nodes are killed under load: one after another, two at once, all at once."""

from __future__ import annotations

import os

import pytest

from benchmarks.cluster.kills import run
from tests.system.cluster.nodes import NotAvailable

pytestmark = pytest.mark.long


def test_nothing_acknowledged_is_lost_half_visible_or_comes_back() -> None:
    try:
        results = run(rounds=1, searchers=4, two=True)
    except NotAvailable as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no cluster: {error}")
    assert results["acknowledged"] > 50
    assert results["wrong_searches"] == 0, results["examples"]
    assert {name: results["at_the_end"][name] for name in ("lost", "came_back", "half")} == {
        "lost": 0,
        "came_back": 0,
        "half": 0,
    }
