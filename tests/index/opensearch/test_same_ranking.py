"""The embedded engine and the cluster rank real text alike, and give the same answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus.press_release import press_release
from corpus.readers import read
from corpus.types import Document
from index.engine import Engine
from index.filters import Comparison, Filter
from index.opensearch.address import parse
from index.opensearch.connection import Connection
from index.opensearch.engine import ClusterEngine
from index.ranking.query import PreparedQuery
from qa.answering.answer import Answer
from qa.answering.answerer import Answerer
from qa.assembly import answerer_over, embedder_opener, open_to_write
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.settings.settings import Settings
from tests.conftest import ROOT
from tests.system.cluster.fixtures import TestCluster

PAGES = sorted((ROOT / "docs" / "operations").glob("*.md"))
QUESTIONS = [
    *(each["question"] for each in json.loads((ROOT / "tests/data/press_release_questions.json").read_text("utf-8"))[:12]),
    "how many seconds does a request wait in the queue",
    "Which folder do I back up?",
    "What happens when the disk is full?",
    "regulations for keys of administrators",
    "GPU",
    "the",
]
FILTERS: list[Filter | None] = [
    None,
    Comparison("in", "id", ("security", "chat")),
    Comparison("ne", "type", "guide"),
    Comparison("gte", "size", 9_000),
]


@pytest.fixture(scope="module")
def settings(exported_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data=tmp_path_factory.mktemp("data"), cache=exported_model, reader="none")


@pytest.fixture(scope="module")
def embedded(settings: Settings) -> Iterator[Engine]:
    """The press release and the operator's handbook, some of it replaced and removed."""
    with open_to_write(settings) as writer:
        writer.put(IncomingDocument("press-release", press_release()))
        for page in PAGES:
            put(writer, page, "# Replaced\n\nThis page comes soon.\n" if page == PAGES[0] else None)
        put(writer, PAGES[0])
        put(writer, PAGES[1])
        writer.engine.remove("settings")
        yield writer.engine


def put(writer: DocumentWriter, page: Path, text: str | None = None) -> None:
    content = (text or page.read_text("utf-8")).encode()
    (document,) = read(content, page.name)
    assert isinstance(document, Document)
    metadata = {"size": len(content), "folder": ["docs", "operations"]}
    writer.put(IncomingDocument(page.stem.lower(), replace(document, type="guide", metadata=metadata)))


@pytest.fixture(scope="module")
def cluster_engine(cluster: TestCluster, settings: Settings, embedded: Engine) -> Iterator[Engine]:
    with cluster.new_address() as address:
        opener = embedder_opener(settings, print)
        with closing(ClusterEngine(Connection(parse(address)), opener)) as engine:
            copies = [copy for each in embedded.documents(limit=1_000) if (copy := embedded.export(each.id))]
            # In the order in which they were stored, which decides between equal scores.
            engine.put_copies(sorted(copies, key=lambda copy: copy.stored.number))
            yield engine


def first_ten(engine: Engine, query: PreparedQuery, allowed: Filter | None) -> Sequence[tuple[str, int, float]]:
    with engine.snapshot(allowed) as snapshot:
        candidates = snapshot.search(query).candidates[:10]
        stored = {each.id: each for each in snapshot.passages([candidate.passage_id for candidate in candidates])}
    found = [(stored[candidate.passage_id], candidate.score) for candidate in candidates]
    return [(each.document.id, each.passage.start, score) for each, score in found]


@pytest.mark.parametrize("allowed", FILTERS, ids=str)
def test_the_first_ten_passages_are_the_same(embedded: Engine, cluster_engine: Engine, allowed: Filter | None) -> None:
    assert cluster_engine.counts() == embedded.counts()
    for question in QUESTIONS:
        query = embedded.prepare(question, spelling=False)
        expected, ours = (first_ten(engine, query, allowed) for engine in (embedded, cluster_engine))
        assert [place[:2] for place in ours] == [place[:2] for place in expected], question
        assert [score for _, _, score in ours] == pytest.approx([score for _, _, score in expected], abs=1e-4)


def test_rankings_say_the_same_about_the_question(embedded: Engine, cluster_engine: Engine) -> None:
    for question in QUESTIONS:
        query = embedded.prepare(question, spelling=False)
        expected, ours = embedded.search(query), cluster_engine.search(query)
        assert ours.passages == expected.passages
        assert list(ours.absent) == list(expected.absent)
        assert ours.best_possible == pytest.approx(expected.best_possible, abs=1e-4)


def test_answers_and_confidence_are_the_same(settings: Settings, embedded: Engine, cluster_engine: Engine) -> None:
    answerers: list[Answerer] = [answerer_over(engine, settings, spelling=False) for engine in (embedded, cluster_engine)]
    for question in QUESTIONS[::2]:
        expected, ours = (answerer.ask(question) for answerer in answerers)
        assert ours.confidence == pytest.approx(expected.confidence, abs=0.01)
        assert quotes(ours) == quotes(expected)


def quotes(answer: Answer) -> list[tuple[str, int, int]]:
    return [(each.stored.document.id, *each.quote) for each in answer.answers]


def test_a_question_takes_three_round_trips(
    settings: Settings, cluster_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    answerer = answerer_over(cluster_engine, settings, spelling=False)
    answerer.ask(QUESTIONS[0])  # opens a point in time, which later questions share
    paths: list[str] = []
    sent = Connection.request

    def count(self: Connection, method: str, path: str, *rest: Any, **options: Any) -> Any:
        paths.append(path)
        return sent(self, method, path, *rest, **options)

    monkeypatch.setattr(Connection, "request", count)
    assert answerer.ask(QUESTIONS[1]).answers
    assert paths.count("/_msearch") == 3
    # The counter of changes is read while the first search runs.
    assert len([path for path in paths if path != "/_msearch"]) == 1


def test_facets_and_lists_are_the_same(embedded: Engine, cluster_engine: Engine) -> None:
    for key in ("type", "folder", "size", "year", "language"):
        assert list(cluster_engine.facets(key, None, 20)) == list(embedded.facets(key, None, 20)), key
    assert [each.id for each in cluster_engine.documents()] == [each.id for each in embedded.documents()]
    assert list(cluster_engine.languages()) == list(embedded.languages())
