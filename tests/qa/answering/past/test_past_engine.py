"""The documents as they were at a time, over a data folder and a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from corpus.types import Document
from index.access.audience import Audience
from index.access.restricted import RestrictedEngine
from index.embedded.opening import open_engine_to_write
from index.engine import Engine, EngineView
from index.opensearch.address import parse
from index.opensearch.connection import Connection
from index.opensearch.engine import ClusterEngine
from qa.answering.answerer import Answerer
from qa.answering.past.past_engine import answerer_as_of
from qa.ingest.writer import DocumentWriter, IncomingDocument
from tests.index.engine.reference import HashingEmbedder

QUESTION = "what does the ferry cost"


@pytest.fixture(params=["folder", "cluster"])
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DocumentWriter]:
    with ExitStack() as stack:
        engine: Engine
        if request.param == "folder":
            engine = open_engine_to_write(tmp_path, lambda _: ("hashing", HashingEmbedder()))
        else:
            address = request.getfixturevalue("engine_address")
            engine = ClusterEngine(Connection(parse(address)), lambda _: ("hashing", HashingEmbedder()))
        yield stack.enter_context(DocumentWriter(engine))


def put(writer: DocumentWriter, name: str, text: str, **edits: object) -> str:
    """Store a document; the moment when its text was stored."""
    writer.put(IncomingDocument(name, Document(text=text, title=name.title()), edits=edits))
    return writer.engine.versions(name)[0].since


def found(engine: EngineView, moment: str | None, **options: object) -> Sequence[tuple[str, str]]:
    """The ids and the first lines of the results."""
    answerer = Answerer(engine, 0.5)
    results = (answerer_as_of(answerer, moment) if moment else answerer).ask(QUESTION, limit=20).results
    assert all(earlier.score >= later.score for earlier, later in pairwise(results))
    return [(result.stored.document.id, result.stored.passage.text.splitlines()[0]) for result in results]


def test_finds_the_texts_of_that_time(writer: DocumentWriter) -> None:
    engine = writer.engine
    first = put(writer, "ferry", "The ferry costs five pounds.")
    other = put(writer, "harbour", "The harbour is shallow.")
    second = put(writer, "ferry", "The ferry costs six pounds.")
    engine.edit("harbour", {"date": "2026-01-01"})  # no other text
    removed = put(writer, "tides", "The tides cost nothing.")
    third = put(writer, "ferry", "The boat is free.")
    harbour = ("harbour", "The harbour is shallow.")
    assert found(engine, first) == [("ferry", "The ferry costs five pounds.")]
    assert sorted(found(engine, other)) == [("ferry", "The ferry costs five pounds."), harbour]
    assert sorted(found(engine, second)) == [("ferry", "The ferry costs six pounds."), harbour]
    assert ("tides", "The tides cost nothing.") in found(engine, removed)
    assert ("ferry", "The boat is free.") in found(engine, third)
    assert sorted(found(engine, third)) == sorted(found(engine, None))
    engine.remove("tides")
    assert sorted(found(engine, removed)) == [("ferry", "The ferry costs six pounds."), harbour]
    put(writer, "ferry", "The ferry sank.")
    writer.keep_versions = 1
    put(writer, "ferry", "The ferry was raised.")
    assert found(engine, first) == []  # that text is not kept any more
    assert found(engine, "2020-01-01T00:00:00.000+00:00") == []


def test_finds_nothing_that_may_not_be_read(writer: DocumentWriter) -> None:
    first = put(writer, "ferry", "The ferry costs five pounds.", access=["board"])
    second = put(writer, "ferry", "The ferry costs six pounds.", access=["board", "staff"])
    third = put(writer, "ferry", "The ferry costs seven pounds.", collection="hr")
    seen = {
        Audience(None, ("board",)): "five six seven",
        Audience(None, ("staff",)): "six seven",
        Audience(("default",), ("board",)): "",
    }
    for audience, pounds in seen.items():
        view = RestrictedEngine(writer.engine, audience)
        texts = [text for moment in (first, second, third) for _, text in found(view, moment)]
        assert texts == [f"The ferry costs {each} pounds." for each in pounds.split()]
