"""Spelling correction through the answerer: what is corrected, and which correct words are left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.types import Document
from index.embedded.opening import open_engine_to_write
from qa.answering.answerer import Answerer
from qa.ingest.writer import DocumentWriter, IncomingDocument
from tests.index.engine.reference import HashingEmbedder

# Words that are near to those of the questions.
TEXTS = (
    "The model is uncased. It summarizes the insurance of the French province during the eastern winter.",
    "The trust delivered 12 points to the onshore grounds, and moved the imperial counsel.",
    "The minimum wage applies to apprenticeships. Benefits for carers are paid on Monday.",
    "Divorce costs 593 pounds. The glucose of the zeppanari is measured in a laboratory.",
)
SPANISH = "La biblioteca abre a las nueve de la mañana y los adultos no pagan nada por entrar en ella."


def open_answerer(folder: Path, documents: list[Document]) -> Iterator[Answerer]:
    writer = DocumentWriter(open_engine_to_write(folder, lambda _: ("hashing", HashingEmbedder())))
    for number, document in enumerate(documents):
        writer.put(IncomingDocument(str(number), document))
    writer.engine.rebuild()
    yield Answerer(writer.engine, 0.0)
    writer.engine.close()


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answerer]:
    yield from open_answerer(tmp_path_factory.mktemp("folder"), [Document(text, "A title", language="en") for text in TEXTS])


@pytest.mark.parametrize(
    "word",
    [
        "uncashed",
        "summarise",
        "intransigence",
        "groynes",
        "mopeds",
        "impartial",
        "winters",
        "inshore",
        "undercounsel",
        "points",
    ],
)
def test_leaves_english_words_that_no_document_contains(answerer: Answerer, word: str) -> None:
    assert answerer.ask(f"What is {word} about?").corrected is None
    assert answerer.ask(word).corrected is None
    assert answerer.ask(word.capitalize()).corrected is None


@pytest.mark.parametrize(
    "question", ["Who was Ferenc?", "Divorcz", "What did Deliverd of Trast buy?", "is APPRENTICESHP a code?"]
)
def test_leaves_names(answerer: Answerer, question: str) -> None:
    assert answerer.ask(question).corrected is None


def test_corrects_a_long_word_with_a_capital_that_is_one_error_from_a_common_word(tmp_path: Path) -> None:
    texts = [f"Chapter {number} is about Alexander in the battle. Longstreet is one of them." for number in range(25)]
    (answerer,) = open_answerer(
        tmp_path, [Document(text, "A title", language="en") for text in [*texts, "A visit to Brinkheim."]]
    )
    assert answerer.ask("Where did Aleander fight?").corrected == "Where did Alexander fight?"
    assert answerer.ask("What did Brinheim build?").corrected is None  # the name is in one passage
    assert answerer.ask("What did Alexandre build?").corrected is None  # another ending


def test_searches_the_nearest_word_as_well_without_a_correction(tmp_path: Path) -> None:
    texts = [f"Chapter {number} says what Longstreet built and sold in a year." for number in range(25)]
    texts.append("Brinkheim was visited by nobody.")
    (answerer,) = open_answerer(tmp_path, [Document(text, f"Title {place}") for place, text in enumerate(texts)])
    answer = answerer.ask("What of Brinheim?")
    assert answer.corrected is None
    assert "Brinkheim" in answer.results[0].stored.passage.text
    assert "Brinkheim" not in answerer.ask("What of Brinheim?", spelling=False).results[0].stored.passage.text


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("apprentships", "apprenticeships"),
        ("minimumwage", "minimum wage"),
        ("eastrn", "eastern"),
    ],
)
def test_searches_the_word_that_may_be_meant_as_well(answerer: Answerer, word: str, meant: str) -> None:
    answer = answerer.ask(f"what about the {word}?")
    assert answer.corrected is None
    assert meant in answer.results[0].stored.passage.text


@pytest.mark.parametrize(("word", "meant"), [("trst", "trust"), ("piad", "paid")])
def test_a_short_word_may_lack_a_letter_or_have_two_swapped(answerer: Answerer, word: str, meant: str) -> None:
    found, plain = scores_of(answerer, word)
    text = next(text for text in found if meant in text)
    assert found[text] > plain[text]


@pytest.mark.parametrize("word", ["Wgae", "wagt", "wges"])
def test_a_short_name_and_a_short_word_with_another_letter_mean_no_other(answerer: Answerer, word: str) -> None:
    found, plain = scores_of(answerer, word)
    assert found == plain


def scores_of(answerer: Answerer, word: str) -> tuple[dict[str, float], dict[str, float]]:
    """The scores of the passages, with what may be meant and without."""
    asked = [answerer.ask(f"what about the {word}?", spelling=spelling) for spelling in (True, False)]
    found, plain = ({each.stored.passage.text: each.score for each in answer.results} for answer in asked)
    return found, plain


@pytest.mark.parametrize("word", ["trst", "zeppanaro", "zepponara"])
def test_leaves_abbreviations_and_other_forms_of_a_term(answerer: Answerer, word: str) -> None:
    assert answerer.ask(f"what about the {word}?").corrected is None


@pytest.mark.parametrize(
    ("question", "corrected"),
    [
        ("Benifits for carers", "Benefits for carers"),
        ("what does a divorse cost?", "what does a divorce cost?"),
        ("how long are aprenticeships?", "how long are apprenticeships?"),
        ("who measures the zeppannari?", "who measures the zeppanari?"),
        ("WHAT DOES A DIVORSE COST?", "WHAT DOES A DIVORCE COST?"),
    ],
)
def test_corrects_misspelt_words(answerer: Answerer, question: str, corrected: str) -> None:
    assert answerer.ask(question).corrected == corrected


def test_leaves_a_question_with_accents_that_seems_to_be_english(tmp_path: Path) -> None:
    text = "The temperature of the turbine is measured at the entrance of Tyne and Wear."
    (answerer,) = open_answerer(tmp_path, [Document(text, "A title", language="en")])
    assert answerer.ask("Temperaturre in Tyne and Wear?").corrected == "Temperature in Tyne and Wear?"
    assert answerer.ask("¿Temperaturre según Tyne and Wear?").corrected is None


def test_a_few_foreign_documents_do_not_make_their_language_the_collections(tmp_path: Path) -> None:
    english = [
        Document(f"{TEXTS[0]} Chapter {number} is about bibliotheca and alteas.", "A title", language="en")
        for number in range(20)
    ]
    question = "¿A qué hora abre la bibliotheka y cuánto pagan los adultos por entrar en ella?"
    for spanish, changes in ((1, False), (20, True)):
        documents = english + [Document(SPANISH, "A title", language="es")] * spanish
        (answerer,) = open_answerer(tmp_path / str(spanish), documents)
        assert (answerer.ask(question).corrected is not None) is changes
