"""A full disk, a tmpfs of a few megabytes: reads continue, no change is half done, and writes succeed once there is space again.

Mounting needs root. Each round leaves a different amount of space, so that it runs out at another point of a change.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.durability import small
from benchmarks.durability.small import Child, Expected, Send, Wait
from index.types import StorageFull
from qa.ingest.writer import DocumentWriter

MEGABYTES = 8
NAMES = 6


def run(folder: Path, rounds: int, seed: int, part: slice) -> dict[str, Any]:
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        raise SystemExit(f"cannot mount a tmpfs: {mounted.stderr.decode().strip()}")
    counts, lost = Counter[str](), list[str]()
    try:
        for number in range(rounds)[part]:
            for message in Child(partial(_round, disk / "data", seed * 1_000_003 + number)).rest():
                if message["kind"] == "counts":
                    counts.update(message["counts"])
                else:
                    lost.append(f"round {number}: {message['what']}")
            shutil.rmtree(disk / "data", ignore_errors=True)
            (disk / "filling").unlink(missing_ok=True)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
    return {"rounds": len(range(rounds)[part]), **counts, "lost": lost}


def _round(data: Path, seed: int, send: Send, _wait: Wait) -> None:
    rng, expected, counts = random.Random(seed), Expected(), Counter[str]()
    model = small.make_model(data / "model", data / "models")
    with small.open_writer(data, model) as writer:
        for name in range(NAMES):
            small.put(writer, str(name), 1)
            expected.there[str(name)] = 1
        writer.engine.rebuild()
        fill(data.parent / "filling", leave=rng.randrange(200_000))
        for _ in range(12):
            _change(writer, expected, rng, counts)
            for problem in small.problems(writer, expected):
                send(kind="wrong", what=f"while the disk is full: {problem}")
            expected.settle(writer)
            counts["verified while full"] += 1
        (data.parent / "filling").unlink()
        small.put(writer, "afterwards", 1)
        expected.there["afterwards"] = 1
        writer.engine.rebuild()
        for problem in small.problems(writer, expected):
            send(kind="wrong", what=f"with space again: {problem}")
    with small.open_writer(data, model) as writer:
        for problem in small.problems(writer, expected):
            send(kind="wrong", what=f"reopened: {problem}")
    send(kind="counts", counts=counts)


def _change(writer: DocumentWriter, expected: Expected, rng: random.Random, counts: Counter[str]) -> None:
    name, version = str(rng.randrange(NAMES)), rng.randrange(2, 1_000_000)
    try:
        if rng.random() < 0.2:
            writer.engine.rebuild()
        elif rng.random() < 0.2:
            expected.unsure = {name: {expected.there.get(name)}}
            writer.engine.remove(name)
            expected.gone[name] = expected.there.pop(name, 1)
        else:
            expected.unsure = {name: {expected.there.get(name)}}
            small.put(writer, name, version)
            expected.there[name] = version
        expected.unsure = {}
        counts["changes made"] += 1
    except StorageFull:
        counts["changes refused"] += 1


def fill(path: Path, leave: int) -> None:
    """Fill the disk up to `leave` free bytes."""
    status = os.statvfs(path.parent)
    size = max(0, status.f_bavail * status.f_frsize - leave)
    with path.open("wb") as file:
        for first in range(0, size, 65_536):
            file.write(bytes(min(65_536, size - first)))
