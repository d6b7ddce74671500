"""Passages are verbatim, do not overlap, cover the text, and respect headings and the token budget."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.press_release import press_release
from corpus.splitting.passages import split
from corpus.types import Document, Heading, Passage, Table
from index.types import Embedder
from tests.examples import examples

SENTENCES = (
    "the memorandum was signed by Dr. Smith e.g. in 2025. It works! Why? 这是一句。 यह है। supercalifragilistic £1,250.00 - | :"
)
WORDS = st.sampled_from([*SENTENCES.split(), "\n", "\n\n", ":\n\n"])
PROSE = st.lists(WORDS, max_size=120).map(" ".join)
BODIES = st.one_of(st.text(max_size=300), PROSE)
TITLES = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=60)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\n\r|"), max_size=30).map(str.strip)


@st.composite
def table_texts(draw: st.DrawFn) -> list[str]:
    """Lines of a table with column heads and one or more rows."""
    columns = draw(st.integers(2, 6))
    rows = draw(st.lists(st.lists(CELLS, min_size=columns, max_size=columns), min_size=2, max_size=5))
    return [" | ".join([f"c{number}", *row]) for number, row in enumerate(rows)]


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Arbitrary text with arbitrary headings."""
    text, headings, tables = draw(BODIES), [], []
    for _ in range(draw(st.integers(0, 5))):
        title = draw(TITLES)
        start = len(text)
        text += title
        headings.append(Heading(start, len(text), draw(st.integers(1, 6)), title.strip(), draw(st.none() | st.just("anchor"))))
        text += draw(st.sampled_from(["\n", "\n\n", ""])) + draw(BODIES)
        if draw(st.booleans()):
            lines = draw(table_texts())
            start = len(text) + 2
            text += "\n\n" + "\n".join(lines)
            tables.append(Table(start, start + len(lines[0]), len(text), draw(st.sampled_from(["", "Table 1"]))))
            text += "\n\n"
    pages = sorted(draw(st.sets(st.integers(0, max(len(text) - 1, 0)), max_size=3)) | {0}) if draw(st.booleans()) else []
    return Document(text=text, title=draw(TITLES), headings=tuple(headings), pages=tuple(pages), tables=tuple(tables))


def outside_headings(document: Document) -> str:
    """The text without its heading lines and column heads."""
    kept, position = [], 0
    left_out = [(heading.start, heading.end) for heading in document.headings]
    left_out += [(table.start, table.head_end) for table in document.tables]
    for start, end in sorted(left_out):
        kept.append(document.text[position:start])
        position = end
    return "".join([*kept, document.text[position:]])


def without_white_space(text: str) -> str:
    return "".join(text.split())


def words_for(tokenizer: Embedder, count: int) -> str:
    """A sentence of exactly `count` tokens including its full stop."""
    sentence = "Aid " + "word " * (count - 3) + "word."
    assert tokenizer.count_tokens([sentence]) == [count]
    return sentence


@given(document=documents(), budget=st.integers(8, 300))
def test_offsets_recover_every_passage(embedder: Embedder, document: Document, budget: int) -> None:
    for passage in split(document, embedder, budget):
        assert document.text[passage.start : passage.end] == passage.text
        assert passage.text.strip() == passage.text != ""


@given(document=documents(), budget=st.integers(8, 300))
def test_passages_do_not_overlap_and_cover_the_text(embedder: Embedder, document: Document, budget: int) -> None:
    passages = split(document, embedder, budget)
    assert all(one.end <= following.start for one, following in pairwise(passages))
    held = without_white_space("".join(passage.text for passage in passages))
    body = without_white_space(outside_headings(document))
    # The passages of a document of headings only are its headings. The bars between the parts of a wide row are in no passage.
    assert held.replace("|", "") == (body or without_white_space(document.text)).replace("|", "")


@given(document=documents(), budget=st.integers(8, 300))
def test_no_passage_crosses_a_heading(embedder: Embedder, document: Document, budget: int) -> None:
    if not outside_headings(document).strip():
        return
    for passage in split(document, embedder, budget):
        assert not any(passage.start < heading.end and heading.start < passage.end for heading in document.headings)
        above = [heading for heading in document.headings if heading.end <= passage.start]
        assert above or not passage.headings


@given(document=documents(), budget=st.integers(8, 300))
@examples(300)
def test_searchable_text_fits_the_budget(embedder: Embedder, document: Document, budget: int) -> None:
    passages = split(document, embedder, budget)
    lengths = embedder.count_tokens([passage.searchable_text for passage in passages]) if passages else []
    for passage, length in zip(passages, lengths, strict=True):
        # A single character may have more tokens than the budget.
        assert length <= budget or len(passage.text) < 2, (length, passage)


def test_long_paragraphs_and_words_are_cut_to_the_budget(embedder: Embedder) -> None:
    paragraph = " ".join(f"Sentence number {number} says that item {number} of the list was agreed." for number in range(200))
    headings = "A heading that is rather long and goes on\n\n"
    document = Document(
        text=headings + paragraph + "\n\n" + "x" * 3000 + "\n\n" + "字" * 3000,
        title="A title " * 100,
        headings=(Heading(0, len(headings) - 2, 1, headings.strip()),),
    )
    passages = split(document, embedder, embedder.max_tokens)
    assert max(embedder.count_tokens([passage.searchable_text for passage in passages])) <= embedder.max_tokens
    assert without_white_space("".join(p.text for p in passages)) == without_white_space(document.text[len(headings) :])


def test_passages_begin_and_end_where_sentences_do(embedder: Embedder) -> None:
    text = " ".join(f"This is what Dr. Smith said about item {number} on the list of No. 10." for number in range(80))
    passages = split(Document(text=text, title="Minutes"), embedder, embedder.max_tokens)
    assert len(passages) > 3
    for passage in passages:
        assert passage.text.startswith("This is what")
        assert passage.text.endswith("No. 10.")


def test_lead_in_stays_with_its_list(embedder: Embedder) -> None:
    before = words_for(embedder, 120)
    text = f"{before}\n\nIt includes commitments to explore:\n\n{words_for(embedder, 60)}\n\n{words_for(embedder, 60)}"
    (introducing,) = [p for p in split(Document(text=text, title=""), embedder, 254) if "to explore:" in p.text]
    assert not introducing.text.endswith("to explore:")


def test_no_passage_of_the_press_release_ends_in_a_colon(embedder: Embedder) -> None:
    passages = split(press_release(), embedder, embedder.max_tokens)
    assert len(passages) > 5
    assert not any(passage.text.endswith(":") for passage in passages)


def test_passage_has_heading_path_page_and_anchor(embedder: Embedder) -> None:
    text = "Before.\n# Fees\nTop.\n## Adults\nDeep.\n### Notes\nDeepest.\n# Dates\nLast."
    found = [
        Heading(8, 14, 1, "Fees", "fees"),
        Heading(20, 29, 2, "Adults", "adults"),
        Heading(36, 45, 3, "Notes"),
        Heading(55, 62, 1, "Dates"),
    ]
    assert [text[heading.start : heading.end] for heading in found] == ["# Fees", "## Adults", "### Notes", "# Dates"]
    document = Document(text=text, title="Passports", headings=tuple(found), pages=(0, 20, 55))

    def facts(passage: Passage) -> tuple[object, ...]:
        return passage.text, passage.headings, passage.searchable_text, passage.page, passage.anchor

    assert [facts(passage) for passage in split(document, embedder, 254)] == [
        ("Before.", (), "Passports › Before.", 1, None),
        ("Top.", ("Fees",), "Passports › Fees › Top.", 1, "fees"),
        ("Deep.", ("Fees", "Adults"), "Passports › Fees › Adults › Deep.", 2, "adults"),
        ("Deepest.", ("Fees", "Adults", "Notes"), "Passports › Fees › Adults › Notes › Deepest.", 2, "adults"),
        ("Last.", ("Dates",), "Passports › Dates › Last.", 3, None),
    ]


def test_document_of_headings_only_is_not_empty(embedder: Embedder) -> None:
    document = Document(text="Fees", title="Fees", headings=(Heading(0, 4, 1, "Fees"),))
    assert [passage.text for passage in split(document, embedder, 254)] == ["Fees"]


def test_document_without_text_has_no_passages(embedder: Embedder) -> None:
    assert split(Document(text=" \n\n\t", title="Nothing"), embedder, 254) == []


def test_rejects_a_budget_below_eight(embedder: Embedder) -> None:
    with pytest.raises(ValueError, match="7"):
        split(Document(text="Some text.", title=""), embedder, 7)


def test_a_row_is_a_passage_with_caption_and_column_heads(embedder: Embedder) -> None:
    before, table, after = "Fees rose.\n\nWhat you pay:\n\n", "Type | Fee\nNew | £10\nOld |  | £5", "\n\nPay by card."
    found = Table(len(before), len(before) + len("Type | Fee"), len(before) + len(table))
    passages = split(Document(text=before + table + after, title="Passports", tables=(found,)), embedder, 254)
    assert [(passage.headings, passage.text) for passage in passages] == [
        ((), "Fees rose.\n\nWhat you pay:"),
        (("What you pay:", "Type | Fee"), "New | £10"),
        (("What you pay:", "Type | Fee"), "Old |  | £5"),
        ((), "Pay by card."),
    ]
    assert passages[1].searchable_text == "Passports › What you pay: › Type | Fee › New | £10"


def test_column_heads_of_several_lines_are_joined(embedder: Embedder) -> None:
    text = "| Adults | Children\nYear | paying | free\n2024 | 10 | 20"
    table = Table(0, text.index("\n2024"), len(text))
    (passage,) = split(Document(text=text, title="", tables=(table,)), embedder, 254)
    assert (passage.headings, passage.text) == (("Year | Adults paying | Children free",), "2024 | 10 | 20")


@pytest.mark.parametrize(
    ("heads", "row"),
    [
        ("| Type | Fee |\n|:---|---:|", "| New \\| old | £10 |"),
        ("Type|Fee\n---|---", "New|£10"),
        ("|Type|Fee|\n|-|-|", "|New|"),
    ],
)
def test_rows_of_markdown_have_the_column_heads_without_bars_and_dashes(embedder: Embedder, heads: str, row: str) -> None:
    text = f"{heads}\n{row}"
    (passage,) = split(Document(text=text, title="", tables=(Table(0, len(heads), len(text)),)), embedder, 254)
    assert (passage.headings, passage.text) == (("Type | Fee",), row)


def test_a_wide_table_is_cut_between_columns(embedder: Embedder) -> None:
    names = [f"measurement number {number} in millimetres" for number in range(60)]
    row = ["Station Pole", *(f"{number}.5" for number in range(59))]
    text = " | ".join(names) + "\n" + " | ".join(row)
    passages = split(Document(text=text, title="", tables=(Table(0, text.index("\n"), len(text)),)), embedder, 254)
    assert len(passages) > 2
    for passage in passages[1:]:
        label, heads = passage.headings
        assert label == "Station Pole"
        assert [int(cell.partition(".")[0]) + 1 for cell in passage.text.split(" | ")] == [
            int(head.split()[2]) for head in heads.split(" | ")
        ]
