"""Samples of the resources of a process, and whether they grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from scipy.stats import theilslopes

_MB = 2**20
_KB = 2**10


@dataclass(frozen=True, slots=True)
class Sample:
    """The server at one moment. `seconds` of running time since the first request, `requests` answered until then.

    `own_mb`: memory of its own, not shared with files or others (what a leak of ours would be in). `children`: processes that it
    started and that live, `zombies` those that ended and were not waited for.
    """

    seconds: float
    requests: int
    resident_mb: float
    own_mb: float
    descriptors: int
    threads: int
    children: int
    zombies: int
    folder_mb: float
    log_mb: float
    processor_seconds: float


# What counts as flat: so much an hour, as a share of the median or as a number. At four requests a second 2% of 300 MB is 430 bytes a
# request. The data folder may grow by the records of finished jobs, of which the last 10,000 are kept.
SHARE_AN_HOUR = {"resident_mb": 0.02, "own_mb": 0.02}
NUMBER_AN_HOUR = {"descriptors": 1.0, "threads": 0.5, "children": 0.5, "zombies": 0.5, "folder_mb": 5.0, "log_mb": 1.0}
JUDGED = (*SHARE_AN_HOUR, *NUMBER_AN_HOUR)


def take(pid: int, data: Path, seconds: float, requests: int) -> Sample:
    """Raises OSError if the process has ended."""
    place = Path("/proc") / str(pid)
    status = _fields(place / "status")
    memory = _fields(place / "smaps_rollup")
    alive, zombies = _children(place)
    clock = (place / "stat").read_text().rpartition(")")[2].split()
    return Sample(
        seconds=round(seconds, 1),
        requests=requests,
        resident_mb=_kilobytes(status["VmRSS"]),
        own_mb=_kilobytes(memory["Private_Dirty"]),
        descriptors=len(list((place / "fd").iterdir())),
        threads=int(status["Threads"]),
        children=alive,
        zombies=zombies,
        folder_mb=round(sum(_size(path) for path in data.rglob("*")) / _MB, 2),
        log_mb=round(_size(data / "store.sqlite-wal") / _MB, 2),
        processor_seconds=(int(clock[11]) + int(clock[12])) / 100,
    )


def children(pid: int) -> list[int]:
    """Its child processes."""
    found = []
    for task in (Path("/proc") / str(pid) / "task").iterdir():
        try:
            found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue  # the thread has ended
    return found


def verdict(samples: Sequence[Sample]) -> dict[str, dict[str, Any]]:
    """For each figure its growth an hour over the second half of the time, and whether that is flat.

    By the median of the slopes between all pairs of points (Theil 1950, Sen 1968), which a few outliers do not move; `between` is
    its 95% confidence interval.
    """
    half = [sample for sample in samples if sample.seconds >= samples[-1].seconds / 2]
    hours = [sample.seconds / 3600 for sample in half]
    found = {}
    for name in JUDGED:
        values = [float(getattr(sample, name)) for sample in half]
        slope, _, low, high = (float(value) for value in theilslopes(values, hours))
        middle = sorted(values)[len(values) // 2]
        allowed = SHARE_AN_HOUR[name] * middle if name in SHARE_AN_HOUR else NUMBER_AN_HOUR[name]
        found[name] = {
            "an_hour": round(slope, 3),
            "between": [round(low, 3), round(high, 3)],
            "allowed_an_hour": round(allowed, 3),
            "median": round(middle, 2),
            "least": min(values),
            "most": max(values),
            "flat": slope <= allowed,
        }
    return found


def columns(samples: Sequence[Sample]) -> Mapping[str, list[float]]:
    return {field.name: [asdict(sample)[field.name] for sample in samples] for field in fields(Sample)}


def _children(place: Path) -> tuple[int, int]:
    """The numbers of live processes and of zombies."""
    states = []
    for child in children(int(place.name)):
        try:
            states.append((Path("/proc") / str(child) / "stat").read_text().rpartition(")")[2].split()[0])
        except OSError:
            continue
    zombies = states.count("Z")
    return len(states) - zombies, zombies


def _fields(path: Path) -> dict[str, str]:
    return dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)


def _kilobytes(value: str) -> float:
    return round(int(value.split()[0]) / _KB, 2)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0  # the file was removed
