"""Which units are quoted, through the answerer, with the default embedding model and a reader that says what the test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from corpus.types import Document
from index.embedded.opening import open_engine_to_write
from index.engine import Engine
from index.types import Embedder, Matrix
from qa.answering.answer import Answer
from qa.answering.answerer import Answerer
from qa.answering.choosing.comparing import COMPARED_UNITS
from qa.answering.reader.windows import UnitReading, Window
from qa.ingest.writer import DocumentWriter, IncomingDocument

GRANT = """The tractor grant helps farms to buy machines.

You can apply if you:

- own a farm of at least 5 hectares
- rent one for three years or longer
- keep sheep on common land

You cannot apply if you already have a grant for a tractor.

The grant pays 40% of the price of a tractor. It pays 60% of the price of a harvester.

Claims close on 4 April 2027.

Farm size | Highest grant
Up to 20 hectares | £12,000
Over 20 hectares | £30,000"""
MILL = """The mill stands on the river Thole. The mill was sold to a brewer. Grinding stopped for good when the weir burst in 1931.
Visitors see the mill on Sundays. Its wheel was restored by volunteers."""
BEES = "Beekeepers get £90 for each hive. Register your hives by 1 June."


class Preferring:
    """A reader that likes the units with a word."""

    def __init__(self, word: str, language: str = "en") -> None:
        self.word, self.language = word, language
        self.windows: list[Window] = []

    def reads(self, language: str) -> bool:
        return language == self.language

    def read(self, question: str, windows: Sequence[Window]) -> list[list[UnitReading]]:
        self.windows += windows
        return [[self._reading(window.text, unit) for unit in window.units] for window in windows]

    def _reading(self, text: str, unit: tuple[int, int]) -> UnitReading:
        place = text.find(self.word, *unit)
        if place < 0:
            return UnitReading(-8.0, 0.0003, unit)
        return UnitReading(8.0, 0.9997, (place, place + len(self.word)))


@pytest.fixture(scope="module")
def engine(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    writer = DocumentWriter(open_engine_to_write(tmp_path_factory.mktemp("grants"), lambda _: ("default", embedder)))
    writer.put(IncomingDocument("grant", Document(text=GRANT, title="Tractor grant", language="en")))
    writer.put(IncomingDocument("bees", Document(text=BEES, title="Grant for beekeepers", language="en")))
    writer.engine.rebuild()
    yield writer.engine
    writer.engine.close()


@pytest.fixture
def ask(engine: Engine) -> Callable[[str], Answer]:
    return lambda question: Answerer(engine, 0.0, read="never").ask(question)


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("How much of a harvester's price does the grant pay?", "It pays 60% of the price of a harvester."),
        ("When do claims for the tractor grant close?", "Claims close on 4 April 2027."),
        ("What is the highest grant for a farm over 20 hectares?", "Over 20 hectares | £30,000"),
        ("How much do beekeepers get for a hive?", "Beekeepers get £90 for each hive."),
    ],
)
def test_quotes_the_sentence_or_row_that_answers(ask: Callable[[str], Answer], question: str, quoted: str) -> None:
    answer = ask(question)
    assert answer.quote is not None
    assert answer.quote.quoted_text == quoted


def test_quotes_a_list_with_its_lead_in(ask: Callable[[str], Answer]) -> None:
    quote = ask("Who can apply for the tractor grant?").quote
    assert quote is not None
    assert quote.quoted_text.startswith("You can apply if you:\n\n- own a farm")
    assert quote.quoted_text.endswith("common land")
    assert GRANT[slice(*quote.quote)] == quote.quoted_text


def test_shows_the_column_heads_beside_a_row(ask: Callable[[str], Answer]) -> None:
    quote = ask("What is the highest grant for a farm over 20 hectares?").quote
    assert quote is not None
    assert quote.lead_in == "Farm size | Highest grant"


def test_names_what_no_document_mentions(ask: Callable[[str], Answer]) -> None:
    assert ask("Can I get the tractor grant in Germany?").missing == ["Germany"]
    assert ask("Can I get the tractor grant for 20 hectares?").missing == []


def test_name_that_is_missing_lowers_the_confidence(ask: Callable[[str], Answer]) -> None:
    assert (
        ask("How much does the tractor grant pay in Germany?").confidence
        < ask("How much does the tractor grant pay?").confidence
    )


@pytest.mark.parametrize(
    ("question", "text", "instead"),
    [
        (
            "How much do beekeepers pay for each hive?",
            "Beekeepers pay a fee for each hive.",
            "Beekeepers pay £9 for each hive.",
        ),
        (
            "How many hives did the village lose in the storm?",
            "The village lost hives in the storm of 12 May.",
            "The village lost 12 hives in the storm.",
        ),
        (
            "How often must a beekeeper inspect the hives?",
            "A beekeeper must inspect the hives for mites.",
            "A beekeeper must inspect the hives every month.",
        ),
        (
            "What is the email address of the hive inspector?",
            "The hive inspector has an email address.",
            "The hive inspector is at hives@example.com.",
        ),
    ],
)
def test_what_a_sentence_lacks_of_the_question_lowers_its_confidence(
    embedder: Embedder, tmp_path: Path, question: str, text: str, instead: str
) -> None:
    writer = DocumentWriter(open_engine_to_write(tmp_path, lambda _: ("default", embedder)))
    reader = Preferring("hive")  # likes both

    def odds(text: str) -> float:
        writer.put(IncomingDocument("hives", Document(text=f"{text}\n\n{GRANT}", title="Hives", language="en")))
        answer = Answerer(writer.engine, 0.0, readers=[reader], read="always").ask(question)
        assert answer.quote is not None
        assert answer.quote.quoted_text == text
        return answer.confidence / (1 - answer.confidence)

    lacking, stating = odds(text), odds(instead)
    writer.engine.close()
    assert lacking < stating / 1.5


def test_reader_decides_and_gives_the_span(engine: Engine) -> None:
    reader = Preferring("already have a grant")
    answer = Answerer(engine, 0.0, readers=[reader], read="always").ask("Can I apply for a second tractor?")
    assert answer.quote is not None
    assert answer.quote.quoted_text == "You cannot apply if you already have a grant for a tractor."
    assert answer.quote.span is not None
    assert GRANT[slice(*answer.quote.span)] == "already have a grant"
    assert answer.considered[0].reader == 8.0
    assert all(window.context.startswith(("Tractor grant", "Grant for beekeepers")) for window in reader.windows)


def test_reader_is_not_asked_if_it_must_not_read(engine: Engine) -> None:
    reader = Preferring("grant")
    answerer = Answerer(engine, 0.0, readers=[reader])
    answerer.ask("Can I apply for a second tractor?", read="never")
    assert reader.windows == []
    answerer.ask("Can I apply for a second tractor?", read="always")
    assert reader.windows


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Can I apply for a second tractor?", "de"),
        ("我可以申请第二台拖拉机的补助吗？", "en"),
        ("Czy mogę dostać dotację na drugi ciągnik?", "en"),
    ],
)
def test_reader_is_not_asked_in_a_language_that_it_was_not_trained_for(engine: Engine, question: str, language: str) -> None:
    reader = Preferring("grant", language)
    answer = Answerer(engine, 0.0, readers=[reader]).ask(question, read="always")
    assert answer.quote is not None
    assert reader.windows == []


def test_the_reader_of_its_language_reads_a_question(engine: Engine) -> None:
    english, german = Preferring("40%"), Preferring("30,000", "de")
    answerer = Answerer(engine, 0.0, readers=[english, german], read="always")
    answerer.ask("Can I apply for a second tractor?")
    assert (bool(english.windows), bool(german.windows)) == (True, False)
    english.windows.clear()
    answerer.ask("Kann ich einen zweiten Traktor beantragen?")
    assert (bool(english.windows), bool(german.windows)) == (False, True)


@pytest.fixture
def mill(embedder: Embedder, tmp_path: Path) -> Iterator[Engine]:
    writer = DocumentWriter(open_engine_to_write(tmp_path, lambda _: ("default", embedder)))
    writer.put(IncomingDocument("mill", Document(text=MILL, title="The old mill", language="en")))
    writer.put(IncomingDocument("bees", Document(text=BEES, title="Grant for beekeepers", language="en")))
    yield writer.engine
    writer.engine.close()


def test_compares_sentences_by_meaning_in_a_language_that_it_does_not_read(
    mill: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded: list[Sequence[str]] = []
    embed = mill.embedder.embed_passages

    def observed(texts: Sequence[str]) -> Matrix:
        embedded.append(texts)
        return embed(texts)

    monkeypatch.setattr(mill.embedder, "embed_passages", observed)
    question, german = "When did the mill cease to work?", Preferring("1931", "de")
    by_words = Answerer(mill, 0.0, readers=[german]).ask(question, read="never")
    by_meaning = Answerer(mill, 0.0, readers=[german]).ask(question, read="always")
    Answerer(mill, 0.0, readers=[Preferring("1931")]).ask(question, read="always")
    Answerer(mill, 0.0, ("fr",), readers=[german]).ask("How many years did it take until the mill was sold?", read="always")
    assert by_words.quote is not None
    assert by_words.quote.quoted_text == "Visitors see the mill on Sundays."
    assert by_meaning.quote is not None
    assert by_meaning.quote.quoted_text == "Grinding stopped for good when the weir burst in 1931."
    assert german.windows == []
    assert len(embedded) == 1, "only where it would read, and the embedding model reads the language"
    assert len(embedded[0]) <= COMPARED_UNITS
    assert "The old mill › Grinding stopped for good when the weir burst in 1931." in embedded[0]


def test_answers_are_from_different_places_and_say_different_things(engine: Engine) -> None:
    answers = (
        Answerer(engine, 0.0, readers=[Preferring("% of the price")], read="always")
        .ask("What share does the grant pay?")
        .answers
    )
    assert 1 <= len(answers) <= 3
    spans = [answer.quote for answer in answers]
    assert len(set(spans)) == len(spans)
    confidences = [answer.confidence for answer in answers]
    assert all(confidence is not None for confidence in confidences)
    assert all(text == text.strip() and not text.endswith(":") for text in (answer.quoted_text for answer in answers))


def test_nothing_is_quoted_from_a_document_of_headings(embedder: Embedder, tmp_path: Path) -> None:
    writer = DocumentWriter(open_engine_to_write(tmp_path, lambda _: ("default", embedder)))
    writer.put(IncomingDocument("contents", Document(text="Tractor grants\n\nWho can apply:", title="Contents", language="en")))
    answer = Answerer(writer.engine, 0.0).ask("Who can apply for tractor grants?")
    writer.engine.close()
    assert (answer.answerable, answer.answers) == (False, ())
    assert answer.results


def test_a_sentence_without_competitors_needs_more_than_that(embedder: Embedder, tmp_path: Path) -> None:
    writer = DocumentWriter(open_engine_to_write(tmp_path, lambda _: ("default", embedder)))
    writer.put(IncomingDocument("refunds", Document(text="Refunds are paid within ten working days.", title="", language="en")))
    writer.engine.rebuild()
    answerer = Answerer(writer.engine, 0.05, read="never")
    assert not answerer.ask("what is the capital of France?").answerable
    assert not answerer.ask("who won the cup in 1974?").answerable
    assert answerer.ask("how long do refunds take?").confidence > 0.8
    writer.engine.close()
