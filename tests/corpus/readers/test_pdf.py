"""PDF: text, pages, headings, metadata and unreadable files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from corpus.readers import read
from corpus.types import Document, ReadError, page_at

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
    assert found.text == (
        "Annual report\n\nThe first line of a paragraph\ngoes on here.\n\nAnother one.\n\nCosts\n\nThey rose."
    )
    assert [(each.level, each.title) for each in found.headings] == [(1, "Annual report"), (2, "Costs")]
    assert page_at(found.pages, found.text.index("Another")) == 1
    assert page_at(found.pages, found.text.index("Costs")) == 2


def test_title_and_creation_from_metadata(document: Reading, make_pdf: MakePdf) -> None:
    found = document(make_pdf(PAGES, title="Report 2024", date="D:20240305120000Z"), "x.pdf")
    assert (found.title, found.date, found.type) == ("Report 2024", None, "pdf")
    assert found.metadata == {"created": "2024-03-05"}


def test_counts_pages_without_text(document: Reading, make_pdf: MakePdf) -> None:
    found = document(make_pdf([[], PAGES[0], []]), "x.pdf")
    assert found.metadata == {"pages_without_text": 2}
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
