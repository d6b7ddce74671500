"""SIGKILL at random moments: of a process that adds, replaces, removes, builds and changes the model, as fast as it can.

Each round is a process of its own, forked from one that has everything imported. It opens the folder that the last one was killed over,
looks whether all that was acknowledged is there, and goes on changing until it is killed in its turn.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.durability import small
from benchmarks.durability.small import Shelf
from qa.upkeep import rebuild_folder

LONGEST = 0.4  # seconds that a process is left alone after it has looked
NAMES = 12


def run(folder: Path, rounds: int, seed: int = 0) -> dict[str, Any]:
    """`lost`: everything that was not as it must be, over all rounds."""
    data = folder / "data"
    models = [small.make_model(folder / f"model{number}", data / "models", number) for number in (0, 1)]
    chance, shelf, counts, lost = random.Random(seed), Shelf(), Counter[str](), list[str]()
    for number in range(rounds):
        report, write = os.pipe()
        child = os.fork()
        if not child:
            os.close(report)
            _live(data, models, shelf, seed * 1_000_003 + number, write)
        os.close(write)
        _take(child, report, chance, shelf, counts, lost)
    return {"kills": rounds, **counts, "lost": lost}


def _take(child: int, report: int, chance: random.Random, shelf: Shelf, counts: Counter[str], lost: list[str]) -> None:
    """Let the child live for a random time, kill it, and read what it had acknowledged."""
    with os.fdopen(report, "rb") as lines:
        if chance.random() < 0.7:  # else it may be killed while it rebuilds, opens or looks
            first = lines.readline()
            counts["looked"] += bool(first)
            _note(first, shelf, counts, lost)
        time.sleep(chance.random() ** 2 * LONGEST)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for line in lines:
            _note(line, shelf, counts, lost)


def _note(line: bytes, shelf: Shelf, counts: Counter[str], lost: list[str]) -> None:
    if not line.endswith(b"\n"):
        return
    said = json.loads(line)
    match said["said"]:
        case "state":
            lost += said["problems"]
            shelf.there, shelf.gone = said["there"], said["gone"]
            shelf.unsure = {}
        case "begins":
            shelf.unsure = {said["name"]: {shelf.there.get(said["name"]), said["version"]}}
        case "done":
            counts[said["what"]] += 1
            if said["what"] in ("put", "remove"):
                name = said["name"]
                if said["version"] is None:
                    shelf.gone[name] = shelf.there.pop(name, 1)
                else:
                    shelf.there[name] = said["version"]
                shelf.unsure = {}
        case "failed":
            lost.append(said["what"])


def _live(data: Path, models: list[str], shelf: Shelf, seed: int, write: int) -> None:
    """Never returns."""
    try:
        _change(data, models, shelf, random.Random(seed), write)
    except BaseException as error:  # noqa: BLE001 - told, whatever it is
        _say(write, said="failed", what=f"{type(error).__name__}: {error}")
    os._exit(0)


def _change(data: Path, models: list[str], shelf: Shelf, chance: random.Random, write: int) -> None:
    model = models[0]
    begun = bool(shelf.there or shelf.gone)
    if begun and chance.random() < 0.2:
        model = chance.choice(models)
        settings = small.settings_for(data, model)
        rebuild_folder(settings, model, lambda _: None, lambda done, total: None)
        _say(write, said="done", what="rebuild")
    library = small.open_library(data, None if begun else model)
    wrong = small.problems(library, shelf)
    shelf.settle(library)
    _say(write, said="state", problems=wrong, there=shelf.there, gone=shelf.gone)
    while True:
        name = str(chance.randrange(NAMES))
        drawn = chance.random()
        if drawn < 0.1:
            library.build()
            _say(write, said="done", what="build")
        elif drawn < 0.3 and name in shelf.there:
            _say(write, said="begins", name=name, version=None)
            library.remove(name)
            shelf.there.pop(name)
            _say(write, said="done", what="remove", name=name, version=None)
        else:
            version = chance.randrange(1_000_000)
            _say(write, said="begins", name=name, version=version)
            small.put(library, name, version)
            shelf.there[name] = version
            _say(write, said="done", what="put", name=name, version=version)


def _say(write: int, **what: Any) -> None:
    os.write(write, json.dumps(what).encode() + b"\n")
