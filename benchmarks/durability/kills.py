"""SIGKILL at random moments: of a process that adds, replaces, removes, builds and changes the model, as fast as it can.

Each round is a process of its own, forked from one that has everything imported. It opens the folder that the last one was killed over,
looks whether all that was acknowledged is there, and goes on changing until it is killed in its turn.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.durability import small
from benchmarks.durability.small import Child, Say, Shelf, Wait
from qa.operate.maintenance import rebuild_folder

LONGEST = 0.4  # seconds that a process is left alone after it has looked
NAMES = 12


def run(folder: Path, rounds: int, seed: int, part: slice) -> dict[str, Any]:
    """`lost`: everything that was not as it must be, over all rounds."""
    data = folder / "data"
    models = [small.make_model(folder / f"model{number}", data / "models", number) for number in (0, 1)]
    chance, shelf, counts, lost = random.Random(seed), Shelf(), Counter[str](), list[str]()
    for number in range(rounds)[part]:
        child = Child(partial(_change, data, models, shelf, random.Random(seed * 1_000_003 + number)))
        if chance.random() < 0.7:  # else it may be killed while it rebuilds, opens or looks
            first = child.line()
            counts["looked"] += first is not None
            _note(first, shelf, counts, lost)
        time.sleep(chance.random() ** 2 * LONGEST)
        child.kill()
        for said in child.rest():
            _note(said, shelf, counts, lost)
    return {"kills": len(range(rounds)[part]), **counts, "lost": lost}


def _note(said: dict[str, Any] | None, shelf: Shelf, counts: Counter[str], lost: list[str]) -> None:
    if said is None:
        return
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


def _change(data: Path, models: list[str], shelf: Shelf, chance: random.Random, say: Say, _wait: Wait) -> None:
    model = models[0]
    begun = bool(shelf.there or shelf.gone)
    if begun and chance.random() < 0.2:
        model = chance.choice(models)
        settings = small.settings_for(data, model)
        rebuild_folder(settings, model, lambda _: None, lambda done, total: None)
        say(said="done", what="rebuild")
    writer = small.open_writer(data, None if begun else model)
    wrong = small.problems(writer, shelf)
    shelf.settle(writer)
    say(said="state", problems=wrong, there=shelf.there, gone=shelf.gone)
    while True:
        name = str(chance.randrange(NAMES))
        drawn = chance.random()
        if drawn < 0.1:
            writer.engine.rebuild()
            say(said="done", what="build")
        elif drawn < 0.3 and name in shelf.there:
            say(said="begins", name=name, version=None)
            writer.engine.remove(name)
            shelf.there.pop(name)
            say(said="done", what="remove", name=name, version=None)
        else:
            version = chance.randrange(1_000_000)
            say(said="begins", name=name, version=version)
            small.put(writer, name, version)
            shelf.there[name] = version
            say(said="done", what="put", name=name, version=version)
