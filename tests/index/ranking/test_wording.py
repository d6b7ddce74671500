"""A question finds what the text says in other words: dates, numbers and codes, abbreviations, words of like meaning."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from corpus.types import Document
from index.embedded.searcher import Searcher
from index.embedded.segments import generations
from index.embedded.store.store import Store
from index.text.abbreviations import definitions
from index.text.analysis import terms
from index.text.notations import plain_notation
from index.types import Embedder, Ids

OpenStore = Callable[..., Store]
PutDocument = Callable[[Store, str, Document], Ids]

TEXTS = {
    "treaty": "The treaty was signed on 21/07/2025 in the old town hall.",
    "later treaty": "The treaty was signed on 22/07/2025 in the old town hall.",
    "grant": "A grant of £1,250,000 is paid to the museum.",
    "form": "Send form SA 100 to the office before the end of January.",
    "leaving": "The P45 is handed over on the last working day.",
    "sick pay": "Statutory Sick Pay (SSP) exists for employees.",
    "sick pay weeks": "SSP stops after twenty-eight weeks.",
    "rules": "The rules for market stalls are printed on the back.",
    "weather": "Rain is expected in the north, sunshine in the south.",
}


@pytest.fixture(scope="module")
def by_words(
    embedder: Embedder, put_document: PutDocument, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, float]]:
    """Asks a question: the documents that have anything of its words, with their share of the best BM25, best first."""
    from index.embedded.store.database import Database

    folder = tmp_path_factory.mktemp("wording")
    store = Store(Database(folder, create=True))
    for name, text in TEXTS.items():
        put_document(store, name, Document(text=text, title=""))
    searcher = Searcher(
        store, embedder, generations.build(folder / "generations", store, embedder.fingerprint, embedder.dimension)
    )

    def ask(question: str) -> dict[str, float]:
        shares = {c.passage_id: c.lexical for c in searcher.search(question).candidates if c.lexical > 0}
        found = {stored.document.id: shares[stored.id] for stored in store.passages(list(shares))}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    return ask


@pytest.mark.parametrize(
    "date", ["21 July 2025", "July 21st, 2025", "21st of July 2025", "2025-07-21", "21.7.2025", "07/21/2025"]
)
def test_a_date_is_found_however_it_is_written(by_words: Callable[[str], dict[str, float]], date: str) -> None:
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
        ("SSP", "sick pay weeks"),
        ("statutory sick pay", "sick pay weeks"),
        ("regulations", "rules"),
    ],
)
def test_numbers_codes_short_forms_and_words_of_like_meaning_are_found(
    by_words: Callable[[str], dict[str, float]], question: str, document: str
) -> None:
    assert document in by_words(question)
    assert "weather" not in by_words(question)


def test_what_was_asked_for_itself_counts_more_than_what_is_said_instead(by_words: Callable[[str], dict[str, float]]) -> None:
    assert next(iter(by_words("statutory sick pay"))) == "sick pay"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("on 5 Sept 1999", "on 05 September 1999"),
        ("version 1.2.3 of 45/45/2020", "version 1.2.3 of 45/45/2020"),
        ("May 5", "05 May"),
        ("10,5 and 1,000", "10,5 and 1,000 1000"),
        ("COVID-19 in 2020-21", "COVID-19 COVID19 in 2020-21"),
        ("no digits", "no digits"),
    ],
)
def test_what_is_written_in_another_way_is_told_from_what_only_looks_like_it(text: str, plain: str) -> None:
    assert plain_notation(text) == plain


def test_a_long_text_is_read_as_its_parts_are() -> None:
    parts = [
        "paid on 21/07/2025 at noon" + " and so on" * 9,
        "it costs £1,250 and more" + " or less" * 9,
        "send SA 100 by post",
    ]
    assert terms(" ".join(parts)) == [term for part in parts for term in terms(part)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("HM Revenue and Customs (HMRC) collects", [("HMRC", "HM Revenue and Customs")]),
        ("a Memorandum of Understanding (opens in a new window) (MOU)", [("MOU", "Memorandum of Understanding")]),
        ("of the B cell receptor (BCR) and", [("BCR", "B cell receptor")]),
        ("the answer (NO)", []),
        ("(HMRC)", []),
    ],
)
def test_abbreviations_are_taken_from_where_they_are_explained(text: str, found: list[tuple[str, str]]) -> None:
    assert list(definitions(text)) == found


def test_the_models_related_words_are_of_like_meaning_and_no_other_forms_of_the_word(embedder: Embedder) -> None:
    assert "rules" in dict(embedder.related_words("regulations"))
    assert not {"regulation", "regulate"} & set(dict(embedder.related_words("regulations")))
    assert list(embedder.related_words("qwertyuiop")) == []
