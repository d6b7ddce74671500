"""A process and all that it started: their memory, files and threads, from /proc."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

PROC = Path("/proc")
ESTABLISHED = "01"  # in /proc/net/tcp


def children(pid: int) -> list[int]:
    """Its child processes, zombies included."""
    found = []
    for task in _entries(PROC / str(pid) / "task"):
        try:
            found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue  # the thread has ended
    return found


def tree(pid: int) -> list[int]:
    """The process, and all that it started and that they started, without zombies."""
    found, left = [], [pid]
    while left:
        one = left.pop()
        left += children(one)
        if state(one) not in {"", "Z"}:
            found.append(one)
    return found


def state(pid: int) -> str:
    """One letter, see proc(5); empty if there is no such process."""
    return fields_of_stat(pid)[0]


def fields_of_stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; a single empty one if there is no such process."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return [""]


def memory(pid: int) -> dict[str, float]:
    """Megabytes of the process and all that it started.

    `pss_mb`: shared pages are divided among the processes that map them, so this is what all take together. `resident_mb` counts them
    once for each process.
    """
    pids = tree(pid)
    return {
        "processes": len(pids),
        "pss_mb": total_mb(pids, "smaps_rollup", "Pss"),
        "private_mb": total_mb(pids, "smaps_rollup", "Private_Dirty"),
        "resident_mb": total_mb(pids, "status", "VmRSS"),
        "peak_mb": total_mb(pids, "status", "VmHWM"),
    }


def total_mb(pids: list[int], file: str, field: str) -> float:
    """The sum of a field in kilobytes over processes, in megabytes; those that have ended count nothing."""
    return round(_total(pids, lambda pid: _kilobytes(_fields(PROC / str(pid) / file), field)) / 1024, 2)


def descriptors(pids: list[int]) -> int:
    return _total(pids, lambda pid: len(_entries(PROC / str(pid) / "fd")))


def threads(pids: list[int]) -> int:
    return _total(pids, lambda pid: len(_entries(PROC / str(pid) / "task")))


def connections(pid: int) -> int:
    """Established TCP connections (IPv4) of the process."""
    links = {_link(entry) for entry in _entries(PROC / str(pid) / "fd")}
    found = 0
    for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]:
        fields = line.split()
        found += fields[3] == ESTABLISHED and f"socket:[{fields[9]}]" in links
    return found


def opens(pid: int, path: Path) -> bool:
    """Whether the process has the file open."""
    return any(_link(entry) == str(path.resolve()) for entry in _entries(PROC / str(pid) / "fd"))


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""  # closed meanwhile


def _total(pids: list[int], count: Callable[[int], int]) -> int:
    return sum(count(pid) for pid in pids)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []  # the process has ended


def _fields(path: Path) -> Mapping[str, str]:
    try:
        return dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    except OSError:
        return {}  # the process has ended


def _kilobytes(fields: Mapping[str, str], name: str) -> int:
    return int(fields.get(name, "0").split()[0])
