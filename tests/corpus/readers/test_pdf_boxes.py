"""Boxes of quoted words on a PDF page: PDFium's own text inside them is the quote, whatever the reader made of the lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from ctypes import byref, c_double, c_int

import pypdfium2
import pytest
from pypdfium2 import raw

from corpus.readers.pdf.page_view import PageView, draw_page, view_page
from corpus.types import Document, ReadError, page_at
from tests.corpus.readers.pdf_lines import RIGHT, TWO_COLUMNS, text_lines

Reading = Callable[[bytes, str], Document]
MakePdf = Callable[..., bytes]


@pytest.fixture
def boxed(document: Reading) -> Callable[..., list[str]]:
    """PDFium's text inside each box of a quote of a file."""

    def find(data: bytes, quote: str, place: int = 0) -> list[str]:
        found = document(data, "x.pdf")
        start = [match.start() for match in re.finditer(re.escape(quote), found.text)][place]
        number = page_at(found.pages, start) or 1
        begin, end = (*found.pages, len(found.text))[number - 1 : number + 1]
        view = view_page(data, "x.pdf", number, found.text[begin:end], (start - begin, start - begin + len(quote)))
        return inside(data, number, view)

    return find


def inside(data: bytes, number: int, view: PageView) -> list[str]:
    with pypdfium2.PdfDocument(data) as pdf:
        page = pdf[number - 1]
        text_page = page.get_textpage()
        texts = ["" for _ in view.boxes]
        edges = [c_double() for _ in range(4)]
        x, y = c_int(), c_int()
        for index in range(text_page.count_chars()):
            raw.FPDFText_GetCharBox(text_page.raw, index, *map(byref, edges))
            left, right, bottom, top = (edge.value for edge in edges)
            raw.FPDF_PageToDevice(
                page.raw, 0, 0, view.width, view.height, 0, (left + right) / 2, (top + bottom) / 2, byref(x), byref(y)
            )
            for place, box in enumerate(view.boxes):
                if box[0] <= x.value <= box[2] and box[1] <= y.value <= box[3]:
                    texts[place] += chr(raw.FPDFText_GetUnicode(text_page.raw, index))
    return [re.sub(r"[\s\ufffe\x02]+", " ", text).strip() for text in texts]


def test_a_sentence_has_a_box_on_each_of_its_lines(make_pdf: MakePdf, boxed: Callable[..., list[str]]) -> None:
    lines = [
        "We pay for machines that farmers need. The rest (also of barley) is not paid",
        "for by us, and others pay nothing.",
    ]
    pdf = make_pdf([text_lines(lines)])
    assert boxed(pdf, "The rest (also of barley) is not paid for by us") == [
        "The rest (also of barley) is not paid",
        "for by us",
    ]
    assert boxed(pdf, "for by us, and others pay nothing.") == [lines[1]]
    assert boxed(pdf, "pay nothing.") == ["pay nothing."]


def test_words_divided_at_a_line_end_are_boxed_on_both_lines(make_pdf: MakePdf, boxed: Callable[..., list[str]]) -> None:
    lines = [
        "This was not seen in any tumours that are oestrogen-",
        "dependent, and the mice were quickly impor-",
        "tant for them.",
    ]
    pdf = make_pdf([text_lines(lines)])
    first, second = boxed(pdf, "oestrogen-dependent")
    assert (first.rstrip("-"), second) == ("oestrogen", "dependent")
    first, second = boxed(pdf, "important")
    assert (first.rstrip("-"), second) == ("impor", "tant")


def test_columns_and_headers(make_pdf: MakePdf, boxed: Callable[..., list[str]]) -> None:
    others = [text_lines([f"We bought {word} in May.", f"Then we sold the {word}."]) for word in ("barley", "oats", "rye")]
    pages = [[(9, 810, "Farmers need"), *page, (9, 30, f"{n} of 4")] for n, page in enumerate((TWO_COLUMNS, *others), 1)]
    pdf = make_pdf(pages)
    assert boxed(pdf, "farmers need for their work with wheat") == ["farmers need", "for their work with wheat"]
    assert boxed(pdf, " ".join(RIGHT)) == RIGHT


def test_cells_that_repeat_are_boxed_in_their_row(make_pdf: MakePdf, boxed: Callable[..., list[str]]) -> None:
    cells = [
        ["Type of passport", "Adults", "Children"],
        ["New", "£60", "Yes"],
        ["Lost", "£94", "Yes"],
        ["Stolen", "£60", "Yes"],
    ]
    rows = [(10, 700 - 20 * row, cells[row][column], 72 + 120 * column) for row in range(4) for column in range(3)]
    pdf = make_pdf([[(10, 760, "What you pay:"), *rows, (10, 600, "Pay by card.")]])
    for row in cells[1:]:
        assert boxed(pdf, " | ".join(row)) == row
    view = view_page(pdf, "x.pdf", 1, "New | £60 | Yes\nStolen | £60 | Yes", (16, 34))
    assert len({box[1] // 20 for box in view.boxes}) == 1  # in one row


def test_a_quote_that_is_not_on_the_page_has_no_box(make_pdf: MakePdf) -> None:
    pdf = make_pdf([text_lines(["One line of words."]), []])
    assert view_page(pdf, "x.pdf", 1, "Other words.", (0, 12)).boxes == ()
    assert view_page(pdf, "x.pdf", 1, "One line of words.", (3, 3)).boxes == ()
    assert view_page(pdf, "x.pdf", 2, "", (0, 0)).boxes == ()
    with pytest.raises(ReadError, match="has no page 3; it has 2"):
        view_page(pdf, "x.pdf", 3, "", (0, 0))


def test_draws_the_whole_page_of_any_size(make_pdf: MakePdf) -> None:
    for media, size in ((b"[0 0 595 842]", (1246, 1764)), (b"[0 0 9 90000]", (1, 4000)), (b"[0 0 90000 90000]", (1483, 1483))):
        image = draw_page(make_pdf([text_lines(["Words"])]).replace(b"[0 0 595 842]", media), "x.pdf", 1)
        assert image.startswith(b"\x89PNG\r\n\x1a\n")
        assert (int.from_bytes(image[16:20]), int.from_bytes(image[20:24])) == size
