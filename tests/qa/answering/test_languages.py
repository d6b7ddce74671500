"""Documents and questions in several languages: other forms of a question's words are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.types import Document
from qa.answering.answerer import Answerer
from tests.index.text.test_spelling import open_answerer

GERMAN = [
    "Die Häuser am Markt wurden 1720 von Handwerkern gebaut und stehen heute unter Schutz.",
    "Im Sommer fahren viele Schiffe über den See, und die Gäste sitzen in den Gärten am Ufer.",
    "Der Rat der Stadt tagt am ersten Montag des Monats im großen Saal.",
]
ENGLISH = [
    "The council meets on the first Monday of the month in the great hall.",
    "In summer many ships cross the lake, and the guests sit in the gardens on its shore.",
]


def answerer_over(folder: Path, language: str | None, texts: list[str]) -> Answerer:
    documents = [Document(text, "", language=language) for text in texts]
    (answerer,) = open_answerer(folder, documents)
    return answerer


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("de", "Von wem und wann wurde das Haus am Markt gebaut?"),
        (None, "Von wem und wann wurde das Haus am Markt gebaut?"),  # the words tell
        ("de", "Haus Handwerker"),
    ],
)
def test_finds_other_forms_of_the_questions_words(tmp_path: Path, language: str | None, question: str) -> None:
    answer = answerer_over(tmp_path, language, GERMAN).ask(question)
    assert answer.ranking is not None
    assert answer.ranking.language == "de"
    assert {"haus", "handwerk"} & set(answer.ranking.term_weights)
    assert not {"haus", "handwerk"} & set(answer.ranking.absent)
    assert answer.results[0].stored.passage.text == GERMAN[0]


def test_a_few_documents_in_another_language_do_not_change_what_is_found(tmp_path: Path) -> None:
    documents = [Document(text, "", language="de") for text in GERMAN] + [Document(text, "", language="en") for text in ENGLISH]
    (answerer,) = open_answerer(tmp_path, documents)
    for question, language, text in (
        ("When does the council meet in its halls?", "en", ENGLISH[0]),
        ("Wann tagen die Räte einer Stadt?", "de", GERMAN[2]),
        ("Gärten", "de", GERMAN[1]),
        ("Garten", "de", GERMAN[1]),
    ):
        answer = answerer.ask(question)
        assert answer.ranking is not None
        assert answer.ranking.language == language
        assert answer.results[0].stored.passage.text == text
