"""Admission: as many are let in as can be answered soon, by the pace that is measured; the others are refused at once."""

from __future__ import annotations

from qa.web.server.admission import AIM, Admission


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def busy(admission: Admission, clock: Clock, seconds_each: float, departures: int) -> None:
    """Someone leaves every so often, and someone always wants to come in."""
    for _ in range(departures):
        while admission.arrive():
            pass
        clock.now += seconds_each
        admission.leave()


def test_no_more_are_let_in_than_can_be_answered_in_time() -> None:
    clock = Clock()
    admission = Admission(wait_seconds=0.5, threads=4, clock=clock)
    for pace, most in ((0.005, 100), (0.05, 10), (0.001, 500)):
        busy(admission, clock, pace, 2_000)
        assert most * AIM * 0.9 <= admission.bound <= most * AIM * 1.1
    assert admission.inside <= admission.bound
    assert admission.refused > 0


def test_never_fewer_are_let_in_than_can_run_and_never_more_than_the_most() -> None:
    clock = Clock()
    admission = Admission(wait_seconds=0.5, threads=4, most=50, clock=clock)
    busy(admission, clock, 10.0, 500)
    assert admission.bound == 4
    busy(admission, clock, 0.00001, 2_000)
    assert admission.bound == 50


def test_a_quiet_hour_says_nothing_of_the_pace() -> None:
    clock = Clock()
    admission = Admission(wait_seconds=0.5, threads=4, clock=clock)
    busy(admission, clock, 0.005, 2_000)
    while admission.inside:
        admission.leave()
    bound = admission.bound
    for _ in range(100):
        clock.now += 60
        assert admission.arrive()
        clock.now += 2
        admission.leave()
    assert admission.bound == bound


def test_whoever_is_refused_is_counted_and_takes_no_place() -> None:
    admission = Admission(threads=1, most=1)
    assert [admission.arrive() for _ in range(3)] == [True, False, False]
    assert admission.full
    admission.leave()
    assert (admission.inside, admission.refused) == (0, 2)
    assert admission.arrive()
