"""The disk is full: a folder on a tmpfs of a few megabytes. Reads go on, nothing is half done, and writes go on when there is space again.

Needs to be root, to mount it. The space left is another each round, so that it runs out in another place of a change.
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
from benchmarks.durability.small import Child, Say, Shelf, Wait
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
        raise SystemExit(f"a tmpfs cannot be mounted: {mounted.stderr.decode().strip()}")
    counts, lost = Counter[str](), list[str]()
    try:
        for number in range(rounds)[part]:
            for said in Child(partial(_round, disk / "data", seed * 1_000_003 + number)).rest():
                if said["said"] == "counts":
                    counts.update(said["counts"])
                else:
                    lost.append(f"round {number}: {said['what']}")
            shutil.rmtree(disk / "data", ignore_errors=True)
            (disk / "filling").unlink(missing_ok=True)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
    return {"rounds": len(range(rounds)[part]), **counts, "lost": lost}


def _round(data: Path, seed: int, say: Say, _wait: Wait) -> None:
    chance, shelf, counts = random.Random(seed), Shelf(), Counter[str]()
    model = small.make_model(data / "model", data / "models")
    with small.open_writer(data, model) as writer:
        for name in range(NAMES):
            small.put(writer, str(name), 1)
            shelf.there[str(name)] = 1
        writer.engine.rebuild()
        fill(data.parent / "filling", leave=chance.randrange(200_000))
        for _ in range(12):
            _change(writer, shelf, chance, counts)
            for problem in small.problems(writer, shelf):
                say(said="wrong", what=f"while the disk is full: {problem}")
            shelf.settle(writer)
            counts["looked at while full"] += 1
        (data.parent / "filling").unlink()
        small.put(writer, "afterwards", 1)
        shelf.there["afterwards"] = 1
        writer.engine.rebuild()
        for problem in small.problems(writer, shelf):
            say(said="wrong", what=f"when there is space again: {problem}")
    with small.open_writer(data, model) as writer:
        for problem in small.problems(writer, shelf):
            say(said="wrong", what=f"opened again: {problem}")
    say(said="counts", counts=counts)


def _change(writer: DocumentWriter, shelf: Shelf, chance: random.Random, counts: Counter[str]) -> None:
    name, version = str(chance.randrange(NAMES)), chance.randrange(2, 1_000_000)
    try:
        if chance.random() < 0.2:
            writer.engine.rebuild()
        elif chance.random() < 0.2:
            shelf.unsure = {name: {shelf.there.get(name)}}
            writer.engine.remove(name)
            shelf.gone[name] = shelf.there.pop(name, 1)
        else:
            shelf.unsure = {name: {shelf.there.get(name)}}
            small.put(writer, name, version)
            shelf.there[name] = version
        shelf.unsure = {}
        counts["changes made"] += 1
    except StorageFull:
        counts["changes refused"] += 1


def fill(path: Path, leave: int) -> None:
    """All of the disk but some bytes."""
    status = os.statvfs(path.parent)
    size = max(0, status.f_bavail * status.f_frsize - leave)
    with path.open("wb") as file:
        for first in range(0, size, 65_536):
            file.write(bytes(min(65_536, size - first)))
