"""A process and all that it started: their memory, files and threads, from /proc."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
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
    return _stat(pid)[0]


def command(pid: int) -> list[str]:
    """The words of its command line; none if it has ended."""
    try:
        return (PROC / str(pid) / "cmdline").read_text().split("\0")
    except OSError:
        return []


def memory(pids: Sequence[int]) -> dict[str, float]:
    """Megabytes of all of them.

    `pss_mb`: shared pages are divided among the processes that map them, so this is what all take together. `resident_mb` counts them
    once for each process. `private_mb`: neither shared nor of a file.
    """
    mapped = [_fields(PROC / str(pid) / "smaps_rollup") for pid in pids]
    status = [_fields(PROC / str(pid) / "status") for pid in pids]
    return {
        "pss_mb": _megabytes(mapped, "Pss"),
        "private_mb": _megabytes(mapped, "Private_Dirty"),
        "resident_mb": _megabytes(status, "VmRSS"),
        "peak_mb": _megabytes(status, "VmHWM"),
    }


def processor_seconds(pids: Sequence[int]) -> float:
    """Of those that live."""
    return sum(int(ticks) for pid in pids for ticks in _stat(pid)[11:13]) / os.sysconf("SC_CLK_TCK")


def descriptors(pids: Sequence[int]) -> int:
    return sum(len(_entries(PROC / str(pid) / "fd")) for pid in pids)


def threads(pids: Sequence[int]) -> int:
    return sum(len(_entries(PROC / str(pid) / "task")) for pid in pids)


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


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; a single empty one if there is no such process."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return [""]


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


def _megabytes(processes: Sequence[Mapping[str, str]], field: str) -> float:
    return round(sum(int(fields.get(field, "0").split()[0]) for fields in processes) / 1024, 2)
