"""At every write, fsync, rename and unlink of a change: killed there, refused there (EIO), and without space there (ENOSPC).

strace (Debian's package) puts the fault in at the n-th such call of a process that makes one change, for n = 1, 2, … until the change
comes through. After each fault the folder is opened and looked at; where the call was only refused, also by the process that met it.
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
from benchmarks.durability.small import Child, Say, Shelf, Wait
from corpus.types import QuotableError
from qa.operate.maintenance import rebuild_folder

CALLS = "write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate"
CHANGES = ("add", "delete", "swap", "rebuild")
FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC")
STAYED_THERE = {str(name): 1 for name in range(4)}


def run(folder: Path, rounds: int, seed: int, part: slice) -> dict[str, Any]:
    """`rounds`: how many boundaries of each change and fault, spread evenly; 0 for every one."""
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
                _broken(folder, models, change, f"{fault}:when={number}", counts, lost)
    return {**counts, "lost": lost}


def _calls(folder: Path, models: list[str], change: str) -> int:
    """How many boundaries a change has that nothing disturbs."""
    trace = folder / "trace"
    _run(folder, models, change, ["-o", str(trace), "-e", f"trace={CALLS}"])
    return sum("resumed" not in line and "(" in line for line in trace.read_text().splitlines())


def _broken(folder: Path, models: list[str], change: str, fault: str, counts: Counter[str], lost: list[str]) -> None:
    said = _run(folder, models, change, ["-o", "/dev/null", "-e", f"inject={CALLS}:{fault}"])
    counts[f"{change} {fault.split(':')[0].partition('=')[2]}"] += 1
    acknowledged = any(line["said"] == "done" for line in said)
    counts["acknowledged"] += acknowledged
    lost += [f"{change} {fault}: {line['what']}" for line in said if line["said"] == "wrong"]
    shelf = Shelf(dict(STAYED_THERE))
    if change == "add":
        shelf.unsure = {"9": {1} if acknowledged else {1, None}}
    if change == "delete":
        shelf.unsure = {"1": {None} if acknowledged else {1, None}}
    looked = Child(partial(_look, folder / "data", shelf)).rest()
    lost += [f"{change} {fault}: {line['what']}" for line in looked]


def _fill(data: Path, model: str, _say: Say, _wait: Wait) -> None:
    with small.open_writer(data, model) as writer:
        for name, version in STAYED_THERE.items():
            small.put(writer, name, version)
        writer.engine.rebuild()


def _look(data: Path, shelf: Shelf, say: Say, _wait: Wait) -> None:
    with small.open_writer(data, None) as writer:
        for problem in small.problems(writer, shelf):
            say(said="wrong", what=problem)
        shelf.settle(writer)
        small.put(writer, "after", 1)  # and it goes on
        shelf.there["after"] = 1
        writer.engine.rebuild()
        for problem in small.problems(writer, shelf):
            say(said="wrong", what=f"afterwards: {problem}")


def _run(folder: Path, models: list[str], change: str, options: list[str]) -> list[dict[str, Any]]:
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(folder / "whole", data)
    child = Child(partial(_change, data, change, models))
    child.line()
    # The fault is for the change alone: the process is traced from when it says that it is ready.
    with subprocess.Popen(["strace", "-f", "-qq", *options, "-p", str(child.pid)], stderr=subprocess.DEVNULL) as tracer:
        _wait_until_traced(child.pid)
        child.go()
        lines = child.rest()
        tracer.wait()
    return lines


def _wait_until_traced(pid: int) -> None:
    while "TracerPid:\t0" in Path(f"/proc/{pid}/status").read_text():
        os.sched_yield()


def _change(data: Path, change: str, models: list[str], say: Say, wait: Wait) -> None:
    """What is wrong with reading after a refused call is said too."""
    writer = None if change == "rebuild" else small.open_writer(data, models[0])
    say(said="ready")
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
    except (QuotableError, OSError, ValueError):  # the last of tantivy, for what the disk refused
        done = False
    if done:
        say(said="done")
    shelf = Shelf(dict(STAYED_THERE))
    shelf.unsure = {"9": {1, None}} if change == "add" else {"1": {1, None}} if change == "delete" else {}
    for problem in small.problems(writer, shelf) if writer else []:
        say(said="wrong", what=f"in the process that met it: {problem}")
