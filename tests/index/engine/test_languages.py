"""Every engine finds other forms of a word in the language of a document."""

from __future__ import annotations

from dataclasses import replace

import pytest

from corpus.types import Document
from index.engine import Engine
from index.filters import Comparison
from index.ranking.query import PreparedQuery
from tests.index.engine.test_engine_contract import EMBEDDER, assert_same_ranking, filled, found, passages_of, put


@pytest.mark.parametrize(
    ("language", "text", "languages", "question"),
    [
        ("de", "Die Häuser am Markt sind alt", ("de",), "Welchen Häusern?"),
        ("es", "Las bibliotecas nacionales", ("es",), "¿Qué biblioteca?"),
        ("ar", "قرأ الطالب الكتاب في المدرسة", ("ar",), "كتابها"),
        ("de", "Die Häuser am Markt sind alt", ("en", "de"), "Häusern"),
        (None, "Las bibliotecas nacionales de la ciudad son de los lectores", ("es", "en"), "¿Qué biblioteca?"),
    ],
)
def test_finds_other_forms_of_a_word_in_the_language_of_the_document(
    engine: Engine, language: str | None, text: str, languages: tuple[str, ...], question: str
) -> None:
    reference = filled(engine)
    own = Document(text, "", id="own", language=language)
    put(engine, own)
    reference.put(own, passages_of(own), EMBEDDER.embed_passages([text]), None)
    for _ in range(2):  # the second time from the rebuilt index
        query = engine.prepare(question, languages, spelling=False)
        assert_same_ranking(found(engine, engine.search(query)), reference.search(query))
        assert share_of("own", engine, query) > 0
        assert share_of("own", engine, replace(query, languages=("en",))) == 0
        engine.rebuild()


def share_of(document_id: str, engine: Engine, query: PreparedQuery) -> float:
    """The BM25 share of a document with one passage."""
    (candidate,) = engine.search(query, Comparison("eq", "id", document_id)).candidates
    return candidate.lexical
