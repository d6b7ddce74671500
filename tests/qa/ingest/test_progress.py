"""The rate and the time left, with a fake clock."""

from __future__ import annotations

import pytest

from qa.ingest.progress import REPORT_SECONDS, Rate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_shows_rate_and_time_left(clock: Clock) -> None:
    rate = Rate([10, 10, 10, 10], clock)
    for _ in range(50):
        rate.add_document(0.02, 30)
    rate.finish_file()
    clock.now += 100
    assert str(rate) == "1,500 passages, 15 a second, 5 min left"


def test_time_left_within_a_large_file(clock: Clock) -> None:
    rate = Rate([7], clock)
    for _ in range(100):
        rate.add_document(1 / 1000, 12)
    clock.now += 1000
    assert str(rate) == "1,200 passages, 1 a second, 2 h 30 min left"
    clock.now += 9000 - 1000
    for _ in range(890):
        rate.add_document(1 / 1000, 12)
    assert str(rate).endswith(", 91 s left") or str(rate).endswith(", 2 min left")


def test_time_left_after_the_largest_file(clock: Clock) -> None:
    rate = Rate([8000, 500, 0, 500], clock)  # the third has no known size: that of the mean, 3000
    rate.add_document(1.0, 1200)
    rate.finish_file()
    clock.now += 480
    assert str(rate) == "1,200 passages, 2 a second, 4 min left"


def test_shows_no_time_left_without_passages(clock: Clock) -> None:
    rate = Rate([1, 2, 3], clock)
    clock.now += 50
    assert str(rate) == "0 passages"


def test_is_due_once_a_minute(clock: Clock) -> None:
    rate = Rate([7], clock)
    assert not rate.is_due()
    clock.now += REPORT_SECONDS
    assert rate.is_due()
    assert not rate.is_due()
