"""The soak test detects growth: in a server that leaks on purpose, and in made-up figures. The real one takes two hours."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.soak.__main__ import LONGEST_TICK, Clock, soak
from benchmarks.soak.samples import JUDGED, Sample, verdict

STEADY = Sample(
    seconds=0, requests=0, pss_mb=300, resident_mb=300, own_mb=200, descriptors=40, threads=15, children=1, zombies=0, folder_mb=90,
    log_mb=4, processor_seconds=0,
)  # fmt: skip
LEAKING = """
import sys
from qa.web import application

create_app, kept = application.create_app, []

def leaking(*given):
    app = create_app(*given)
    app.before_request(lambda: kept.append((open("/dev/null"), bytearray(200_000))) and None)
    return app

import qa.web.server.serving
qa.web.server.serving.create_app = leaking
from qa.cli.main import main
sys.argv = ["qa", "--data", sys.argv[1], "serve", "--port", "0"]
main()
"""


def hours(**growth: float) -> list[Sample]:
    """Two hours of samples with noise; `growth` is per hour."""
    chance = random.Random(0)
    samples = []
    for number in range(720):
        moment = replace(
            STEADY, seconds=number * 10.0, resident_mb=300 + chance.gauss(0, 3), descriptors=40 + chance.randrange(4)
        )
        grown = {name: getattr(moment, name) + more * number / 360 for name, more in growth.items()}
        samples.append(replace(moment, **grown))
    return samples


def test_noise_is_flat() -> None:
    assert all(figure["flat"] for figure in verdict(hours()).values())


def test_growth_during_warm_up_is_flat() -> None:
    warming = [replace(one, own_mb=one.own_mb + min(one.seconds / 60, 30)) for one in hours()]
    assert verdict(warming)["own_mb"]["flat"]


@pytest.mark.parametrize("name", JUDGED)
def test_reports_growth(name: str) -> None:
    figures = verdict(hours(**{name: 12.0}))
    assert [other for other, figure in figures.items() if not figure["flat"]] == [name]
    assert figures[name]["an_hour"] == pytest.approx(12, abs=1)


def test_ignores_time_without_progress() -> None:
    clock = Clock()
    clock.last -= 300
    assert clock.tick() == LONGEST_TICK
    assert clock.stood == pytest.approx(300 - LONGEST_TICK, abs=1)


@pytest.mark.long
def test_detects_a_leaking_server(tmp_path: Path) -> None:
    script = tmp_path / "leaking.py"
    script.write_text(LEAKING)
    found = soak(tmp_path, 45, 20, [sys.executable, str(script), str(tmp_path / "data")])
    assert not found["flat"]
    verdicts = found["verdict"]
    # 200 kB and one descriptor per request, at about twenty requests a second.
    assert verdicts["own_mb"]["an_hour"] > 3_000
    assert verdicts["descriptors"]["an_hour"] > 10_000
    assert verdicts["threads"]["flat"]
    assert found["unforeseen_answers"] == []
