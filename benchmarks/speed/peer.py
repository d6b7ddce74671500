"""The same questions asked of this project and of txtai's hybrid search, with the same weights, in the same run.

    python -m benchmarks.speed.peer squad2 scifact      # prints both, writes benchmarks/results/peer-COMMIT.json

txtai is not a dependency of the project. Install it into the same environment without its dependencies, which are present:
`pip install --no-deps txtai==9.14.0 msgpack pyyaml`.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from time import perf_counter

import numpy as np

from benchmarks.quality.dev_sets import DATA, open_dev_set, read_dev_set, set_folder
from benchmarks.quality.run import RESULTS, about, commit
from index.embedding.model_files import DEFAULT_MODEL, find_model
from qa.evaluation import measures
from qa.evaluation.judging import Judge
from qa.evaluation.question_sets import CORPUS, Question, read_corpus

QUESTIONS = 400  # the first ones of each set
SETS = ("squad2", "scifact")
NAMED = 10

Ranked = Mapping[str, Sequence[str]]


def of_peer(name: str, questions: Sequence[Question]) -> Ranked:
    """Dense and BM25 search with txtai's defaults over whole documents, preceded by their titles."""
    from txtai import Embeddings  # type: ignore[import-not-found]

    embeddings = Embeddings(path=str(find_model(DEFAULT_MODEL, offline=True).folder), hybrid=True)
    embeddings.index(
        (str(document.id), f"{document.title} {document.text}") for document in read_corpus(set_folder(name) / CORPUS)
    )
    return {q.id: [str(found) for found, _ in embeddings.search(q.text, NAMED)] for q in questions}


def of_ours(name: str, questions: Sequence[Question]) -> Ranked:
    service = open_dev_set(name)
    judge = Judge(service.engine)
    engine = service.engine
    return {q.id: judge.names(engine.search(engine.prepare(q.text)), q.relevant, NAMED) for q in questions}


def main() -> None:
    if not DATA.is_dir() or find_spec("txtai") is None:
        print("skipped: this needs the dev sets (QUOTABLE_SHARED) and txtai; see the top of benchmarks/speed/peer.py")
        return
    figures = {}
    for name in sys.argv[1:] or SETS:
        questions = [question for question in read_dev_set(name).questions if question.relevant][:QUESTIONS]
        relevant = {question.id: question.relevant for question in questions}
        figures[name] = {"questions": len(questions)}
        for who, ask in (("quotable", of_ours), ("txtai hybrid", of_peer)):
            began = perf_counter()
            values = measures.ranking_measures(ask(name, questions), relevant)
            shown = {measure: round(float(np.mean(list(values[measure].values()))), 4) for measure in ("nDCG@10", "Success@1")}
            figures[name] |= {who: shown}
            print(f"{name:10} {who:14} {shown}  ({perf_counter() - began:.0f} s)", flush=True)
    libraries = {"txtai": importlib.metadata.version("txtai")}
    target = RESULTS / f"peer-{commit()}.json"
    target.write_text(json.dumps(about() | {"peer": libraries, "sets": figures}, indent=1) + "\n")
    print(f"written to {target.name}")


if __name__ == "__main__":
    main()
