"""Admission: the limit follows the measured pace; requests above it are refused at once."""

from __future__ import annotations

from qa.web.server.admission import TARGET_SHARE, Admission


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def saturate(admission: Admission, clock: Clock, interval: float, departures: int) -> None:
    """A request leaves every `interval` seconds, and others always wait to enter."""
    for _ in range(departures):
        while admission.admit():
            pass
        clock.now += interval
        admission.release()


def test_limit_follows_the_interval_between_departures() -> None:
    clock = Clock()
    admission = Admission(wait_seconds=0.5, threads=4, clock=clock)
    for interval, expected in ((0.005, 100), (0.05, 10), (0.001, 500)):
        saturate(admission, clock, interval, 2_000)
        waiting = admission.limit - 4
        assert expected * TARGET_SHARE * 0.85 <= waiting <= expected * TARGET_SHARE * 1.1
    assert admission.in_flight <= admission.limit
    assert admission.refused > 0


def test_limit_stays_between_the_threads_and_the_maximum() -> None:
    clock = Clock()
    admission = Admission(wait_seconds=0.5, threads=4, most=50, clock=clock)
    saturate(admission, clock, 10.0, 500)
    assert admission.limit == 4
    saturate(admission, clock, 0.00001, 2_000)
    assert admission.limit == 50


def test_idle_time_does_not_change_the_limit() -> None:
    clock = Clock()
    admission = Admission(wait_seconds=0.5, threads=4, clock=clock)
    saturate(admission, clock, 0.005, 2_000)
    while admission.in_flight:
        admission.release()
    limit = admission.limit
    for _ in range(100):
        clock.now += 60
        assert admission.admit()
        clock.now += 2
        admission.release()
    assert admission.limit == limit


def test_refused_requests_are_counted_and_not_in_flight() -> None:
    admission = Admission(threads=1, most=1)
    assert [admission.admit() for _ in range(3)] == [True, False, False]
    assert admission.full
    admission.release()
    assert (admission.in_flight, admission.refused) == (0, 2)
    assert admission.admit()
