"""Whether a cluster and the embedded engine rank the same documents alike: GOV.UK pages and press releases, with real questions.

    python -m benchmarks.cluster.agreement FOLDER            # 20,000 passages, 500 questions, three nodes; writes benchmarks/results
    python -m benchmarks.cluster.agreement FOLDER --small    # 2,000 passages, 60 questions, one node; prints only

FOLDER keeps the data folder and the sample of press releases, so that an interrupted run continues. --data takes another data folder,
which is not changed, --engine a cluster that runs. Questions: GOV.UK's search terms with the judged pages, and headlines of other
sources for the press releases. Filters allow 1% and 10% of the documents.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.dev_sets import DATA, read_dev_set
from benchmarks.scale.corpus import corpus, write_sample
from benchmarks.scale.run import headlines
from benchmarks.speed.serving import RESULTS, commit, machine
from corpus.sandbox.pool import Sandbox
from index.engine import DocumentCopy, Engine
from index.filters import Comparison, Filter
from index.opensearch.engine import ClusterEngine
from index.types import StoredDocument
from qa.assembly import answerer_over, embedder_opener, open_reading_engine, open_to_write
from qa.evaluation.measures import ranking_measures
from qa.evaluation.question_sets import Question
from qa.ingest.files import add_files, files_below
from qa.operate.copying import Copier
from qa.operate.state import open_connection
from qa.settings.reading import read_settings
from qa.settings.settings import Settings
from tests.system.cluster.nodes import prepare, run_cluster
from tests.system.cluster.run import JARS

PASSAGES, QUESTIONS, NODES = 20_000, 500, 3
SMALL = 2_000, 60, 1
FIRST = 10
SHARES = (None, 0.01, 0.1)


@dataclass(frozen=True, slots=True)
class Found:
    """The first passages of a question as document and place, and its confidence."""

    places: Sequence[tuple[str, int]]
    documents: Sequence[StoredDocument]
    confidence: float


def fill(settings: Settings, sample: Path, passages: int) -> None:
    """Half GOV.UK pages, as many as there are, and the rest press releases."""
    with open_to_write(settings, print) as writer:
        if writer.engine.is_new:
            with Sandbox() as sandbox:
                for _ in add_files(writer, sandbox, files_below([DATA / "govuk" / "content_items.jsonl.gz"])):
                    if writer.engine.counts()[1] >= passages / 2:
                        break
        wanted = passages - writer.engine.counts()[1]
        if wanted > 0:
            embedder = writer.engine.embedder
            write_sample(sample, embedder, wanted)
            for made in corpus(sample, wanted):
                writer.engine.put(str(made.document.id), made.document, made.passages, made.vectors)
        writer.engine.maintain()


def copy(source: Engine, target: Engine) -> None:
    """In the order in which they were stored, which decides between equal scores."""
    stored = sorted(source.documents(limit=10**9), key=lambda document: document.number)
    waiting: list[DocumentCopy] = []
    began = time.monotonic()
    for done, document in enumerate(stored, 1):
        made = source.export(document.id)
        if made:
            waiting.append(made)
        if done == len(stored) or sum(len(each.passages) for each in waiting) >= 1_000:
            target.put_copies(waiting)
            waiting = []
            print(f"{done} of {len(stored)} documents, {time.monotonic() - began:.0f} s", flush=True)


def ask(engine: Engine, settings: Settings, question: str, allowed: Filter | None) -> Found:
    answer = answerer_over(engine, settings, spelling=False).ask(question, FIRST, allowed)
    places = [(each.stored.document.id, each.stored.passage.start) for each in answer.results]
    return Found(places, [each.stored.document for each in answer.results], answer.confidence)


def compare(embedded: Engine, cluster: Engine, settings: Settings, questions: Sequence[Question]) -> dict[str, Any]:
    documents = [document.id for document in embedded.documents(limit=10**9)]
    random.Random(1).shuffle(documents)
    results: dict[str, Any] = {}
    for share in SHARES:
        allowed = None if share is None else Comparison("in", "id", tuple(documents[: max(int(share * len(documents)), 1)]))
        found = [[ask(engine, settings, each.text, allowed) for engine in (embedded, cluster)] for each in questions]
        differing = [
            question.text for question, (ours, theirs) in zip(questions, found, strict=True) if ours.places != theirs.places
        ]
        confidences = [abs(ours.confidence - theirs.confidence) for ours, theirs in found]
        results["all" if share is None else f"{share:.0%}"] = {
            "questions": len(questions),
            "identical_ten": round(1 - len(differing) / len(questions), 4),
            "greatest_confidence_difference": round(max(confidences), 5),
            "differing": differing[:10],
            **({} if share else _ndcg(questions, found)),
        }
        print(json.dumps(results, indent=2), flush=True)
    return results


def _ndcg(questions: Sequence[Question], found: Sequence[Sequence[Found]]) -> dict[str, Any]:
    judged = {question.id: dict(question.relevant) for question in questions if question.relevant}
    means = []
    for place in range(2):
        ranked = {
            question.id: list(dict.fromkeys(_page(document) for document in each[place].documents))
            for question, each in zip(questions, found, strict=True)
            if question.id in judged
        }
        means.append(float(np.mean(list(ranking_measures(ranked, judged)["nDCG@10"].values()))))
    return {"ndcg_embedded": round(means[0], 4), "ndcg_cluster": round(means[1], 4)}


def _page(document: StoredDocument) -> str:
    return document.url or document.id


def questions_for(count: int) -> list[Question]:
    judged = list(read_dev_set("govuk").questions)
    random.Random(2).shuffle(judged)
    others = [Question(f"headline-{number}", text, {}) for number, text in enumerate(headlines(count // 2))]
    return judged[: count - len(others)] + others


@contextmanager
def engines(arguments: argparse.Namespace, passages: int, nodes: int) -> Iterator[tuple[Engine, ClusterEngine, Settings]]:
    folder = arguments.folder / f"{passages}"
    settings = read_settings({"data": arguments.data or folder / "data", "cache": arguments.folder / "models"}, {})
    if not arguments.data:
        fill(settings, folder / "sample", passages)
    with ExitStack() as stack:
        address = arguments.engine
        if not address:
            local = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            address = stack.enter_context(run_cluster(prepare(JARS), local, nodes)).engine("agreement")
        on_cluster = settings.model_copy(update={"engine": address})
        embedded = stack.enter_context(closing(open_reading_engine(settings)))
        with open_to_write(on_cluster, print) as writer:
            if writer.engine.counts() != embedded.counts():
                copy(embedded, writer.engine)
            if not arguments.small:
                copier = Copier(embedded, writer.engine, keep_originals=False)
                copier.check(lambda done, total: None)
                if copier.report.problems:
                    raise SystemExit(f"the copy differs: {copier.report.problems[:3]}")
        cluster = ClusterEngine(open_connection(on_cluster), embedder_opener(on_cluster, print))
        yield embedded, stack.enter_context(closing(cluster)), settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--data", type=Path, help="an existing data folder instead")
    parser.add_argument("--engine", help="the address of a running cluster instead of a new one")
    parser.add_argument("--questions", type=int)
    arguments = parser.parse_args()
    passages, count, nodes = SMALL if arguments.small else (PASSAGES, QUESTIONS, NODES)
    before = machine()
    with engines(arguments, passages, nodes) as (embedded, cluster, settings):
        results = {
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(),
            "machine": before,
            "passages": embedded.counts()[1],
            "nodes": cluster.connection.request("GET", "/_cluster/health").body["number_of_nodes"],
            "filters": compare(embedded, cluster, settings, questions_for(arguments.questions or count)),
        }
    print(json.dumps(results, indent=2))
    if not arguments.small:
        (RESULTS / f"cluster-agreement-{commit()}.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
