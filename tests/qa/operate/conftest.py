"""Fixtures: a model of a few kilobytes for the data folder of a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.durability import small


@pytest.fixture
def model(tmp_path: Path) -> str:
    return small.make_model(tmp_path / "model", tmp_path / "data" / "models")
