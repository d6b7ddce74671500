"""PDF: text, pages, headings, metadata and unreadable files."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest

from corpus.readers import read
from corpus.types import Document, ReadError, page_at
from tests.corpus.readers.pdf_lines import LEFT, RIGHT, TWO_COLUMNS, text_lines

Reading = Callable[[bytes, str], Document]
MakePdf = Callable[..., bytes]

PAGES = [
    [
        (20, 760, "Annual report"),
        (10, 720, "The first line of a paragraph"),
        (10, 708, "goes on here."),
        (10, 680, "Another one."),
    ],
    [(15, 760, "Costs"), (10, 730, "They rose.")],
]


def test_reads_pages_in_order_with_headings_by_size(document: Reading, make_pdf: MakePdf) -> None:
    found = document(make_pdf(PAGES), "report.pdf")
    assert found.text == ("Annual report\n\nThe first line of a paragraph goes on here.\n\nAnother one.\n\nCosts\n\nThey rose.")
    assert [(each.level, each.title) for each in found.headings] == [(1, "Annual report"), (2, "Costs")]
    assert page_at(found.pages, found.text.index("Another")) == 1
    assert page_at(found.pages, found.text.index("Costs")) == 2


def test_title_and_creation_from_metadata(document: Reading, make_pdf: MakePdf) -> None:
    found = document(make_pdf(PAGES, title="Report 2024", date="D:20240305120000Z"), "x.pdf")
    assert (found.title, found.date, found.type) == ("Report 2024", None, "pdf")
    assert found.metadata == {"created": "2024-03-05"}


def test_counts_pages_with_drawings_but_without_text(document: Reading, make_pdf: MakePdf) -> None:
    found = document(make_pdf([[], PAGES[0], []], stream=zlib.compress(b"0 0 100 100 re f")), "x.pdf")
    assert found.metadata == {"pages_without_text": 1}
    assert len(found.pages) == 3
    assert page_at(found.pages, 0) == 2


def test_scanned_file_needs_ocr(make_pdf: MakePdf) -> None:
    with pytest.raises(ReadError, match="2 pages without text, probably scanned"):
        list(read(make_pdf([[], []]), "scan.pdf"))


def test_truncated_file_is_damaged(make_pdf: MakePdf) -> None:
    with pytest.raises(ReadError, match=r"damaged|no text"):
        list(read(make_pdf(PAGES)[:300], "x.pdf"))


def test_encrypted_file_needs_a_password() -> None:
    reportlab = pytest.importorskip("reportlab.pdfgen.canvas")
    import io

    buffer = io.BytesIO()
    canvas = reportlab.Canvas(buffer, encrypt="secret")
    canvas.drawString(72, 700, "Words")
    canvas.save()
    with pytest.raises(ReadError, match="password"):
        list(read(buffer.getvalue(), "x.pdf"))


def test_lines_of_a_paragraph_are_joined_and_short_ones_are_kept(document: Reading, make_pdf: MakePdf) -> None:
    address = ["The Grants Office", "1 High Street", "Leeds"]
    prose = ["We pay for machines that farmers need for their work with wheat, oats", "and barley. Write to us at:", *address]
    assert document(make_pdf([text_lines(prose)]), "x.pdf").text == " ".join(prose[:2]) + "\n" + "\n".join(address)


def test_lines_of_code_and_list_items_are_kept(document: Reading, make_pdf: MakePdf) -> None:
    code = ["for each line in the text of this file", "exit"]
    items = ["1. Fill in the form that we sent to you with the", "first letter.", "2. Send it to us."]
    found = document(make_pdf([[*text_lines(code, 700, font="F3"), *text_lines(items, 600)]]), "x.pdf")
    assert found.text == "\n".join(code) + "\n\n" + f"{items[0]} {items[1]}\n{items[2]}"


def test_a_hyphen_at_a_line_end_is_kept_unless_the_joined_word_is_known(document: Reading, make_pdf: MakePdf) -> None:
    lines = [
        "This was not seen in any of the tumours that are oestrogen-",
        "dependent, and the zorbl of the patients was quickly impor-",
        "tant for them. Their zor-",
        "bl was found later, and the oestrogen was measured.",
    ]
    text = document(make_pdf([text_lines(lines)]), "x.pdf").text
    assert "oestrogen-dependent, and" in text
    assert "quickly important for them" in text
    assert "Their zorbl was" in text


def test_headers_footers_and_page_numbers_that_repeat_are_left_out(document: Reading, make_pdf: MakePdf) -> None:
    words = ["barley", "wheat", "oats", "rye"]
    pages = [
        [
            (9, 810, "Annual report 2024"),
            *text_lines([f"We bought {word} in May.", f"Then we sold the {word}."]),
            (9, 30, f"{n} of 4"),
        ]
        for n, word in enumerate(words, 1)
    ]
    found = document(make_pdf(pages), "x.pdf")
    assert found.text == "\n\n".join(f"We bought {word} in May. Then we sold the {word}." for word in words)
    assert len(found.pages) == 4


def test_columns_are_read_one_after_the_other(document: Reading, make_pdf: MakePdf) -> None:
    assert document(make_pdf([TWO_COLUMNS]), "x.pdf").text == " ".join(LEFT) + "\n\n" + " ".join(RIGHT)


@pytest.mark.parametrize("by_column", [False, True])
def test_tables_are_found_by_the_alignment_of_their_cells(document: Reading, make_pdf: MakePdf, by_column: bool) -> None:
    cells = [["Type of passport", "Adults", "Children"], ["New", "£88.50", "£57.50"], ["Lost or stolen", "£94", "£60"]]
    placed = [(10, 700 - 20 * row, cells[row][column], 72 + 120 * column) for row in range(3) for column in range(3)]
    if by_column:
        placed.sort(key=lambda cell: cell[3])
    found = document(make_pdf([[(10, 760, "What you pay:"), *placed, (10, 600, "Pay by card.")]]), "x.pdf")
    assert found.text == (
        "What you pay:\n\nType of passport | Adults | Children\nNew | £88.50 | £57.50\nLost or stolen | £94 | £60\n\nPay by card."
    )
    (table,) = found.tables
    assert found.text[table.start : table.head_end] == "Type of passport | Adults | Children"


def test_bold_lines_are_headings(document: Reading, make_pdf: MakePdf) -> None:
    body = ["You can apply from May, and we pay at once.", "Nobody needs to wait for long."]
    page = [*text_lines(["Who can apply"], 730, font="F2"), *text_lines(body, 716)]
    found = document(make_pdf([page]), "x.pdf")
    assert [heading.title for heading in found.headings] == ["Who can apply"]
    assert found.text == "Who can apply\n\n" + " ".join(body)


def test_lam_and_alef_are_in_the_order_in_which_they_are_read(document: Reading, make_pdf: MakePdf) -> None:
    # Drawn from left to right, so reversed: alef, and the ligature of lam and alef as alef and lam.
    found = document(make_pdf([[(10, 700, "nmlba", 72, "F4")]]), "x.pdf")
    assert found.text == "\u0627\u0644\u0623\u0645\u0646"
