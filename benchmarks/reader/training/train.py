r"""Trains the reading model: first a teacher with 12 layers, then pupils with fewer, from the labels and from what the teacher reads.

    python -m benchmarks.reader.training.train                                   # on a GPU, 12 minutes
    python -m benchmarks.reader.training.train --teacher-minutes 300 --pupil-minutes 600 --tokens 4096 --pupils 6      # on a processor

Reads build/reader/pack/ and the packaged model, whose weights the pupils begin with; needs only torch, numpy and onnx. Writes to --out:
N-layers-*.npz, the weights of a pupil in half precision (its embeddings are left out, because they do not learn), and training.json:
settings, hash of the data, losses, validation. Saves the state of a phase to --state every ten minutes and at its end; a run that was
interrupted goes on from there.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.reader.training.data import SETS, Examples, read_weights
from benchmarks.reader.training.initial import packaged_weights
from benchmarks.reader.training.learner import Learner
from benchmarks.reader.training.network import (
    Batch,
    ReadingNetwork,
    Scores,
    hidden_loss,
    label_losses,
    load_body,
    score,
    teacher_losses,
)
from benchmarks.reader.training.validation import validate

ROOT = Path(__file__).resolve().parents[3]
WEIGHTS = {"span": 1.0, "unit": 1.0, "choice": 1.0, "answers": 0.5}  # of the losses
LAYERS = {6: [0, 1, 2, 3, 4, 5], 4: [0, 1, 3, 5], 3: [0, 2, 5]}  # of the packaged model that a pupil begins with
RATES = {12: 1e-4, 6: 1.5e-4, 4: 3e-4, 3: 4e-4}
CHECKPOINT_SECONDS = 600
PART_BYTES = 15_000_000


class Training:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.began = time.monotonic()
        torch.manual_seed(options.seed)
        self.examples = Examples(options.pack / "examples.npz.xz", self.device)
        self.facts: dict[str, Any] = {
            "settings": {name: value for name, value in vars(options).items() if not isinstance(value, Path)},
            "data": self.examples.sha256,
            "device": torch.cuda.get_device_name() if self.device == "cuda" else "processor",
            "windows": {name: int((self.examples.set == number).sum()) for number, name in enumerate(SETS)},
            "log": [],
            "validation": {},
        }
        options.out.mkdir(parents=True, exist_ok=True)
        options.state.mkdir(parents=True, exist_ok=True)

    def run(self) -> None:
        weights = read_weights(self.options.pack / "teacher.npz.xz")
        teacher = Learner(self._network(range(12), weights, 0.1), RATES[12], embeddings=True)
        self.fit("teacher", [teacher], None, self.options.teacher_minutes)
        self.validate("teacher", teacher)
        if not self.options.pupil_minutes:
            return
        weights = {name: torch.tensor(array) for name, array in packaged_weights(self.options.packaged).items()}
        pupils = [Learner(self._network(LAYERS[layers], weights, 0.05), RATES[layers]) for layers in self.options.pupils]
        self.validate("before", pupils[0])
        self.fit("pupils", pupils, teacher.mean, self.options.pupil_minutes)
        for layers, pupil in zip(self.options.pupils, pupils, strict=True):
            self.validate(f"{layers} layers", pupil)
            self.save(f"{layers}-layers", pupil)

    def _network(self, layers: Sequence[int], weights: Mapping[str, Tensor], dropout: float) -> ReadingNetwork:
        """Of these layers of other weights."""
        network = ReadingNetwork(len(layers), dropout=dropout)
        load_body(network, weights, layers)
        return network.to(self.device)

    def fit(self, phase: str, learners: Sequence[Learner], teacher: ReadingNetwork | None, minutes: float) -> None:
        """Train until the minutes are over. The rate rises over the first 200 steps and falls to a twentieth in step with the time."""
        spent, steps = self._resume(phase, learners)
        if spent is None:
            return
        begin = saved = time.monotonic()
        draw = np.random.default_rng([self.options.seed, steps])
        shares = {"generic": self.options.generic, "own": 1.0}
        sums, seen, logged = Counter[str](), 0, time.monotonic()
        for learner in learners:
            learner.network.train()
        epoch = 0
        while True:
            epoch += 1
            for places in self.examples.batches(shares, self.options.tokens, draw):
                progress = (spent + time.monotonic() - begin) / 60 / minutes
                if progress >= 1:
                    self.facts[f"{phase} steps"], self.facts[f"{phase} epochs"] = steps, epoch
                    self._checkpoint(phase, learners, spent + time.monotonic() - begin, steps, done=True)
                    return
                factor = min((steps + 1) / 200, max(0.05, 1 - progress))
                parts = self.step(learners, teacher, self.examples.batch(places), factor, steps)
                steps, seen = steps + 1, seen + len(places)
                if steps % self.options.log_steps == 0:
                    sums.update({name: float(part) for name, part in parts.items()})
                    line = {name: round(value, 4) for name, value in sums.items()}
                    line |= {"step": steps, "windows a second": round(seen / (time.monotonic() - logged), 1)}
                    self.facts["log"].append({"phase": phase, **line})
                    print(f"{time.monotonic() - self.began:.0f} s", phase, json.dumps(line), flush=True)
                    sums, seen, logged = Counter(), 0, time.monotonic()
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self._checkpoint(phase, learners, spent + time.monotonic() - begin, steps)
                    saved = time.monotonic()

    def step(
        self, learners: Sequence[Learner], teacher: ReadingNetwork | None, batch: Batch, factor: float, steps: int
    ) -> dict[str, Tensor]:
        """One step of each learner. The first pupil learns from the teacher, the others also from the first one's hidden values."""
        found: dict[str, Tensor] = {}
        taught: Scores | None = None
        if teacher is not None:
            with torch.no_grad(), self._autocast():
                teaching = teacher(batch)
            taught = score(teaching, batch)
        first = None
        for learner in learners:
            with self._autocast():
                read = learner.network(batch)
            scores = score(read, batch)
            labels = label_losses(read, scores, batch)
            loss = self._sum(labels)
            if taught is not None:
                learned = teacher_losses(read, scores, teaching, taught, batch)
                loss = self.options.labels * loss + self._sum(learned)
                if first is not None:
                    loss = loss + self.options.hidden * hidden_loss(read, first, batch.mask)
                found |= {f"{len(read.hidden) - 1} {name}": part.detach() for name, part in learned.items()}
            first = first or read
            learner.step(loss, factor, steps)
            found |= {f"{len(read.hidden) - 1} label {name}": part.detach() for name, part in labels.items()}
        return found

    def _sum(self, parts: dict[str, Tensor]) -> Tensor:
        return torch.stack([WEIGHTS[name] * part for name, part in parts.items()]).sum()

    def _autocast(self) -> Any:
        return torch.autocast(self.device, torch.bfloat16)

    def validate(self, name: str, learner: Learner) -> None:
        for part in SETS[2:]:
            groups = self.examples.groups(part)[: self.options.validated]
            if not groups:
                continue
            with self._autocast():
                figures = validate(learner.mean, self.examples, groups)
            self.facts["validation"].setdefault(name, {})[part] = figures
            print(name, part, json.dumps(figures), flush=True)
        self._write_facts()

    def save(self, name: str, learner: Learner) -> None:
        """The mean of the weights that learn, in files of at most PART_BYTES."""
        part: dict[str, np.ndarray[Any, Any]] = {}
        number, size = 0, 0
        for key, tensor in learner.learned().items():
            array = tensor.half().cpu().numpy()
            if size + array.nbytes > PART_BYTES:
                np.savez(self.options.out / f"{name}-{number}.npz", **part)
                part, number, size = {}, number + 1, 0
            part[key], size = array, size + array.nbytes
        np.savez(self.options.out / f"{name}-{number}.npz", **part)

    def _checkpoint(self, phase: str, learners: Sequence[Learner], seconds: float, steps: int, *, done: bool = False) -> None:
        self._write_facts()
        path = self.options.state / f"{phase}.pt"
        state = {"seconds": seconds, "steps": steps, "done": done, "learners": [learner.state() for learner in learners]}
        torch.save(state, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)

    def _resume(self, phase: str, learners: Sequence[Learner]) -> tuple[float | None, int]:
        """The seconds spent on a phase, None if it is done, and its steps so far."""
        path = self.options.state / f"{phase}.pt"
        if not path.is_file():
            return 0.0, 0
        state = torch.load(path, weights_only=True, map_location=self.device)
        for learner, kept in zip(learners, state["learners"], strict=True):
            learner.restore(kept)
        print(f"{phase} goes on from step {state['steps']}", flush=True)
        return None if state["done"] else state["seconds"], state["steps"]

    def _write_facts(self) -> None:
        (self.options.out / "training.json").write_text(json.dumps(self.facts, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher-minutes", type=float, default=3.5)
    parser.add_argument("--pupil-minutes", type=float, default=8.5)
    parser.add_argument("--pupils", type=int, nargs="+", default=[6, 4, 3], help="layers; the first one helps the others")
    parser.add_argument("--tokens", type=int, default=32768, help="of a batch at most, with padding")
    parser.add_argument("--generic", type=float, default=0.6, help="share of the published questions in each epoch")
    parser.add_argument("--labels", type=float, default=0.4, help="weight of the labels beside the teacher")
    parser.add_argument("--hidden", type=float, default=1.0, help="weight of the first pupil's hidden values")
    parser.add_argument("--validated", type=int, default=10**6, help="questions of each validation set at most")
    parser.add_argument("--log-steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--pack", type=Path, default=ROOT / "build" / "reader" / "pack")
    parser.add_argument("--packaged", type=Path, default=ROOT / "qa" / "answering" / "reader" / "weights" / "model.onnx")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "reader" / "run")
    parser.add_argument("--state", type=Path, default=ROOT / "build" / "reader" / "state")
    Training(parser.parse_args()).run()


if __name__ == "__main__":
    main()
