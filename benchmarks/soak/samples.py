"""Samples of the resources of a server, and whether they grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from scipy.stats import theilslopes

from benchmarks.server.process_tree import children, descriptors, memory, processor_seconds, state, threads, tree

_MB = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """The server at one moment. `seconds` of running time since the first request, `requests` answered until then.

    All of the server's processes together. `pss_mb`: what they take of the machine's memory; `resident_mb` counts shared pages once for
    each. `own_mb`: memory not shared with files or others (what a leak of ours would be in). `children`: processes besides the first one,
    `zombies`: those that ended and were not waited for.
    """

    seconds: float
    requests: int
    pss_mb: float
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
SHARE_AN_HOUR = {"pss_mb": 0.02, "resident_mb": 0.02, "own_mb": 0.02}
NUMBER_AN_HOUR = {"descriptors": 1.0, "threads": 0.5, "children": 0.5, "zombies": 0.5, "folder_mb": 5.0, "log_mb": 1.0}
JUDGED = (*SHARE_AN_HOUR, *NUMBER_AN_HOUR)


def take(pid: int, data: Path, seconds: float, requests: int) -> Sample:
    """`pid`: of the process that started the others. Raises ProcessLookupError if it has ended."""
    pids = tree(pid)
    if pid not in pids:
        raise ProcessLookupError(pid)
    used = memory(pids)
    return Sample(
        seconds=round(seconds, 1),
        requests=requests,
        pss_mb=used["pss_mb"],
        resident_mb=used["resident_mb"],
        own_mb=used["private_mb"],
        descriptors=descriptors(pids),
        threads=threads(pids),
        children=len(pids) - 1,
        zombies=sum(state(child) == "Z" for one in pids for child in children(one)),
        folder_mb=round(sum(_size(path) for path in data.rglob("*")) / _MB, 2),
        log_mb=round(_size(data / "store.sqlite-wal") / _MB, 2),
        processor_seconds=processor_seconds(pids),
    )


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


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0  # the file was removed
