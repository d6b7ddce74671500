"""Pages of PDF files are drawn in a confined process; whatever it does ends as one error."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace

import pytest

from corpus.sandbox import pages
from corpus.sandbox.page_wire import image_from_line, view_from_line
from corpus.sandbox.reader_process import MB
from corpus.types import ReadError
from tests.corpus.readers.conftest import pdf_of

PDF = pdf_of([[(10, 700, "The ferry costs seven pounds.")]])


def test_shows_a_page_and_the_quote_on_it() -> None:
    view = pages.page_view(PDF, "x.pdf", 1, "The ferry costs seven pounds.", (4, 9))
    ((left, top, right, bottom),) = view.boxes
    assert 150 < left < right < 260
    assert 270 < top < bottom < 310
    assert pages.page_image(PDF, "x.pdf", 1).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("data", "number", "reason"),
    [
        (b"%PDF-1.7 and then nothing", 1, "x.pdf is a damaged"),
        (PDF, 2, "x.pdf has no page 2"),
        (b"\x1f\x8b", 1, "damaged gzip"),
    ],
)
def test_says_why_there_is_no_page(data: bytes, number: int, reason: str) -> None:
    for show in (lambda: pages.page_image(data, "x.pdf", number), lambda: pages.page_view(data, "x.pdf", number, "", (0, 0))):
        with pytest.raises(ReadError, match=reason):
            show()


def test_a_page_that_needs_too_much_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LIMITS", replace(pages.LIMITS, memory_bytes=40 * MB))
    with pytest.raises(ReadError, match=r"^x\.pdf (needs more than 40 MB|ended its reader)"):
        pages.page_image(PDF, "x.pdf", 1)


VIEW = {"size": [100, 200], "boxes": [[0, 0, 100, 200]]}


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (view_from_line, VIEW | {"size": [100]}),
        (view_from_line, VIEW | {"size": [100, 0]}),
        (view_from_line, VIEW | {"size": [100, 4001]}),
        (view_from_line, VIEW | {"size": ["1", 2]}),
        (view_from_line, VIEW | {"boxes": [[0, 0, 101, 200]]}),
        (view_from_line, VIEW | {"boxes": [[50, 0, 40, 200]]}),
        (view_from_line, VIEW | {"boxes": [[0, 0, 1.5, 2]]}),
        (view_from_line, VIEW | {"boxes": 3}),
        (view_from_line, {}),
        (view_from_line, []),
        (image_from_line, {}),
        (image_from_line, {"png": 3}),
        (image_from_line, {"png": "!"}),
        (image_from_line, {"png": b64encode(b"<html>").decode()}),
        (image_from_line, {"failure": 3}),
    ],
)
def test_invalid_output_of_the_process_is_refused(parse: Callable[[bytes], object], value: object) -> None:
    view_from_line(json.dumps(VIEW).encode())
    with pytest.raises(ValueError):
        parse(json.dumps(value).encode())
