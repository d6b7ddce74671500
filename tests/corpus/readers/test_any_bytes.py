"""Reading any bytes gives documents or a ReadError, never another exception."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable

import docx
import openpyxl
import pptx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from corpus.readers import read
from corpus.types import Document, ReadError
from tests.examples import examples

NAMES = ("a.txt", "a.md", "a.html", "a.pdf", "a.docx", "a.csv", "a.eml", "a.json", "a.jsonl", "../../etc/passwd", "", ".")
STARTS = (
    b"",
    b"%PDF-1.4\n",
    b"PK\x03\x04",
    b"<html>",
    b'{"id": ',
    b"From: a\nTo: b\nDate: c\n",
    b"\xff\xfe",
    b"\x1f\x8b",
    b"---\n",
    b"{\\rtf1 ",
    b"\x89PNG\r\n\x1a\n",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "__substg1.0_".encode("utf-16-le"),
    b"From a 10:30\nFrom: a\n\n",
)


def documents_in(data: bytes, name: str) -> list[Document]:
    try:
        return [found for found in read(data, name) if isinstance(found, Document)]
    except ReadError:
        return []


@examples(300)
@given(st.sampled_from(STARTS), st.binary(max_size=300), st.sampled_from(NAMES))
def test_any_bytes_give_documents_or_read_error(start: bytes, rest: bytes, name: str) -> None:
    for found in documents_in(start + rest, name):
        assert found.text.strip()
        assert found.title


@examples(200)
@given(st.text(max_size=200), st.sampled_from(NAMES))
def test_any_text_gives_documents_or_read_error(text: str, name: str) -> None:
    for found in documents_in(text.encode("utf-8", "replace"), name):
        found.text.encode()
        for heading in found.headings:
            assert 0 <= heading.start < heading.end <= len(found.text)


def _office(kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "docx":
        written = docx.Document()
        written.add_heading("Title", 1)
        written.add_paragraph("Words.")
        written.save(buffer)
    elif kind == "pptx":
        slides = pptx.Presentation()
        slides.slides.add_slide(slides.slide_layouts[0]).shapes.title.text = "Title"
        slides.save(buffer)
    else:
        workbook = openpyxl.Workbook()
        workbook.active.append(["a", "b"])
        workbook.save(buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def samples(make_pdf: Callable[..., bytes]) -> dict[str, bytes]:
    return {
        **{f"a.{kind}": _office(kind) for kind in ("docx", "pptx", "xlsx")},
        "a.pdf": make_pdf([[(20, 700, "Title"), (10, 650, "Words and more words.")]]),
        "a.html": b"<html><head><title>T</title></head><body><h1>T</h1><table><tr><td>a<td>b</table><p>Words.</body></html>"
        * 4,
        "a.md": b"---\ntitle: T\n---\n# One\n\n<table><tr><td>c</td></tr></table>\n\n<b>d</b>\n\n- a\n- b\n\n```\n# c\n```\n",
        "a.eml": b"From: a@b.c\nTo: d@e.f\nSubject: S\nContent-Type: text/plain; charset=utf-8\n\nWords.\n",
        "a.mbox": b"From a 10:30\nFrom: a@b.c\n\nWords.\n\nFrom a 10:30\nFrom: d@e.f\n\nMore words.\n",
        "a.rtf": b"{\\rtf1{\\fonttbl{\\f0 A;}}\\pard\\outlinelevel0 Title\\par\\intbl a\\cell b\\cell\\row\\pard W\\u246\\'f6rds.\\par}",
        "a.csv": b'a,b\n"1,2",3\n',
        "a.json": json.dumps({"base_path": "/a", "title": "A", "details": {"body": "<p>Words.</p>"}}).encode(),
        "a.jsonl": b'{"id": "1", "text": "Words."}\n{"id": "2", "text": "More."}\n',
    }


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_damaged_files_give_documents_or_read_error(samples: dict[str, bytes], seed: int) -> None:
    chance = random.Random(seed)
    for name, data in samples.items():
        documents_in(data[: chance.randrange(len(data))], name)
        flipped = bytearray(data)
        for _ in range(chance.choice([1, 1, 3, 20])):
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        documents_in(bytes(flipped), name)


def test_undamaged_samples_are_read(samples: dict[str, bytes]) -> None:
    assert {name: len(documents_in(data, name)) for name, data in samples.items()} == {
        name: 2 if name in ("a.jsonl", "a.mbox") else 1 for name in samples
    }
