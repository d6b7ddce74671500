"""Measures a reading model as it serves: in 8 bits, window by window.

    python -m benchmarks.reader.evaluate [--reader packaged] [--most 1000]

Writes benchmarks/results/reader-COMMIT.json: F1 and exact match on squad11_dev_outside_squad2, AUROC of "something answers" on the
articles of squad2 that did not train, and on the own questions kept aside: the right unit first among the windows of their page and of the
passages found, by kind, and the AUROC of answerable questions against near misses.
"""

from __future__ import annotations

import argparse
import json
import re
import string
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.metrics import roc_auc_score

from benchmarks.contract import RESULTS, ROOT, commit, machine
from benchmarks.reader.examples import Example, read_examples
from benchmarks.reader.generic import records, squad2_records, title_of
from corpus.splitting.sentences import sentence_spans
from qa.answering.reader.loading import load_readers
from qa.answering.reader.model import ReadingModel
from qa.answering.reader.windows import UnitReading, Window, cut_windows

BUILD = ROOT / "build" / "reader"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", default="packaged")
    parser.add_argument("--most", type=int, default=1000)
    options = parser.parse_args()
    readers = load_readers(options.reader, BUILD / "exports")
    if not readers:
        parser.error("there is no reader to measure")
    model = readers[0]
    results = {
        "reader": {"name": options.reader, "sha256": model.sha256},
        "squad11_dev_outside_squad2": spans(model, records("squad11_dev_outside_squad2"), options.most),
        "squad2, articles that did not train": impossible(model, squad2_records(training=False), options.most),
        "own questions kept aside": own(model, list(read_examples(BUILD / "own-validation.jsonl"))),
        "training": {path.parent.name: training(path) for path in sorted(BUILD.glob("*/training.json"))},
        "machine": machine(),
    }
    path = RESULTS / f"reader-{commit()}.json"
    path.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(json.dumps(results, indent=1))


def training(path: Path) -> dict[str, Any]:
    """What `train` wrote about a run, with every tenth line of its losses and paths below the repository."""
    facts = json.loads(path.read_text("utf-8").replace(f"{ROOT}/", ""))
    facts["log"] = facts["log"][9::10]
    return dict(facts)


def best_reading(model: ReadingModel, question: str, context: str, text: str) -> tuple[UnitReading, str]:
    """The best reading of a text and its words."""
    sentences = sentence_spans(text)
    windows = [window for window, _ in cut_windows(context, text, sentences, [""] * len(sentences))]
    found = [
        (reading, window.text[slice(*reading.span)])
        for window, readings in zip(windows, model.read(question, windows), strict=True)
        for reading in readings
    ]
    return max(found, key=lambda one: one[0].score)


def sample(found: Sequence[dict[str, Any]], most: int) -> Sequence[dict[str, Any]]:
    return found[:: max(1, len(found) // most)]


def spans(model: ReadingModel, found: Sequence[dict[str, Any]], most: int) -> dict[str, float]:
    f1, exact = [], []
    began, read = time.monotonic(), sample(found, most)
    for record in read:
        _, words = best_reading(model, record["question"], title_of(record), record["context"])
        golds = [answer["text"] for answer in record["answers"]]
        f1.append(max(f1_of(words, gold) for gold in golds))
        exact.append(max(normalize(words) == normalize(gold) for gold in golds))
    seconds = (time.monotonic() - began) / len(read)
    return {"questions": len(read), "F1": mean(f1), "exact": mean(exact), "milliseconds a paragraph": round(seconds * 1000, 1)}


def impossible(model: ReadingModel, found: Sequence[dict[str, Any]], most: int) -> dict[str, float]:
    labels, scores, f1 = [], [], []
    for record in sample(found, most):
        reading, words = best_reading(model, record["question"], title_of(record), record["context"])
        labels.append(bool(record["answers"]))
        scores.append(reading.score)
        if record["answers"]:
            f1.append(max(f1_of(words, answer["text"]) for answer in record["answers"]))
    auroc = round(float(roc_auc_score(labels, scores)), 4)
    return {"questions": len(labels), "impossible": labels.count(False), "AUROC": auroc, "F1 of the answerable": mean(f1)}


def own(model: ReadingModel, examples: Sequence[Example]) -> dict[str, Any]:
    questions: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        questions[example.id.rpartition("-")[0]].append(example)
    right: dict[str, list[bool]] = defaultdict(list)
    labels, scores, first = [], [], []
    for windows in questions.values():
        readings = model.read(windows[0].question, [Window(e.context, e.text, e.units) for e in windows])
        best, example, place = max(
            ((r.score, e, place) for e, row in zip(windows, readings, strict=True) for place, r in enumerate(row)),
            key=lambda one: one[0],
        )
        answerable = any(e.right for e in windows)
        labels.append(answerable)
        scores.append(best)
        if answerable:
            kind = windows[0].source.split()[1]
            right[kind].append(place in example.right)
            first.append(right[kind][-1])
    found: dict[str, Any] = {"questions": len(labels), "near misses": labels.count(False), "right unit first": mean(first)}
    if len(set(labels)) == 2:
        found["AUROC answerable against near miss"] = round(float(roc_auc_score(labels, scores)), 4)
        good = [score for score, answerable in zip(scores, labels, strict=True) if answerable]
        found["AUROC right against wrong"] = round(float(roc_auc_score(first, good)), 4) if len(set(first)) == 2 else None
    found["by kind"] = {kind: [sum(values), len(values)] for kind, values in sorted(right.items())}
    return found


def normalize(text: str) -> str:
    """As SQuAD's script: lower case, without articles and punctuation."""
    plain = "".join(char for char in text.lower() if char not in string.punctuation)
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", plain).split())


def f1_of(one: str, other: str) -> float:
    words, gold = normalize(one).split(), normalize(other).split()
    common = sum((Counter(words) & Counter(gold)).values())
    return 2 * common / (len(words) + len(gold)) if common else float(words == gold)


def mean(values: Sequence[float]) -> float:
    return round(sum(values) / max(1, len(values)), 4)


if __name__ == "__main__":
    main()
