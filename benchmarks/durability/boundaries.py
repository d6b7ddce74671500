"""A fault at every write, fsync, rename and unlink of a change: SIGKILL, EIO or ENOSPC.

strace (package `strace`) injects the fault at the n-th such call of a process that makes one change, for n = 1, 2, … up to the last
call. After each fault the folder is reopened and verified; after a refused call, also by the process that received the error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.durability import small
from benchmarks.durability.small import Child, Expected, Send, Wait
from corpus.types import QuotableError
from qa.operate.maintenance import rebuild_folder

CALLS = "write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate"
CHANGES = ("add", "delete", "swap", "rebuild")
FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC")
UNCHANGED = {str(name): 1 for name in range(4)}


def run(folder: Path, rounds: int, seed: int, part: slice) -> dict[str, Any]:
    """`rounds`: calls per change and kind of fault, evenly spaced; 0 for every call."""
    if not shutil.which("strace"):
        raise SystemExit("strace is not installed (apt-get install strace)")
    models = [small.make_model(folder / f"model{number}", folder / "whole" / "models", number) for number in (0, 1)]
    Child(partial(_fill, folder / "whole", models[0])).rest()
    counts, lost = Counter[str](), list[str]()
    for change in CHANGES:
        total = _calls(folder, models, change)
        counts[f"{change} boundaries"] = len(range(total)[part])
        step = max(1, total // rounds) if rounds else 1
        for fault in FAULTS:
            for number in range(1 + seed % step, total + 1, step)[part]:
                _inject(folder, models, change, f"{fault}:when={number}", counts, lost)
    return {**counts, "lost": lost}


def _calls(folder: Path, models: list[str], change: str) -> int:
    """Number of calls that an undisturbed change makes."""
    trace = folder / "trace"
    _run(folder, models, change, ["-o", str(trace), "-e", f"trace={CALLS}"])
    return sum("resumed" not in line and "(" in line for line in trace.read_text().splitlines())


def _inject(folder: Path, models: list[str], change: str, fault: str, counts: Counter[str], lost: list[str]) -> None:
    messages = _run(folder, models, change, ["-o", "/dev/null", "-e", f"inject={CALLS}:{fault}"])
    counts[f"{change} {fault.split(':')[0].partition('=')[2]}"] += 1
    acknowledged = any(line["kind"] == "done" for line in messages)
    counts["acknowledged"] += acknowledged
    lost += [f"{change} {fault}: {line['what']}" for line in messages if line["kind"] == "wrong"]
    expected = Expected(dict(UNCHANGED))
    if change == "add":
        expected.unsure = {"9": {1} if acknowledged else {1, None}}
    if change == "delete":
        expected.unsure = {"1": {None} if acknowledged else {1, None}}
    found = Child(partial(_verify, folder / "data", expected)).rest()
    lost += [f"{change} {fault}: {line['what']}" for line in found]


def _fill(data: Path, model: str, _send: Send, _wait: Wait) -> None:
    with small.open_writer(data, model) as writer:
        for name, version in UNCHANGED.items():
            small.put(writer, name, version)
        writer.engine.rebuild()


def _verify(data: Path, expected: Expected, send: Send, _wait: Wait) -> None:
    with small.open_writer(data, None) as writer:
        for problem in small.problems(writer, expected):
            send(kind="wrong", what=problem)
        expected.settle(writer)
        small.put(writer, "after", 1)  # further changes succeed
        expected.there["after"] = 1
        writer.engine.rebuild()
        for problem in small.problems(writer, expected):
            send(kind="wrong", what=f"afterwards: {problem}")


def _run(folder: Path, models: list[str], change: str, options: list[str]) -> list[dict[str, Any]]:
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(folder / "whole", data)
    child = Child(partial(_change, data, change, models))
    child.line()
    # Only the change is traced, from the moment the process is ready.
    with subprocess.Popen(["strace", "-f", "-qq", *options, "-p", str(child.pid)], stderr=subprocess.DEVNULL) as tracer:
        _wait_until_traced(child.pid)
        child.go()
        lines = child.rest()
        tracer.wait()
    return lines


def _wait_until_traced(pid: int) -> None:
    while "TracerPid:\t0" in Path(f"/proc/{pid}/status").read_text():
        os.sched_yield()


def _change(data: Path, change: str, models: list[str], send: Send, wait: Wait) -> None:
    """Make one change, and report what reads find wrong after a refused call."""
    writer = None if change == "rebuild" else small.open_writer(data, models[0])
    send(kind="ready")
    wait()
    try:
        if writer is None:
            rebuild_folder(small.settings_for(data, models[1]), models[1], lambda _: None, lambda done, total: None)
        elif change == "add":
            small.put(writer, "9", 1)
        elif change == "delete":
            writer.engine.remove("1")
        else:
            writer.engine.rebuild()
        done = True
    except (QuotableError, OSError, ValueError):  # tantivy raises ValueError for disk errors
        done = False
    if done:
        send(kind="done")
    expected = Expected(dict(UNCHANGED))
    expected.unsure = {"9": {1, None}} if change == "add" else {"1": {1, None}} if change == "delete" else {}
    for problem in small.problems(writer, expected) if writer else []:
        send(kind="wrong", what=f"in the same process: {problem}")
