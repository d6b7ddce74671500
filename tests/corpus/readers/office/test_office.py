"""DOCX, ODT, PPTX, XLSX and CSV: text, headings, lists and tables."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import docx
import openpyxl
import pptx
import pytest

from corpus.readers import read
from corpus.types import Document, ReadError

Reading = Callable[[bytes, str], Document]
MakeZip = Callable[[dict[str, Any]], bytes]
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
STRICT = 'xmlns:w="http://purl.oclc.org/ooxml/wordprocessingml/main"'


def saved(written: Any) -> bytes:
    buffer = io.BytesIO()
    written.save(buffer)
    return buffer.getvalue()


def found_headings(document: Document) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in document.headings]


def test_docx_keeps_headings_lists_and_tables(document: Reading) -> None:
    written = docx.Document()
    written.add_heading("The guide", 0)
    written.add_heading("Who can apply", 1)
    written.add_paragraph("You can apply if you are:")
    written.add_paragraph("over 18", style="List Bullet")
    written.add_paragraph("in work", style="List Bullet")
    written.add_paragraph("Fill in the form", style="List Number")
    written.add_paragraph("Send it", style="List Number")
    table = written.add_table(rows=2, cols=2)
    for cell, text in zip((cell for row in table.rows for cell in row.cells), ["Type", "Fee", "New", "£10"], strict=True):
        cell.text = text
    written.add_heading("After you apply", 2)
    found = document(saved(written), "guide.docx")
    assert found.text == (
        "The guide\n\nWho can apply\n\nYou can apply if you are:\n\n- over 18\n- in work\n1. Fill in the form\n2. Send it\n\n"
        "Type | Fee\nNew | £10\n\nAfter you apply"
    )
    assert found_headings(found) == [(1, "The guide"), (1, "Who can apply"), (2, "After you apply")]
    assert (found.title, found.type) == ("The guide", "docx")


def test_docx_title_and_creation_from_properties(document: Reading) -> None:
    import datetime

    written = docx.Document()
    written.add_paragraph("Words.")
    written.core_properties.title = "The policy"
    written.core_properties.created = datetime.datetime(2024, 5, 6, 7, 8)
    found = document(saved(written), "x.docx")
    assert (found.title, found.date, found.metadata) == ("The policy", None, {"created": "2024-05-06T07:08:00+00:00"})


@pytest.mark.parametrize("namespace", [W, STRICT])
def test_strict_and_transitional_docx_keep_controls_and_drop_deletions(
    document: Reading, make_zip: MakeZip, namespace: str
) -> None:
    body = """<w:p><w:r><w:t>One </w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>
    <w:ins><w:r><w:t>two</w:t></w:r></w:ins><w:r><w:br/></w:r><w:r><w:t>three</w:t></w:r></w:p>
    <w:sdt><w:sdtContent><w:p><w:r><w:t>In a control.</w:t></w:r></w:p></w:sdtContent></w:sdt>"""
    data = make_zip({"word/document.xml": f"<w:document {namespace}><w:body>{body}</w:body></w:document>"})
    assert document(data, "x.docx").text == "One two\nthree\n\nIn a control."


def test_docx_equations_become_text(document: Reading, make_zip: MakeZip) -> None:
    maths = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    squared = "<m:sSup><m:e><m:r><m:t>r</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
    half = "<m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>"
    body = f"<w:p><m:oMath><m:r><m:t>A=</m:t></m:r>{squared}<m:r><m:t>+</m:t></m:r>{half}</m:oMath></w:p>"
    data = make_zip({"word/document.xml": f"<w:document {W} {maths}><w:body>{body}</w:body></w:document>"})
    assert document(data, "x.docx").text == "A=r^2+(a)/(2)"


def test_odt_keeps_headings_lists_and_tables(document: Reading, make_zip: MakeZip) -> None:
    spaces = " ".join(f'xmlns:{short}="urn:{short}"' for short in ("office", "text", "table", "dc", "meta"))
    body = """<text:h text:outline-level="2">Who can<text:s/>apply</text:h><text:p>You are:</text:p>
    <text:list><text:list-item><text:p>over 18</text:p><text:list><text:list-item><text:p>or 17</text:p></text:list-item></text:list>
    </text:list-item><text:list-item><text:p>in work</text:p></text:list-item></text:list>
    <table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p>
    </table:table-cell></table:table-row></table:table>"""
    content = f"<office:document {spaces}><office:body><office:text>{body}</office:text></office:body></office:document>"
    meta = f"<office:document {spaces}><office:meta><dc:title>Guide</dc:title></office:meta></office:document>"
    kind = "application/vnd.oasis.opendocument.text"
    found = document(make_zip({"mimetype": kind, "content.xml": content, "meta.xml": meta}), "x.odt")
    assert found.text == "Who can apply\n\nYou are:\n\n- over 18\n  - or 17\n- in work\n\na | b"
    assert (found_headings(found), found.title) == ([(2, "Who can apply")], "Guide")


def test_pptx_slides_are_pages_with_headings(document: Reading) -> None:
    written = pptx.Presentation()
    for number in (1, 2):
        slide = written.slides.add_slide(written.slide_layouts[1])
        slide.shapes.title.text = f"Slide {number}"
        slide.placeholders[1].text = "First point\nSecond point"
    slide.notes_slide.notes_text_frame.text = "Say this."
    found = document(saved(written), "talk.pptx")
    assert found.text == "Slide 1\n\nFirst point\nSecond point\n\nSlide 2\n\nFirst point\nSecond point\n\nSay this."
    assert found.pages == (0, found.text.index("Slide 2"))
    assert found_headings(found) == [(1, "Slide 1"), (1, "Slide 2")]


def test_xlsx_sheets_are_headings_and_rows_are_lines(document: Reading) -> None:
    written = openpyxl.Workbook()
    written.active.title = "Fees"
    for row in [["Type", "Fee"], ["New", 10.0], [], ["Total", 10.5]]:
        written.active.append(row)
    found = document(saved(written), "fees.xlsx")
    assert found.text == "Fees\n\nType | Fee\nNew | 10\n\nTotal | 10.5"
    assert found_headings(found) == [(1, "Fees")]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_rows_are_lines_for_every_separator(document: Reading, separator: str) -> None:
    source = "\n".join(separator.join(row) for row in [["Type", "Fee"], ["New", '"10\n00"'], ["Old", "5"]])
    assert document(source.encode(), "fees.csv").text == "Type | Fee\nNew | 10 00\nOld | 5"


def test_missing_part_is_damage(make_zip: MakeZip) -> None:
    with pytest.raises(ReadError, match="damaged"):
        list(read(make_zip({"ppt/presentation.xml": "<p/>"}), "x.pptx"))


@pytest.mark.parametrize("member", ["word/document.xml", "xl/workbook.xml", "ppt/presentation.xml"])
def test_a_document_type_is_refused_in_every_encoding(make_zip: MakeZip, member: str) -> None:
    bomb = '<?xml version="1.0" encoding="{}"?><!DOCTYPE a [<!ENTITY b "words">]><a>&b;</a>'
    for encoding in ("utf-8", "utf-16"):
        with pytest.raises(ReadError, match="document type"):
            list(read(make_zip({member: bomb.format(encoding).encode(encoding)}), "x.docx"))
