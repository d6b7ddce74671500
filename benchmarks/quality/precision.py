"""Compares int8 with fp32 for embedding questions, on the dev sets.

    python -m benchmarks.quality.precision [SET ...]    # prints the figures, writes benchmarks/results/precision-COMMIT.json

Passages are embedded in fp32 in both cases. Both precisions alternate, so that they see the same machine load; times are wall-clock
milliseconds of one question's embedding, including tokenisation. On the small sets it also measures int8 for passages, which the
product does not use: ranking, and passages a second from documents to a searchable index.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.quality.dev_sets import DATA, FOLDERS, RANKED, dev_settings, index_dev_set, open_dev_set, read_dev_set
from benchmarks.quality.run import RESULTS, about, commit
from index.types import Precision
from qa.assembly import Service, open_to_read
from qa.evaluation import measures
from qa.evaluation.judging import Judge
from qa.evaluation.question_sets import Question
from qa.settings.reading import read_settings

MEASURES = ("nDCG@10", "Success@1", "R@10")
DEPTH = 10
SMALL = ("or_sharc", "squad2", "cranfield")
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")


def compare(name: str) -> dict[str, Any]:
    """Ranking and time of one set in each precision, and what int8 loses (positive: int8 is worse)."""
    questions = [question for question in read_dev_set(name).questions if question.relevant]
    open_dev_set(name)  # index it if necessary
    services = {
        precision: open_to_read(dev_settings(FOLDERS / name).model_copy(update={"precision": precision}))
        for precision in PRECISIONS
    }
    runs = {precision: _Run(service) for precision, service in services.items()}
    for place, question in enumerate(questions):
        for precision in PRECISIONS if place % 2 else reversed(PRECISIONS):
            runs[precision].ask(question)
    figures = {precision: run.figures(questions) for precision, run in runs.items()}
    vectors = [np.stack(run.vectors) for run in runs.values()]
    return {
        "questions": len(questions),
        **figures,
        "lost": {measure: round(figures["fp32"][measure] - figures["int8"][measure], 4) for measure in MEASURES},
        "times_faster": round(figures["fp32"]["milliseconds"] / figures["int8"]["milliseconds"], 2),
        "least_cosine": round(float((vectors[0] * vectors[1]).sum(1).min()), 4),
    }


def compare_passages(name: str) -> dict[str, Any]:
    """Index and ask one set with all embeddings in fp32, and with all in int8."""
    questions = [question for question in read_dev_set(name).questions if question.relevant]
    (rounded,) = (FOLDERS / "models").glob("*-int8")
    exports = {"fp32": rounded.with_name(rounded.name.removesuffix("-int8")), "int8": rounded}
    figures: dict[str, dict[str, float]] = {}
    for precision, export in exports.items():
        with TemporaryDirectory() as folder:
            # The export is put into the folder of the fp32 export, so that passages are embedded with it.
            shutil.copytree(export, Path(folder, "models", exports["fp32"].name))
            settings = read_settings({"data": Path(folder), "precision": "fp32"}, {})
            began = perf_counter()
            index_dev_set(name, settings)
            took = perf_counter() - began
            service = open_to_read(settings)
            run = _Run(service)
            for question in questions:
                run.ask(question)
            figures[precision] = run.figures(questions) | {"passages_per_second": round(service.engine.counts()[1] / took, 1)}
    return {
        **figures,
        "lost": {measure: round(figures["fp32"][measure] - figures["int8"][measure], 4) for measure in MEASURES},
        "times_faster": round(figures["int8"]["passages_per_second"] / figures["fp32"]["passages_per_second"], 2),
    }


class _Run:
    """Vectors, rankings and times of the questions in one service."""

    def __init__(self, service: Service) -> None:
        self.vectors: list[Any] = []
        self._service, self._judge = service, Judge(service.engine)
        self._ranked: dict[str, Sequence[str]] = {}
        self._times: list[float] = []

    def ask(self, question: Question) -> None:
        engine = self._service.engine
        began = perf_counter()
        asked = engine.prepare(question.text)
        self._times.append((perf_counter() - began) * 1000)
        self.vectors.append(asked.vector)
        self._ranked[question.id] = self._judge.names(engine.search(asked), question.relevant, DEPTH)

    def figures(self, questions: Sequence[Question]) -> dict[str, float]:
        values = measures.ranking_measures(self._ranked, {question.id: question.relevant for question in questions})
        found = {measure: round(float(np.mean(list(values[measure].values()))), 4) for measure in MEASURES}
        return found | {"milliseconds": round(float(np.median(self._times)), 3)}


def main() -> None:
    if not DATA.is_dir():
        print(f"skipped: the dev sets are not at {DATA}; set QUOTABLE_SHARED to the folder that holds data/")
        return
    sets = {}
    for name in sys.argv[1:] or RANKED:
        sets[name] = compare(name)
        print(f"{name:10} {json.dumps(sets[name])}", flush=True)
    passages = {name: compare_passages(name) for name in sets if name in SMALL}
    for name, row in passages.items():
        print(f"{name:10} passages in int8 {json.dumps(row)}", flush=True)
    mean = {measure: round(float(np.mean([each["lost"][measure] for each in sets.values()])), 4) for measure in MEASURES}
    print(f"lost by int8, mean of {len(sets)} sets: {json.dumps(mean)}")
    target = RESULTS / f"precision-{commit()}.json"
    target.write_text(json.dumps(about() | {"sets": sets, "mean_lost": mean, "passages_too": passages}, indent=1) + "\n")
    print(f"written to {target.name}")


if __name__ == "__main__":
    main()
