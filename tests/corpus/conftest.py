"""The shared evaluation data, which is not part of the project."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared data; tests that need it are skipped without it."""
    data = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not data.is_dir():
        pytest.skip(f"the shared evaluation data is not in {data}")
    return data
