"""The server that the tests of `/v1/documents` change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def documents(data_folder: Callable[[], Path], start_server: Callable[..., Any]) -> Iterator[Any]:
    """A server whose documents the tests of one file change, each test under its own ids."""
    with start_server(data_folder()) as running:
        yield running
        assert "Traceback" not in running.log, running.log
