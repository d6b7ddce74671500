"""The rate and the time left, by a clock of the test's own."""

from __future__ import annotations

import pytest

from qa.ingest.progress import SAY_SECONDS, Rate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_it_says_the_rate_and_the_time_left_at_the_rate_so_far(clock: Clock) -> None:
    rate = Rate(4, clock)
    for _ in range(50):
        rate.stored(0.02, 30)
    rate.file_done()
    clock.now += 100
    assert str(rate) == "1,500 passages, 15 a second, 5 min left"


def test_within_a_large_file_the_time_left_is_told_by_its_documents(clock: Clock) -> None:
    rate = Rate(1, clock)
    for _ in range(100):
        rate.stored(1 / 1000, 12)
    clock.now += 1000
    assert str(rate) == "1,200 passages, 1 a second, 2 h 30 min left"
    clock.now += 9000 - 1000
    for _ in range(890):
        rate.stored(1 / 1000, 12)
    assert str(rate).endswith(", 91 s left") or str(rate).endswith(", 2 min left")


def test_before_anything_is_known_no_time_is_told(clock: Clock) -> None:
    rate = Rate(3, clock)
    clock.now += 50
    assert str(rate) == "0 passages"


def test_without_a_terminal_it_is_said_once_a_minute(clock: Clock) -> None:
    rate = Rate(1, clock)
    assert not rate.due()
    clock.now += SAY_SECONDS
    assert rate.due()
    assert not rate.due()
