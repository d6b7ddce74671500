"""SIGKILL at random moments, in a process that adds, replaces, removes, builds and changes the model as fast as it can.

Each round is a new process. It opens the folder as the killed one left it, verifies that everything acknowledged is present, and
continues with changes until it is killed in turn.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.durability import small
from benchmarks.durability.small import Child, Expected, Send, Wait
from qa.operate.maintenance import rebuild_folder

MAX_SECONDS = 0.4  # from the end of the verification to the kill
NAMES = 12


def run(folder: Path, rounds: int, seed: int, part: slice) -> dict[str, Any]:
    """`lost`: all problems of all rounds."""
    data = folder / "data"
    models = [small.make_model(folder / f"model{number}", data / "models", number) for number in (0, 1)]
    rng, expected, counts, lost = random.Random(seed), Expected(), Counter[str](), list[str]()
    for number in range(rounds)[part]:
        child = Child(partial(_change, data, models, expected, random.Random(seed * 1_000_003 + number)))
        if rng.random() < 0.7:  # otherwise it may be killed while it rebuilds, opens or verifies
            first = child.line()
            counts["verified"] += first is not None
            _note(first, expected, counts, lost)
        time.sleep(rng.random() ** 2 * MAX_SECONDS)
        child.kill()
        for message in child.rest():
            _note(message, expected, counts, lost)
    return {"kills": len(range(rounds)[part]), **counts, "lost": lost}


def _note(message: dict[str, Any] | None, expected: Expected, counts: Counter[str], lost: list[str]) -> None:
    if message is None:
        return
    match message["kind"]:
        case "state":
            lost += message["problems"]
            expected.there, expected.gone = message["there"], message["gone"]
            expected.unsure = {}
        case "begins":
            expected.unsure = {message["name"]: {expected.there.get(message["name"]), message["version"]}}
        case "done":
            counts[message["what"]] += 1
            if message["what"] in ("put", "remove"):
                name = message["name"]
                if message["version"] is None:
                    expected.gone[name] = expected.there.pop(name, 1)
                else:
                    expected.there[name] = message["version"]
                expected.unsure = {}
        case "failed":
            lost.append(message["what"])


def _change(data: Path, models: list[str], expected: Expected, rng: random.Random, send: Send, _wait: Wait) -> None:
    model = models[0]
    started = bool(expected.there or expected.gone)
    if started and rng.random() < 0.2:
        model = rng.choice(models)
        settings = small.settings_for(data, model)
        rebuild_folder(settings, model, lambda _: None, lambda done, total: None)
        send(kind="done", what="rebuild")
    writer = small.open_writer(data, None if started else model)
    wrong = small.problems(writer, expected)
    expected.settle(writer)
    send(kind="state", problems=wrong, there=expected.there, gone=expected.gone)
    while True:
        name = str(rng.randrange(NAMES))
        drawn = rng.random()
        if drawn < 0.1:
            writer.engine.rebuild()
            send(kind="done", what="build")
        elif drawn < 0.3 and name in expected.there:
            send(kind="begins", name=name, version=None)
            writer.engine.remove(name)
            expected.there.pop(name)
            send(kind="done", what="remove", name=name, version=None)
        else:
            version = rng.randrange(1_000_000)
            send(kind="begins", name=name, version=version)
            small.put(writer, name, version)
            expected.there[name] = version
            send(kind="done", what="put", name=name, version=version)
