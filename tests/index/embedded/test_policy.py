"""When all allowed passages are scored."""

from __future__ import annotations

import pytest

from index.embedded.policy import DEFAULT, is_few


@pytest.mark.parametrize(
    ("allowed", "passages", "few"),
    [
        (10_000, 10_000, True),
        (10_001, 100_000, False),
        (10_044, 1_000_000, True),  # a key that reads 1%
        (25_000, 1_000_000, True),
        (25_000, 900_000, False),
        (25_001, 10_000_000, False),
    ],
)
def test_many_passages_are_scored_only_if_they_are_few_of_all(allowed: int, passages: int, few: bool) -> None:
    assert is_few(allowed, passages, DEFAULT.few_allowed) == few
