"""OCR: images and scanned PDF files are read in a confined process. Skipped without Tesseract."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pypdfium2
import pytest

from corpus.readers.pdf.page_view import draw_page
from corpus.readers.scans import tesseract
from corpus.sandbox import reader_process
from corpus.sandbox.pool import Sandbox
from corpus.types import Document, ReadFailure

MakePdf = Callable[..., bytes]
LINES = [
    (12, 700, "A permit for residents costs 85 pounds a year. The coun-"),
    (12, 684, "cil must reply within ten working days."),
]
TEXT = "A permit for residents costs 85 pounds a year. The council must reply within ten working days."
WAY_OUT = "install OCR on the server (`make install EXTRAS=ocr`)"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


@pytest.fixture(scope="module")
def installed() -> None:
    try:
        tesseract.Tesseract()
    except tesseract.OcrMissing as error:
        pytest.skip(f"{error}; apt-get install tesseract-ocr tesseract-ocr-eng")


@pytest.fixture(scope="module")
def image(make_pdf: MakePdf) -> bytes:
    return draw_page(make_pdf([LINES]), "x.pdf", 1)


@pytest.fixture(scope="module")
def mixed(make_pdf: MakePdf) -> bytes:
    """A page with text, a scanned page, and an empty one."""
    pdf = pypdfium2.PdfDocument(make_pdf([[(12, 700, "The town hall opens at nine.")]]))
    _add_scan(pdf, make_pdf([LINES]))
    pdf.new_page(595, 842)
    return _saved(pdf)


@pytest.fixture(scope="module")
def scanned(make_pdf: MakePdf) -> bytes:
    pdf = pypdfium2.PdfDocument.new()
    _add_scan(pdf, make_pdf([LINES]))
    return _saved(pdf)


def _add_scan(pdf: pypdfium2.PdfDocument, source: bytes) -> None:
    """A page with an image of the first page of another file."""
    bitmap = pypdfium2.PdfDocument(source)[0].render(scale=200 / 72)
    picture = pypdfium2.PdfImage.new(pdf)
    picture.set_bitmap(bitmap)
    picture.set_matrix(pypdfium2.PdfMatrix().scale(595, 842))
    page = pdf.new_page(595, 842)
    page.insert_obj(picture)
    page.gen_content()


def _saved(pdf: pypdfium2.PdfDocument) -> bytes:
    buffer = io.BytesIO()
    pdf.save(buffer)
    return buffer.getvalue()


def only(found: Iterator[Document | ReadFailure]) -> Document:
    (document,) = found
    assert isinstance(document, Document), document
    return document


@pytest.mark.usefixtures("installed")
def test_an_image_is_read_and_says_so(sandbox: Sandbox, image: bytes) -> None:
    found = only(sandbox.read(image, "permit.png"))
    assert (found.text, found.title, found.type, found.pages) == (TEXT, "permit", "image", (0,))
    assert found.metadata == {"ocr": "all pages"}


@pytest.mark.usefixtures("installed")
def test_a_scanned_file_is_read_and_says_so(sandbox: Sandbox, scanned: bytes) -> None:
    found = only(sandbox.read(scanned, "permit.pdf"))
    assert (found.text, found.type, found.metadata["ocr"]) == (TEXT, "pdf", "all pages")


@pytest.mark.usefixtures("installed")
def test_only_pages_without_text_are_read_by_ocr(sandbox: Sandbox, mixed: bytes) -> None:
    found = only(sandbox.read(mixed, "mixed.pdf"))
    assert found.text == f"The town hall opens at nine.\n\n{TEXT}"
    assert found.metadata == {"ocr": "page 2"}
    assert found.pages[1] == found.text.index(TEXT)


@pytest.mark.usefixtures("installed")
def test_scanned_attachments_are_read_beside_others(sandbox: Sandbox, image: bytes) -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "ann@example.org", "Permits"
    mail.set_content("See the scan.")
    mail.add_attachment(image, maintype="image", subtype="png", filename="permit.png")
    mail.add_attachment(b"Words.", maintype="text", subtype="plain", filename="notes.txt")
    mail.add_attachment(b"\x89PNG\r\n\x1a\n" + bytes(2000), maintype="image", subtype="png", filename="broken.png")
    found = list(sandbox.read(mail.as_bytes(), "mail.eml"))
    texts = {one.part: one.text for one in found if isinstance(one, Document)}
    assert texts["permit.png"] == TEXT
    assert texts["notes.txt"] == "Words."
    (failure,) = (one for one in found if isinstance(one, ReadFailure))
    assert "broken.png is a PNG image that is damaged" in failure.reason


def test_without_tesseract_the_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, image: bytes, scanned: bytes, mixed: bytes
) -> None:
    """The libraries are hidden from the reader process by files of their names that are none."""
    for names in (tesseract._TESSERACT, tesseract._LEPTONICA):
        for name in names:
            (tmp_path / name).write_bytes(b"")
    monkeypatch.setitem(reader_process._ENVIRONMENT, "LD_LIBRARY_PATH", str(tmp_path))
    with Sandbox() as without:
        for data, name, what in ((image, "a.png", "is a PNG image"), (scanned, "b.pdf", "has 1 page without text")):
            (failure,) = without.read(data, name)
            assert isinstance(failure, ReadFailure)
            assert failure.reason.startswith(f"{name} {what}")
            assert WAY_OUT in failure.reason
        assert only(without.read(mixed, "mixed.pdf")).text == "The town hall opens at nine."


def test_the_library_is_loaded_on_first_use_only() -> None:
    program = "import corpus.readers; print('tesseract' in open('/proc/self/maps').read())"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
