"""Tables of HTML and Markdown: captions, column heads and rows."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from corpus.types import Document

Reading = Callable[[bytes, str], Document]
Rows = list[tuple[str, str, str]]
PARAGRAPH = (
    f"<p>{' '.join(f'The council has set the fee of licence number {number} for one year.' for number in range(20))}</p>"
)
FEES = """<table><caption>Fees by vehicle</caption>
<thead><tr><th>Vehicle</th><th colspan="2">Fee</th></tr><tr><td></td><td>2023</td><td>2024</td></tr></thead>
<tr><th rowspan="2">Taxi</th><td>£10</td><td>£12</td></tr><tr><td>£20</td><td>£24</td></tr>
<tr><td>Bus</td><td colspan="2">free</td></tr></table>"""


def rows_of(document: Document) -> Rows:
    """The caption, column heads and rows of each table."""
    return [
        (table.caption, document.text[table.start : table.head_end], document.text[table.head_end : table.end].strip("\n"))
        for table in document.tables
    ]


def test_merged_cells_stand_in_each_of_their_rows_and_above_each_of_their_columns(document: Reading) -> None:
    found = document(FEES.encode(), "fees.html")
    heads, rows = "Vehicle | Fee | Fee\n | 2023 | 2024", "Taxi | £10 | £12\nTaxi | £20 | £24\nBus | free |"
    assert found.text == f"Fees by vehicle\n\n{heads}\n{rows}"
    assert rows_of(found) == [("Fees by vehicle", heads, rows)]


def test_tables_of_an_extracted_article_are_those_of_the_page(document: Reading) -> None:
    page = f"<html><nav>Home</nav><main><h1>Fees</h1>{PARAGRAPH}{FEES}{PARAGRAPH}</main><div>Our sites: {'a b ' * 900}</div></html>"
    (table,) = rows_of(document(page.encode(), "fees.html"))
    assert table[:2] == ("Fees by vehicle", "Vehicle | Fee | Fee\n | 2023 | 2024")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("<tr><th>Age<th>Fee<tr><td>5<td>£1", [("", "Age | Fee", "5 | £1")]),
        ("<tr><td><b>Age</b><td><strong>Fee</strong><tr><td>5<td>£1", [("", "Age | Fee", "5 | £1")]),
        ("<tr><th colspan=2>Fees in 2024<tr><th>Age<th>Fee<tr><td>5<td>£1", [("Fees in 2024", "Age | Fee", "5 | £1")]),
        ("<tr><td>1.<td>Open the form.<tr><td>2.<td>Send it.", []),
        ("<tr><th>Age<td>5<tr><th>Fee<td>£1", []),
        ("<tr><th>Age<th>Fee", []),
        ("<tr><th>Fees<tr><td>£1", []),
    ],
)
def test_column_heads_are_those_that_the_page_marks(document: Reading, rows: str, expected: Rows) -> None:
    assert rows_of(document(f"<html><table>{rows}</table></html>".encode(), "x.html")) == expected


def test_cells_that_span_thousands_of_rows_and_columns_take_linear_space(document: Reading) -> None:
    started = time.monotonic()
    source = "<tr><th>a<th>b</tr>" + f"<tr><td rowspan=60000 colspan=60000>{'long ' * 100}</tr>" * 2_000
    found = document(f"<html><table>{source}</table></html>".encode(), "x.html")
    assert len(found.text) < 2 * len(source)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "| Age | Fee |\n| :-- | --: |\n| 5 | £1 |\n| 6 | £2 |",
            [("", "| Age | Fee |\n| :-- | --: |", "| 5 | £1 |\n| 6 | £2 |")],
        ),
        ("Age|Fee\n-|-\n5|£1", [("", "Age|Fee\n-|-", "5|£1")]),
        ("<table><tr><th>Age</th><th>Fee</th></tr><tr><td>5</td><td>£1</td></tr></table>", [("", "Age | Fee", "5 | £1")]),
        ("```\n| Age | Fee |\n|---|---|\n| 5 | £1 |\n```", []),
        ("| Age | Fee |\n| 5 | £1 |", []),
    ],
)
def test_markdown_tables_are_found(document: Reading, source: str, expected: Rows) -> None:
    text = f"---\ntitle: Fees\n---\n# Fees\n\n{source}\n\nPay by card.\n"
    found = document(text.encode(), "fees.md")
    assert rows_of(found) == expected
    assert "<table" in source or found.text == text
