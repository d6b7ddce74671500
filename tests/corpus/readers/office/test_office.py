"""DOCX, ODT, PPTX, XLSX and CSV: text, headings, lists and tables."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from docx.oxml import OxmlElement
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from corpus.readers import read
from corpus.splitting.tables import heads
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


@pytest.mark.parametrize("marked", [True, False])
def test_cells_of_merged_docx_tables_stand_under_their_heads(document: Reading, marked: bool) -> None:
    rows = [
        ["Region", "2023", "", "2024", ""],
        ["", "Ferries", "Buses", "Ferries", "Buses"],
        ["North", "twelve", "", "nine", "five"],
        ["", "one", "two", "three", "four"],
    ]
    written = docx.Document()
    table = written.add_table(rows=4, cols=5)
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    for first, last in (((0, 1), (0, 2)), ((0, 3), (0, 4)), ((0, 0), (1, 0)), ((2, 0), (3, 0)), ((2, 1), (2, 2))):
        table.cell(*first).merge(table.cell(*last))
    if marked:
        for row in table.rows[:2]:
            row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    found = document(saved(written), "guide.docx")
    assert found.text == (
        "Region | 2023 | 2023 | 2024 | 2024\n | Ferries | Buses | Ferries | Buses\n"
        "North | twelve |  | nine | five\nNorth | one | two | three | four"
    )
    (table_found,) = found.tables
    assert heads(found.text, table_found) == ["Region", "2023 Ferries", "2023 Buses", "2024 Ferries", "2024 Buses"]


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


def test_charts_and_diagrams_of_presentations_are_read(document: Reading) -> None:
    written = pptx.Presentation()
    data = CategoryChartData()
    data.categories = ["2023", "2024"]
    data.add_series("Trains", (4.3, 5))
    data.add_series("Buses", (1, None))
    slide = written.slides.add_slide(written.slide_layouts[6])
    frame = slide.shapes.add_chart(XL_CHART_TYPE.BAR_CLUSTERED, 0, 0, 10**6, 10**6, data)
    frame.chart.has_title = True
    frame.chart.chart_title.text_frame.text = "Journeys"
    found = document(saved(written), "talk.pptx")
    assert found.text == "Journeys\n\n| Trains | Buses\n2023 | 4.3 | 1\n2024 | 5 |"
    assert rows_of(found) == [("Journeys", "| Trains | Buses", "2023 | 4.3 | 1\n2024 | 5 |")]


def test_charts_diagrams_and_canvases_of_docx_are_read(document: Reading, make_zip: MakeZip) -> None:
    spaces = 'xmlns:c="urn:chart" xmlns:a="urn:main" xmlns:r="urn:relationships" xmlns:dgm="urn:diagram"'
    drawing = "<w:p><w:r><w:drawing>{}</w:drawing></w:r></w:p>"
    shape = "<a:sp><a:txBody><a:p><a:r><a:t>On a canvas</a:t></a:r></a:p></a:txBody></a:sp>"
    body = "".join(map(drawing.format, ['<c:chart r:id="r1"/>', '<dgm:relIds r:dm="r2"/>', shape, '<c:chart r:id="gone"/>']))
    relations = "".join(
        f'<Relationship Id="{key}" Target="{target}"/>' for key, target in (("r1", "charts/c1.xml"), ("r2", "/word/d.xml"))
    )
    cached = "<c:{0}><c:{1}><c:pt idx='0'><c:v>{2}</c:v></c:pt></c:{1}></c:{0}>"
    series = "".join(
        cached.format(*one) for one in (("tx", "strCache", "Fee"), ("cat", "strCache", "New"), ("val", "numCache", "10"))
    )
    point = "<dgm:pt><dgm:t><a:p><a:r><a:t>{}</a:t></a:r></a:p></dgm:t></dgm:pt>"
    data = make_zip(
        {
            "word/document.xml": f"<w:document {W} {spaces}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": f"<Relationships>{relations}</Relationships>",
            "word/charts/c1.xml": f"<c:chartSpace {spaces}><c:ser>{series}</c:ser></c:chartSpace>",
            "word/d.xml": f"<dgm:dataModel {spaces}>{point.format('Plan')}{point.format('Do')}</dgm:dataModel>",
        }
    )
    assert document(data, "x.docx").text == "| Fee\nNew | 10\n\nPlan\nDo\n\nOn a canvas"


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


def rows_of(document: Document) -> list[tuple[str, str, str]]:
    """The caption, column heads and rows of each table."""
    return [
        (table.caption, document.text[table.start : table.head_end], document.text[table.head_end : table.end].strip())
        for table in document.tables
    ]


def test_xlsx_tables_have_captions_and_heads(document: Reading) -> None:
    written = openpyxl.Workbook()
    sheet = written.active
    sheet.title = "Fees"
    for row in [["Fees of 2024"], [None, "Type", "Fee"], [None, "New", 10], [], [None, "Total", 10.5]]:
        sheet.append(row)
    found = document(saved(written), "fees.xlsx")
    assert found.text == "Fees\n\nFees of 2024\n\nType | Fee\nNew | 10\n\nTotal | 10.5"
    assert rows_of(found) == [("Fees of 2024", "Type | Fee", "New | 10\n\nTotal | 10.5")]


def test_xlsx_tables_beside_each_other_are_apart(document: Reading) -> None:
    written = openpyxl.Workbook()
    for row in [["Type", "Fee"], ["New", 10, None, "Age", "Rate"], ["Old", 5, None, "Under 5", "free"]]:
        written.active.append(row)
    assert rows_of(document(saved(written), "fees.xlsx")) == [
        ("", "Type | Fee", "New | 10\nOld | 5"),
        ("", "Age | Rate", "Under 5 | free"),
    ]


@pytest.mark.parametrize("name", ["long.xlsx", "long.csv"])
def test_rows_beyond_the_limit_are_reported(document: Reading, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    rows = [["Type", "Fee"], ["New", 10], ["Old", 5], ["Lost", 3]]
    written = openpyxl.Workbook()
    for row in rows:
        written.active.append(row)
    source = "\n".join(",".join(map(str, row)) for row in rows).encode()
    reader = "office.xlsx" if name.endswith("xlsx") else "plain.csv"
    monkeypatch.setattr(f"corpus.readers.{reader}.MAX_TABLE_ROWS", 3)
    found = document(saved(written) if name.endswith("xlsx") else source, name)
    assert found.text.endswith("New | 10\nOld | 5")
    (note,) = found.metadata["not_read"]
    assert "first 3 rows" in note


@pytest.mark.parametrize(
    ("rows", "heads"),
    [
        ("Name,Age\nAnn,5", "Name | Age"),
        ("Year,2023,2024\nFee,5,6", "Year | 2023 | 2024"),
        (",Adults,Children\n,paid,free\n2024,5,6", "| Adults | Children\n | paid | free"),
        ("Ann,£5\nBob,£6", None),
        ("Name\nAnn", None),
    ],
)
def test_column_heads_are_the_first_row_without_figures(document: Reading, rows: str, heads: str | None) -> None:
    found = document(rows.encode(), "x.csv")
    assert [heads for _, heads, _ in rows_of(found)] == ([heads] if heads else [])


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
