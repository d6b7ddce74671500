"""The answerer and explanations over an engine, without a server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpus.types import Document
from index.embedded.opening import open_engine_to_write
from index.engine import Engine
from index.filters import Combination, Comparison
from index.types import Reranker, Scores, StoredPassage
from qa.answering.answer import Answer, Considered, Result
from qa.answering.answerer import Answerer
from qa.answering.explanation import why_not
from qa.answering.question.turn import Turn
from qa.answering.units.unit import UnitKind
from qa.evaluation.judging import Order, arrange
from qa.ingest.writer import DocumentWriter, IncomingDocument
from tests.index.engine.reference import HashingEmbedder

TEXTS = {
    "otters": "The otter lives beside the river. It eats trout and salmon.",
    "passports": "A passport costs 82 pounds for adults. Children pay 53 pounds.",
    "herons": "The heron stands in shallow water. It catches trout at dawn.",
    "library": "The library opens at nine. Membership costs adults nothing.",
}
OpenEngine = Callable[..., Engine]


@pytest.fixture
def open_engine(tmp_path: Path) -> Iterator[OpenEngine]:
    """Opens an engine that holds TEXTS."""
    opened: list[Engine] = []

    def open_it(reranker: Reranker | None = None) -> Engine:
        folder = tmp_path / str(len(opened))
        writer = DocumentWriter(open_engine_to_write(folder, lambda _: ("hashing", HashingEmbedder()), reranker=reranker))
        opened.append(writer.engine)
        for document_id, text in TEXTS.items():
            writer.put(IncomingDocument(document_id, Document(text=text, title=document_id.capitalize(), language="en")))
        writer.engine.rebuild()
        return writer.engine

    yield open_it
    for engine in opened:
        engine.close()


@pytest.fixture
def engine(open_engine: OpenEngine) -> Engine:
    return open_engine()


@pytest.fixture
def answerer(engine: Engine) -> Answerer:
    return Answerer(engine, answer_threshold=0.0)


def test_quotes_the_document_verbatim(answerer: Answerer) -> None:
    answer = answerer.ask("How much does a passport cost adults?")
    assert answer.quote is not None
    start, end = answer.quote.quote
    assert TEXTS["passports"][start:end] == answer.quote.quoted_text == "A passport costs 82 pounds for adults."
    assert (answer.quote, answer.answerable, answer.rewritten) == (answer.answers[0], True, None)
    assert answer.quote.confidence == answer.confidence


def test_gives_results_without_an_answer_below_the_threshold(engine: Engine) -> None:
    answer = Answerer(engine, answer_threshold=1.0).ask("How much does a passport cost adults?", 3)
    assert (answer.answerable, answer.quote, answer.answers) == (False, None, ())
    assert len(answer.results) == 3
    scores = [result.score for result in answer.results]
    assert scores == sorted(scores, reverse=True)
    assert 0 <= scores[-1] <= scores[0] <= 1


def test_answers_from_the_documents_that_the_filter_allows(answerer: Answerer) -> None:
    answer = answerer.ask("What does it cost adults?", filter_=Comparison("in", "id", ("library", "herons")))
    assert [result.stored.document.id for result in answer.results] == ["library", "herons"]
    nothing = answerer.ask("What does it cost adults?", filter_=Combination("or", ()))
    assert (nothing.results, nothing.answerable, nothing.confidence) == ((), False, 0.0)


def test_reports_a_corrected_question_unless_spelling_is_off(engine: Engine, answerer: Answerer) -> None:
    answer = answerer.ask("How much is a pasport?")
    assert (answer.corrected, answer.rewritten) == ("How much is a passport?", "How much is a passport?")
    assert answer.reason == "its spelling was corrected"
    assert Answerer(engine, 0.0, spelling=False).ask("How much is a pasport?").corrected is None
    assert answerer.ask("How much is a pasport?", spelling=False).corrected is None


@pytest.mark.parametrize(
    "question",
    ["Wie viel kosten die paspport für Kinder und Erwachsene?", "Quels sont les passeports que les adultes montrent ?"],
)
def test_does_not_correct_a_question_in_another_language_than_the_documents(
    engine: Engine, answerer: Answerer, question: str
) -> None:
    assert engine.prepare(question).question != question
    assert answerer.ask(question).corrected is None


def test_searches_an_unsupported_language_by_words(engine: Engine) -> None:
    answer = Answerer(engine, 0.0, languages=("en",)).ask("Сколько стоит passport для взрослых и детей?")
    assert answer.notice is not None
    assert "words alone" in answer.notice
    assert answer.results[0].stored.document.id == "passports"


def test_shows_near_duplicates_once(engine: Engine, answerer: Answerer) -> None:
    copy = Document(text=TEXTS["otters"] + " ", title="Copy", language="en")
    DocumentWriter(engine).put(IncomingDocument("copy", copy))
    found = [result.stored.document.id for result in answerer.ask("Where does the otter live?", 4).results]
    assert len({"otters", "copy"}.intersection(found)) == 1


def test_prefers_the_newer_of_two_near_copies_and_names_both(engine: Engine, answerer: Answerer) -> None:
    writer = DocumentWriter(engine)
    for name, date in (("old", "2024-05-01"), ("new", "2025-05-01"), ("older", "2023-05-01")):
        text = (
            f"The beaver builds a lodge of branches and mud in the {name[0]} pond, and stores food in it for the winter months."
        )
        document = Document(text=text, title="Beavers", language="en", date=date)
        writer.put(IncomingDocument(name, document))
    answer = answerer.ask("What does the beaver build?", 4)
    (result,) = [each for each in answer.results if "beaver" in each.stored.passage.text]
    assert result.stored.document.id == "new"
    assert {document.id for document in result.copies} == {"old", "older"}
    assert answer.quote is not None
    assert answer.quote.stored.document.id == "new"
    assert answer.quote.quoted_text in result.stored.passage.text
    assert {document.id for document in answer.quote.copies} == {"old", "older"}


def test_searches_a_follow_up_with_its_context(answerer: Answerer) -> None:
    history = [Turn("user", "How much does a passport cost?"), Turn("assistant", "A passport costs 82 pounds for adults.")]
    answer = answerer.ask("And for children?", history=history)
    assert answer.rewritten is not None
    assert "passport" in answer.rewritten
    assert answer.results[0].stored.document.id == "passports"


def test_arranges_rankings_in_another_order(engine: Engine) -> None:
    answer = Answerer(engine, 0.0, arrange=lambda ranking: arrange(ranking, Order.DENSE)).ask("trout river")
    assert answer.ranking is not None
    similarities = [candidate.similarity for candidate in answer.ranking.candidates]
    assert similarities == sorted(similarities, reverse=True)


class ReverseReranker:
    """Prefers what the engine ranked last."""

    def scores(self, question: str, texts: Sequence[str]) -> Scores:
        return np.arange(len(texts), dtype=np.float32)


def test_explains_the_rank_that_a_search_gives_with_one_score(open_engine: OpenEngine) -> None:
    question = "Where does the otter live?"
    ranks = []
    for reranker in (None, ReverseReranker()):
        engine = open_engine(reranker)
        results = [result.stored.document.id for result in Answerer(engine, 0.0).ask(question).results]
        explained = "\n".join(why_not(Answerer(engine, 0.0), engine, question, "otters"))
        (rank,) = re.findall(r"rank (\d+) of \d+ candidates", explained)
        assert int(rank) == results.index("otters") + 1
        assert len(re.findall(r"score of", explained)) == 2  # of the document and of the first result
        if rank == "1":
            assert len(set(re.findall(r"score of (\S+?)\.?$", explained, re.MULTILINE))) == 1
        ranks.append(int(rank))
    assert ranks == [1, len(TEXTS)]


def considered(stored: StoredPassage, probability: float, **contributions: float) -> Considered:
    """The first sentence of a passage as a unit."""
    text, start = stored.passage.text.partition(".")[0] + ".", stored.passage.start
    end = start + len(text)
    return Considered(text, start, end, UnitKind.SENTENCE, stored.id, probability, contributions, contributions, reader=1.25)


class ConsideringAnswerer(Answerer):
    """Considers the given units, and quotes the first of them."""

    units: Sequence[Considered] = ()

    def ask(self, *arguments: Any, **options: Any) -> Answer:
        answer = super().ask(*arguments, **options)
        first = self.units[0]
        quotes = [
            Result(result.stored, 1.0, (first.start, first.end), first.text)
            for result in answer.results
            if result.stored.id == first.passage_id
        ]
        return replace(answer, considered=self.units, answers=quotes)


def test_explains_why_the_unit_of_a_found_passage_is_not_quoted(engine: Engine) -> None:
    question = "Where does the otter live?"
    found = {result.stored.document.id: result.stored for result in Answerer(engine, 0.0).ask(question).results}
    answerer = ConsideringAnswerer(engine, 0.0)
    answerer.units = (
        considered(found["otters"], 0.9, words=2.0, rank=-0.5),
        considered(found["herons"], 0.8, words=1.0, rank=-0.5),
    )
    quoted = "\n".join(why_not(answerer, engine, question, "otters"))
    assert "Its best sentence is “The otter lives beside the river.”, with rank 1 of 2 considered" in quoted
    assert quoted.endswith("It is quoted as answer 1 of 1.")
    other = "\n".join(why_not(answerer, engine, question, "herons"))
    assert "with rank 2 of 2 considered and a probability of 0.80; the reading model gave it 1.25." in other
    assert "Another sentence comes first: “The otter lives beside the river.”, with a probability of 0.90." in other
    assert other.endswith("What decided: words +1.00.")
    unread = "\n".join(why_not(answerer, engine, question, "library"))
    assert unread.endswith("Nothing of it was considered for the quote: only the first passages and their neighbours are.")


def test_explains_an_unknown_document_with_an_error(engine: Engine) -> None:
    with pytest.raises(KeyError):
        why_not(Answerer(engine, 0.0), engine, "otter", "unknown")
