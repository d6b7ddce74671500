"""Ruled tables of PDF files: cells of several lines, and lines that enclose no table."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

from corpus.readers.pdf.page_view import view_page
from corpus.types import Document

Reading = Callable[[bytes, str], Document]
CELLS = [
    ["Permit", "Who may apply", "Fee"],
    ["Resident", "People who live in the street and own a car that is registered at their address", "£85 a year"],
    ["Visitor", "Guests of residents, for as many as thirty days of a year and one car at a time", "£2 a day"],
]
ROWS = "\n".join(" | ".join(row) for row in CELLS)


def table_file(style: list[tuple[object, ...]]) -> bytes:
    """A table whose second column is wrapped, between two paragraphs."""
    plain = getSampleStyleSheet()["BodyText"]
    buffer = io.BytesIO()
    rows = [[Paragraph(cell, plain) for cell in row] for row in CELLS]
    table = Table(rows, colWidths=[90, 130, 90], style=style)
    SimpleDocTemplate(buffer).build([Paragraph("What you pay:", plain), table, Paragraph("Pay by card.", plain)])
    return buffer.getvalue()


@pytest.mark.parametrize(
    "style",
    [
        [("GRID", (0, 0), (-1, -1), 0.5, "black")],
        [
            ("BOX", (0, 0), (-1, -1), 1, "black"),
            ("INNERGRID", (0, 0), (-1, -1), 0.25, "grey"),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ],
        [("GRID", (0, 0), (-1, -1), 0.5, "black"), ("BACKGROUND", (0, 0), (-1, 0), "lightgrey")],
    ],
    ids=["grid", "box", "shaded"],
)
def test_cells_of_several_lines_stay_in_their_rows(document: Reading, style: list[tuple[object, ...]]) -> None:
    found = document(table_file(style), "permits.pdf")
    assert found.text == f"What you pay:\n\n{ROWS}\n\nPay by card."
    (table,) = found.tables
    assert found.text[table.start : table.head_end] == "Permit | Who may apply | Fee"


def test_the_words_of_a_row_are_boxed_in_all_their_cells(document: Reading) -> None:
    data = table_file([("GRID", (0, 0), (-1, -1), 0.5, "black")])
    text = document(data, "permits.pdf").text
    start = text.index("Visitor")
    boxes = view_page(data, "permits.pdf", 1, text, (start, text.index("\n", start))).boxes
    lefts = sorted({round(left, -1) for left, _, _, _ in boxes})
    assert len(lefts) == 3
    assert len(boxes) > 4  # the second cell has several lines


def test_boxes_around_text_are_no_tables(document: Reading) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for number, (left, bottom) in enumerate(((60, 400), (300, 400), (60, 600), (300, 600))):
        canvas.rect(left, bottom, 240, 200)
        for line in range(12):
            canvas.drawString(left + 6, bottom + 180 - 14 * line, f"Box {number} has line {line} of its story here.")
    canvas.save()
    found = document(buffer.getvalue(), "boxes.pdf")
    assert not found.tables
    assert " | " not in found.text
