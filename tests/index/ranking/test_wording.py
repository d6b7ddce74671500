"""Questions find other wordings: dates, numbers and codes in other notations, and related words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from corpus.types import Document
from index.embedded.searcher import Searcher
from index.embedded.segments import generations
from index.embedded.store.store import Store
from index.text.analysis import terms
from index.text.notations import normalize_notation
from index.types import Embedder, Ids
from tests.index.searching import search

OpenStore = Callable[..., Store]
PutDocument = Callable[[Store, str, Document], Ids]

TEXTS = {
    "treaty": "The treaty was signed on 21/07/2025 in the old town hall.",
    "later treaty": "The treaty was signed on 22/07/2025 in the old town hall.",
    "grant": "A grant of £1,250,000 is paid to the museum.",
    "form": "Send form SA 100 to the office before the end of January.",
    "leaving": "The P45 is handed over on the last working day.",
    "rules": "The rules for market stalls are printed on the back.",
    "weather": "Rain is expected in the north, sunshine in the south.",
}


@pytest.fixture(scope="module")
def by_words(
    embedder: Embedder, put_document: PutDocument, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, float]]:
    """Ask a question: the documents that share its words, with their BM25 shares, best first."""
    from index.embedded.store.database import Database

    folder = tmp_path_factory.mktemp("wording")
    store = Store(Database(folder, create=True))
    for name, text in TEXTS.items():
        put_document(store, name, Document(text=text, title=""))
    searcher = Searcher(
        store, embedder, generations.build(folder / "generations", store, embedder.fingerprint, embedder.dimension)
    )

    def ask(question: str) -> dict[str, float]:
        shares = {c.passage_id: c.lexical for c in search(searcher, question).candidates if c.lexical > 0}
        found = {stored.document.id: shares[stored.id] for stored in store.passages(list(shares))}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    return ask


@pytest.mark.parametrize(
    "date", ["21 July 2025", "July 21st, 2025", "21st of July 2025", "2025-07-21", "21.7.2025", "07/21/2025"]
)
def test_dates_are_found_in_any_notation(by_words: Callable[[str], dict[str, float]], date: str) -> None:
    found = by_words(date)
    assert next(iter(found)) == "treaty"
    assert found["treaty"] > 1.3 * found["later treaty"]


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("1250000", "grant"),
        ("SA100", "form"),
        ("sa100", "form"),
        ("P 45", "leaving"),
        ("regulations", "rules"),
    ],
)
def test_numbers_codes_and_related_words_are_found(
    by_words: Callable[[str], dict[str, float]], question: str, document: str
) -> None:
    assert document in by_words(question)
    assert "weather" not in by_words(question)


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("on 5 Sept 1999", "on 05 September 1999"),
        ("version 1.2.3 of 45/45/2020", "version 1.2.3 of 45/45/2020"),
        ("May 5", "05 May"),
        ("10,5 and 1,000", "10,5 and 1,000 1000"),
        ("COVID-19 in 2020-21", "COVID-19 COVID19 in 2020-21"),
        ("no digits", "no digits"),
    ],
)
def test_only_dates_numbers_and_codes_are_normalized(text: str, normalized: str) -> None:
    assert normalize_notation(text) == normalized


def test_long_text_has_the_terms_of_its_parts() -> None:
    parts = [
        "paid on 21/07/2025 at noon" + " and so on" * 9,
        "it costs £1,250 and more" + " or less" * 9,
        "send SA 100 by post",
    ]
    assert terms(" ".join(parts)) == [term for part in parts for term in terms(part)]


def test_related_words_exclude_other_forms_of_the_word(embedder: Embedder) -> None:
    assert "rules" in dict(embedder.related_words("regulations"))
    assert not {"regulation", "regulate"} & set(dict(embedder.related_words("regulations")))
    assert list(embedder.related_words("qwertyuiop")) == []
