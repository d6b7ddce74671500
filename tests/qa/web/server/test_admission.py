"""Admission: the limit follows the recent pace; requests above it are refused at once."""

from __future__ import annotations

from qa.web.server.admission import TARGET_SHARE, Admission

CLIENTS = 64


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


def refusals_of_clients(admission: Admission, clock: Clock, interval: float, departures: int) -> int:
    """How often CLIENTS are refused that ask again after each answer or refusal."""
    before = admission.refused
    for _ in range(departures):
        for _ in range(CLIENTS - admission.in_flight):
            admission.admit()
        clock.now += interval
        admission.release()
    return admission.refused - before


def test_limit_follows_the_interval_between_departures() -> None:
    clock = Clock()
    admission = Admission(wait_seconds=0.5, slots=4, clock=clock)
    for interval, expected in ((0.005, 100), (0.05, 10), (0.001, 500)):
        saturate(admission, clock, interval, 2_000)
        waiting = admission.limit - 4
        assert expected * TARGET_SHARE * 0.85 <= waiting <= expected * TARGET_SHARE * 1.1
    assert admission.in_flight <= admission.limit
    assert admission.refused > 0


def test_limit_has_a_minimum_and_a_maximum() -> None:
    clock = Clock()
    admission = Admission(wait_seconds=0.5, slots=4, most=50, clock=clock)
    saturate(admission, clock, 10.0, 500)
    assert admission.limit == 8  # as many again as there are slots
    saturate(admission, clock, 0.00001, 2_000)
    assert admission.limit == 50


def test_idle_time_does_not_change_the_limit() -> None:
    clock = Clock()
    admission = Admission(wait_seconds=0.5, slots=4, clock=clock)
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


def test_64_clients_are_not_refused_from_the_first_second_on() -> None:
    """With the defaults, and answers of 40 ms, two of them at a time on two cores."""
    clock = Clock()
    admission = Admission(slots=3, clock=clock)
    admission.expect(0.04)
    assert refusals_of_clients(admission, clock, 0.02, 1_000) == 0


def test_slow_answers_are_forgotten_soon() -> None:
    clock = Clock()
    admission = Admission(slots=3, clock=clock)
    assert refusals_of_clients(admission, clock, 0.5, 30) > 0
    refusals_of_clients(admission, clock, 0.03, 60)
    assert refusals_of_clients(admission, clock, 0.03, 1_000) == 0


def test_refused_requests_are_counted_and_not_in_flight() -> None:
    admission = Admission(slots=1, most=1)
    assert [admission.admit() for _ in range(3)] == [True, False, False]
    assert admission.full
    admission.release()
    assert (admission.in_flight, admission.refused) == (0, 2)
    assert admission.admit()
    admission.leave_queue()
    admission.count_refusal()
    assert (admission.in_flight, admission.refused) == (0, 3)
