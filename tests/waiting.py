"""Waiting for a condition in another process or thread, long enough for a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tests.conftest import PATIENCE

T = TypeVar("T")


def wait_for(condition: Callable[[], T]) -> T:
    """Poll until the condition is true and return its value."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still {value!r} after {PATIENCE} seconds"
        time.sleep(0.02)
    return value
