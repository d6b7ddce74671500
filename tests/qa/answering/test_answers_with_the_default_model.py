"""Confidence and rewriting with the default model, over an engine without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpus.splitting.passages import split
from corpus.types import Document
from index.embedded.opening import open_engine_to_write
from index.engine import Engine
from index.types import Embedder
from qa.answering.answer import Answer
from qa.answering.answerer import Answerer
from qa.answering.calibration import Calibration
from qa.answering.confidence import LIKELY_CONFIDENCE
from qa.answering.question.turn import Turn

DOCUMENTS = {
    "passports": ("Passports", "An adult passport costs £82.80. A child’s passport costs £53.50. Apply online or by post."),
    "bins": ("Rubbish", "Garden waste is collected on Tuesdays. Put paper and cardboard into the blue bin."),
    "library": ("Library", "The library in Mill Lane opens at nine. Membership is free for residents of the borough."),
}
THRESHOLD = 0.1
FOREIGN = "Who painted the Mona Lisa?"

OpenEngine = Callable[[Path], Engine]


@pytest.fixture(scope="module")
def open_engine(embedder: Embedder) -> OpenEngine:
    return lambda folder: open_engine_to_write(folder, lambda stored: ("default", embedder))


@pytest.fixture(scope="module")
def engine(open_engine: OpenEngine, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_engine(tmp_path_factory.mktemp("engine"))
    for document_id, (title, text) in DOCUMENTS.items():
        document = Document(text, title, id=document_id)
        passages = split(document, embedder, embedder.max_tokens)
        vectors = embedder.embed_passages([passage.searchable_text for passage in passages])
        engine.put(document_id, document, passages, vectors)
    engine.rebuild()  # the spelling vocabulary comes from the index
    yield engine
    engine.close()


@pytest.fixture
def answerer(engine: Engine) -> Answerer:
    return Answerer(engine, THRESHOLD, ["en"])


def ids(answer: Answer) -> list[str]:
    return [result.stored.document.id for result in answer.results]


def test_shows_the_nearest_passages_of_a_refused_question(answerer: Answerer) -> None:
    answer = answerer.ask(FOREIGN)
    assert not answer.answerable
    assert answer.quote is None
    assert answer.results
    assert answer.confidence < THRESHOLD


def test_an_empty_engine_answers_nothing(open_engine: OpenEngine, tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    answer = Answerer(engine, 0.0).ask(FOREIGN)
    engine.close()
    assert (answer.results, answer.answerable, answer.quote) == ((), False, None)


def test_threshold_and_calibration_decide_what_is_answerable(engine: Engine) -> None:
    question = "When is garden waste collected?"
    shipped = Answerer(engine, THRESHOLD).ask(question)
    assert not Answerer(engine, 1.0).ask(question).answerable
    assert Answerer(engine, 0.0).ask(FOREIGN).answerable
    lowered = Answerer(engine, THRESHOLD, calibration=Calibration(intercept=-3.0, slope=1.0, questions=20)).ask(question)
    assert lowered.confidence < shipped.confidence
    assert ids(lowered) == ids(shipped)


def test_strips_courtesies_and_corrects_spelling(answerer: Answerer) -> None:
    greeting = answerer.ask("Hello, when is garden waste collected?")
    assert greeting.rewritten == "when is garden waste collected?"
    assert greeting.reason == "greetings and thanks were removed"
    typo = answerer.ask("How much is a pasport for a child?")
    assert typo.corrected == typo.rewritten == "How much is a passport for a child?"
    assert typo.reason == "its spelling was corrected"


def test_reads_a_word_that_may_be_misspelt_as_it_is_meant(answerer: Answerer) -> None:
    """Six letters are too few for a sure misspelling: the question stays, but the quote and its confidence are those of the word."""
    meant = answerer.ask("When does the library open?")
    asked = answerer.ask("When does the libary open?")
    assert asked.corrected is None
    assert asked.quote is not None
    assert meant.quote is not None
    assert asked.quote.quoted_text == meant.quote.quoted_text
    assert asked.confidence == pytest.approx(meant.confidence, abs=0.1)


def test_an_answer_about_another_name_is_not_called_likely(answerer: Answerer) -> None:
    assert answerer.ask("When does the library in Mill Lane open?").confidence > LIKELY_CONFIDENCE
    asked = answerer.ask("When does the library in Milll Lane open?")
    assert THRESHOLD < asked.confidence < LIKELY_CONFIDENCE
    assert asked.missing == ["Milll"]


def test_completes_a_question_from_its_history(answerer: Answerer) -> None:
    history = [Turn("user", "When does the library open?")]
    answer = answerer.ask("And in Mill Lane?", history=history)
    assert answer.rewritten == "When does the library open in Mill Lane?"
    assert ids(answer)[0] == "library"
    assert answer.confidence > answerer.ask("And in Mill Lane?").confidence
