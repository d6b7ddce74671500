"""Titles and dates of every format: what the document says, never a program's default, a chapter's heading or the file's own date."""

from __future__ import annotations

import io
from collections.abc import Callable

import docx
import openpyxl
import pytest

from corpus.types import Document

Reading = Callable[[bytes, str], Document]
MakePdf = Callable[..., bytes]

TITLE = "Living with cancer"
BOOKLET = [[(24, 760, TITLE), (10, 700, "This booklet is for people who were treated.")], [(10, 700, "It has two chapters.")]]


def docx_of(*blocks: tuple[str, str], title: str = "") -> bytes:
    """Blocks of (style, text)."""
    written = docx.Document()
    for style, text in blocks:
        written.add_paragraph(text, style=style)
    written.core_properties.title = title
    buffer = io.BytesIO()
    written.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "title",
    [
        "failure-after-repair",
        "Microsoft Word - draft3.doc",
        "booklet.indd",
        "C:\\Users\\ann\\Booklet final.docx",
        "/home/ann/my booklet",
        "untitled",
        "Untitled document 2",
        "Document1",
        "PowerPoint Presentation",
        "template",
        "WHO_NMH_2018",
        "9789241549950-eng",
        "12",
    ],
)
def test_a_property_that_is_no_title_is_refused(document: Reading, make_pdf: MakePdf, title: str) -> None:
    assert document(make_pdf(BOOKLET, title=title), "x.pdf").title == TITLE


@pytest.mark.parametrize("title", ["COVID-19", "Handbook", "A guide to repairs", "Living-with-cancer handbook", "GDPR"])
def test_a_title_property_comes_first(document: Reading, make_pdf: MakePdf, title: str) -> None:
    assert document(make_pdf(BOOKLET, title=title), "x.pdf").title == title


def test_a_property_of_which_the_text_says_nothing_is_refused(document: Reading) -> None:
    text = [("Normal", "Leave is granted by the manager. ") for _ in range(40)]
    assert document(docx_of(*text, title="Quarterly sales brochure"), "leave.docx").title == "leave"
    assert document(docx_of(*text, title="Leave for managers"), "leave.docx").title == "Leave for managers"


def test_the_heading_of_the_first_part_is_not_the_title(document: Reading, make_pdf: MakePdf) -> None:
    parts = [("Heading 1", "Eligibility"), ("Normal", "You must be 18."), ("Heading 1", "Payment"), ("Normal", "Monthly.")]
    assert document(docx_of(*parts), "Fund rules.docx").title == "Fund rules"
    assert document(docx_of(("Title", "The fund"), *parts), "x.docx").title == "The fund"
    assert document(docx_of(("Normal", "The fund"), *parts), "x.docx").title == "The fund"
    chapter = [[(20, 760, "1 Introduction"), (10, 700, "Words of it.")]]
    assert document(make_pdf(chapter), "Fund rules.pdf").title == "Fund rules"


def test_a_title_of_the_same_size_as_numbered_parts_is_one(document: Reading, make_pdf: MakePdf) -> None:
    pages = [[(20, 760, TITLE), (10, 700, "Words.")], [(20, 760, "1 Introduction"), (10, 700, "More words.")]]
    assert document(make_pdf(pages), "x.pdf").title == TITLE


@pytest.mark.parametrize("line", ["Dear Ann", "We close at five.", "- an item", "5 May 2023", "Draft", "Name | Fee"])
def test_a_first_line_that_is_no_title_is_not_used(document: Reading, line: str) -> None:
    assert document(f"{line}\n\nMore words.".encode(), "notes.txt").title == "notes"


def test_a_first_line_on_its_own_is_the_title(document: Reading) -> None:
    assert document(b"Annual leave policy\n\nEveryone has 25 days.", "x.txt").title == "Annual leave policy"


def test_a_large_figure_is_no_title(document: Reading, make_pdf: MakePdf) -> None:
    page = [(18, 760, TITLE), (10, 700, "We help."), (30, 650, "1st"), (10, 620, "in the region")]
    assert document(make_pdf([page]), "x.pdf").title == TITLE


@pytest.mark.parametrize(
    ("head", "title"),
    [
        (
            "<meta property=og:title content=living-with-cancer-2018><title>Cancer help</title>",
            "Cancer help",
        ),
        (
            "<meta property=og:title content='Help for all'><title>Living with cancer: a guide | Help</title>",
            "Living with cancer",
        ),
        ("<meta property=og:title content='A guide'><title>A guide | Living with cancer</title>", "A guide"),
        ("<meta property=og:title content=living-with-cancer-2018>", "Living with cancer"),
    ],
)
def test_the_title_of_a_page_is_no_name_of_a_file_or_site(document: Reading, head: str, title: str) -> None:
    assert (
        document(f"<html><head>{head}</head><body><h1>{TITLE}</h1><p>Words.</p></body></html>".encode(), "x.html").title
        == title
    )


@pytest.mark.parametrize("sheet", ["Sheet", "Index"])
def test_names_of_sheets_are_not_titles(document: Reading, sheet: str) -> None:
    written = openpyxl.Workbook()
    written.active.title = sheet
    written.active.append(["a", "b"])
    buffer = io.BytesIO()
    written.save(buffer)
    assert document(buffer.getvalue(), "Fees 2024.xlsx").title == "Fees 2024"


@pytest.mark.parametrize(
    "line", ["Last updated: 5 May 2023", "Published 5 May 2023", "May 5, 2023", "Friday 5 May 2023", "**Date:** 2023-05-05"]
)
def test_the_date_is_what_the_document_says(document: Reading, make_pdf: MakePdf, line: str) -> None:
    assert document(f"Leave policy\n\n{line}\n\nWords.".encode(), "x.txt").date == "2023-05-05"
    found = document(make_pdf([[(20, 760, TITLE), (10, 700, line), (10, 640, "Words.")]], date="D:20240305120000Z"), "x.pdf")
    assert (found.date, found.metadata["created"]) == ("2023-05-05", "2024-03-05")


def test_a_date_with_dots_begins_with_the_day(document: Reading) -> None:
    assert document(b"<h1>Kindersitze im Test</h1><p>3.10.2018</p><p>Im Test.</p>", "x.html").date == "2018-10-03"


@pytest.mark.parametrize("line", ["We met on 5 May 2023 in York.", "Born: 5 May 1953", "05/06/2023"])
def test_another_date_is_not_the_documents(document: Reading, line: str) -> None:
    assert document(f"Leave policy\n\n{line}\n\nWords.".encode(), "x.txt").date is None
