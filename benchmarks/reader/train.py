r"""Trains the reading model on prepared examples; goes on from its last checkpoint.

    python -m benchmarks.reader.train generic
    python -m benchmarks.reader.train final --from build/reader/generic/model.pt --epochs 2 --data build/reader/own-right.jsonl \
        build/reader/own-found.jsonl build/reader/generic-train.jsonl*0.2

A number after * repeats a file, or takes a part of it.

Writes build/reader/NAME/: checkpoint.pt (weights, optimizer state, place) every ten minutes, model.pt at the end, and training.json
(mixture, hash of the data, settings, losses, validation). Uses a GPU if torch has one.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.contract import ROOT
from benchmarks.reader.examples import Example, read_examples
from benchmarks.reader.model import Item, ReadingNetwork, encode_example, inputs_of, losses, new_encoder, unit_logits

BUILD = ROOT / "build" / "reader"
MAX_TOKENS = 176
CHECKPOINT_SECONDS = 600
LOG_STEPS = 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--data", nargs="+", default=[str(BUILD / "generic-train.jsonl")])
    parser.add_argument(
        "--validation", nargs="*", type=Path, default=[BUILD / "generic-squad11.jsonl", BUILD / "generic-squad2.jsonl"]
    )
    parser.add_argument("--from", dest="start", type=Path, help="a model.pt or checkpoint.pt whose weights to begin with")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--most", type=int, default=10**9, help="examples at most")
    parser.add_argument("--rate", type=float, default=6e-5)
    parser.add_argument("--head-rate", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--frozen", type=int, default=2, help="lower layers that stay as they are, with the embeddings")
    parser.add_argument(
        "--minutes", type=float, default=10**6, help="end this run in good time; training.json has the steps done"
    )
    Training(parser.parse_args()).run()


class Training:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.folder = BUILD / options.name
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(options.seed)
        torch.set_num_threads(options.threads)
        self.begin = time.monotonic()
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.encoder = new_encoder(MAX_TOKENS)
        draw = random.Random(options.seed)
        examples = [example for entry in options.data for example in mixed(entry, draw)]
        draw.shuffle(examples)
        examples = examples[: options.most]
        self.items = [item for example in examples if (item := encode_example(self.encoder, example))]
        self.network = ReadingNetwork().to(self.device)
        for module in (self.network.body.embeddings, *self.network.body.encoder.layer[: options.frozen]):
            module.requires_grad_(False)
        if options.start:
            self.network.load_state_dict(torch.load(options.start, weights_only=True)["weights"])
        heads = [*self.network.tokens.parameters(), *self.network.answers.parameters()]
        body = [p for p in self.network.body.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            [{"params": body, "lr": options.rate}, {"params": heads, "lr": options.head_rate}], weight_decay=0.01
        )
        self.steps = len(self.batches())
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._factor)
        self.facts: dict[str, Any] = {
            "settings": {k: str(v) for k, v in vars(options).items()},
            "data": {entry: hashlib.sha256(Path(entry.split("*")[0]).read_bytes()).hexdigest() for entry in options.data},
            "mixture": dict(Counter(example.source for example in examples)),
            "without an answer": sum(not example.right for example in examples),
            "steps": self.steps,
            "log": [],
            "validation": [],
        }

    def _factor(self, step: int) -> float:
        """Linear warm-up over 4% of the steps, then linear decay to 5%: over the steps, or over the minutes if they end sooner."""
        warm = max(1, self.steps // 25)
        elapsed = (time.monotonic() - self.begin) / 60 / self.options.minutes
        return min((step + 1) / warm, max(0.05, 1 - max(elapsed, (step - warm) / max(1, self.steps - warm))))

    def batches(self) -> list[list[Item]]:
        """All batches of all epochs: the windows of a question, and questions of similar length, together, in random order; the same for
        the same seed.
        """
        draw, found = random.Random(self.options.seed), []
        size = self.options.batch
        by_question: dict[str, list[Item]] = {}
        for item in self.items:
            by_question.setdefault(item.question, []).append(item)
        for _ in range(self.options.epochs):
            groups = draw.sample(list(by_question.values()), len(by_question))
            epoch: list[list[Item]] = []
            for place in range(0, len(groups), size * 25):
                near = sorted(groups[place : place + size * 25], key=lambda group: max(len(i.encoding.ids) for i in group))
                batches: list[list[Item]] = [[]]
                for group in near:
                    if batches[-1] and len(batches[-1]) + len(group) > size:
                        batches.append([])
                    batches[-1].extend(group)
                epoch.extend(batches)
            draw.shuffle(epoch)
            found.extend(epoch)
        return found

    def run(self) -> None:
        step = self._resume()
        self.network.train()
        seen, sums, begin, saved = 0, Counter[str](), time.monotonic(), time.monotonic()
        for batch in self.batches()[step:]:
            with self._autocast():
                tokens, answers = self.network(**{k: v.to(self.device) for k, v in inputs_of(batch).items()})
            parts = losses(tokens.cpu(), answers.cpu(), batch)
            loss = parts.get("span", torch.zeros(())) + parts["unit"] + 0.5 * parts["answers"]
            if "choice" in parts:
                loss = loss + parts["choice"]
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()
            self.schedule.step()
            step, seen = step + 1, seen + len(batch)
            sums.update({name: float(part.detach()) for name, part in parts.items()})
            if step % LOG_STEPS == 0:
                line = {name: round(total / LOG_STEPS, 4) for name, total in sums.items()}
                line |= {"step": step, "examples a second": round(seen / (time.monotonic() - begin), 1)}
                self.facts["log"].append(line)
                print(time.strftime("%H:%M:%S"), json.dumps(line), flush=True)
                sums.clear()
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                self._save("checkpoint.pt", step)
                saved = time.monotonic()
            if time.monotonic() - self.begin > 60 * self.options.minutes:
                break
        self.facts["steps done"] = step
        self._save("model.pt", step)
        self.validate(step, 10**6)
        self._save("model.pt", step)
        (self.folder / "checkpoint.pt").unlink(missing_ok=True)

    def _autocast(self) -> Any:
        return torch.autocast(self.device, torch.bfloat16) if self.options.threads else contextlib.nullcontext()

    def _resume(self) -> int:
        path = self.folder / "checkpoint.pt"
        if not path.is_file():
            return 0
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.facts = json.loads((self.folder / "training.json").read_text())
        print(f"goes on from step {state['step']} of {self.steps}", flush=True)
        return int(state["step"])

    def _save(self, name: str, step: int) -> None:
        state: dict[str, Any] = {"weights": self.network.state_dict(), "step": step}
        if name == "checkpoint.pt":
            state |= {"optimizer": self.optimizer.state_dict(), "schedule": self.schedule.state_dict()}
        torch.save(state, self.folder / "part.pt")
        os.replace(self.folder / "part.pt", self.folder / name)
        (self.folder / "training.json").write_text(json.dumps(self.facts, indent=1) + "\n")

    def validate(self, step: int, most: int) -> None:
        for path in self.options.validation:
            figures = measure(self, list(read_examples(path))[:most])
            self.facts["validation"].append({"step": step, "set": path.stem, **figures})
            print(json.dumps(self.facts["validation"][-1]), flush=True)


def mixed(entry: str, draw: random.Random) -> list[Example]:
    """The examples of FILE, or FILE*TIMES; a fraction is a random part."""
    path, _, times = entry.partition("*")
    examples = list(read_examples(Path(path)))
    whole, part = divmod(float(times or 1), 1)
    return examples * int(whole) + draw.sample(examples, round(part * len(examples)))


@torch.no_grad()
def measure(training: Training, examples: Sequence[Example]) -> dict[str, float]:
    """Over windows: share with the right unit first, exact spans, and the AUROC of unit against null for "something answers"."""
    from sklearn.metrics import roc_auc_score

    items = [item for example in examples if (item := encode_example(training.encoder, example))]
    items.sort(key=lambda item: len(item.encoding.ids))
    training.network.eval()
    first: list[bool] = []
    exact: list[bool] = []
    labels: list[bool] = []
    scores: list[tuple[float, float, float]] = []
    for place in range(0, len(items), 32):
        batch = items[place : place + 32]
        with training._autocast():
            tokens, answers = training.network(**{k: v.to(training.device) for k, v in inputs_of(batch).items()})
        tokens, answers = tokens.float().cpu(), answers.float().cpu()
        logits = unit_logits(tokens[..., 2], batch)
        for row, item in enumerate(batch):
            begin, end = item.encoding.first, item.encoding.first + len(item.encoding.offsets)
            best = best_span(tokens[row, begin:end, 0], tokens[row, begin:end, 1])
            null = float(tokens[row, 0, 0] + tokens[row, 0, 1])
            labels.append(bool(item.right))
            scores.append((float(logits[row, 1:].max() - logits[row, 0]), best[0] - null, float(answers[row])))
            if item.right:
                first.append(int(logits[row, 1:].argmax()) in item.right)
                if item.span:
                    exact.append((best[1] + begin, best[2] + begin) == item.span)
    training.network.train()
    figures = {
        "right unit first": round(sum(first) / max(1, len(first)), 4),
        "exact spans": round(sum(exact) / max(1, len(exact)), 4),
    }
    if len(set(labels)) == 2:
        for i, name in enumerate(("AUROC unit", "AUROC span", "AUROC answers")):
            figures[name] = round(float(roc_auc_score(labels, [score[i] for score in scores])), 4)
    return figures


def best_span(starts: torch.Tensor, ends: torch.Tensor, longest: int = 40) -> tuple[float, int, int]:
    scores = starts[:, None] + ends[None, :]
    places = torch.arange(len(starts))
    distance = places[None, :] - places[:, None]
    scores = scores.masked_fill((distance < 0) | (distance >= longest), LOWEST)
    flat = int(scores.argmax())
    return float(scores.flatten()[flat]), flat // len(starts), flat % len(starts)


LOWEST = -1e4

if __name__ == "__main__":
    main()
