"""Builds small files of each format and checks what holds for every document."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable

import pytest

from corpus.readers import read
from corpus.types import Document

# Font size, height on the page, text, and optionally the left edge and the font.
Line = tuple[int, int, str] | tuple[int, int, str, int] | tuple[int, int, str, int, str]
FONTS = {"F1": b"Helvetica", "F2": b"Helvetica-Bold", "F3": b"Courier", "F4": b"Times-Roman"}
# The letters that F4 has in the place of Latin ones.
ARABIC = {"a": "\u0627", "b": "\u0623", "l": "\u0644", "m": "\u0645", "n": "\u0646"}


@pytest.fixture(scope="session")
def document() -> Callable[[bytes, str], Document]:
    """Reads a file of one document and checks the document."""

    def read_one(data: bytes, name: str) -> Document:
        (found,) = read(data, name)
        assert isinstance(found, Document)
        assert_valid(found)
        return found

    return read_one


@pytest.fixture(scope="session")
def check_document() -> Callable[[Document], None]:
    return assert_valid


def assert_valid(document: Document) -> None:
    text = document.text
    assert text.strip()
    assert document.title.strip()
    assert "\0" not in text
    assert "\r" not in text
    text.encode()
    assert all(0 <= page <= len(text) for page in document.pages)
    assert list(document.pages) == sorted(document.pages)
    for heading in document.headings:
        assert 1 <= heading.level <= 6
        if document.type == "markdown":
            assert text[heading.start : heading.end].strip()
        else:
            assert text[heading.start : heading.end] == heading.title


@pytest.fixture(scope="session")
def make_pdf() -> Callable[..., bytes]:
    return pdf_of


def pdf_of(pages: Iterable[Iterable[Line]], title: str = "", date: str = "", stream: bytes | None = None) -> bytes:
    """A PDF in Helvetica. `stream` replaces the first page's content."""
    contents = [b"".join(map(_show, page)) for page in pages]
    streams = [b"<< /Length %d >> stream\n%s\nendstream" % (len(content), content) for content in contents]
    if stream is not None:
        streams[0] = b"<< /Length %d /Filter /FlateDecode >> stream\n%s\nendstream" % (len(stream), stream)
    first = 5 + len(FONTS)
    kids = b" ".join(b"%d 0 R" % (first + 2 * number) for number in range(len(streams)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(streams), kids),
        b"<< /Title (%s) /CreationDate (%s) >>" % (title.encode("latin-1"), date.encode()),
        b"<< /Length %d >> stream\n%s\nendstream" % (len(_to_unicode()), _to_unicode()),
        *(
            b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding%s >>"
            % (font, b" /ToUnicode 4 0 R" if name == "F4" else b"")
            for name, font in FONTS.items()
        ),
    ]
    fonts = b" ".join(b"/%s %d 0 R" % (name.encode(), 5 + number) for number, name in enumerate(FONTS))
    for number, content in enumerate(streams):
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << %s >> >> >>"
        objects += [page % (first + 2 * number + 1, fonts), content]
    return _with_cross_references(objects)


def _show(line: Line) -> bytes:
    size, height, text, left, font = (*line, *(72, "F1")[len(line) - 3 :])
    return b"BT /%s %d Tf %d %d Td (%s) Tj ET\n" % (font.encode(), size, left, height, text.encode("cp1252"))


def _to_unicode() -> bytes:
    pairs = b"\n".join(b"<%02x> <%04x>" % (ord(letter), ord(arabic)) for letter, arabic in ARABIC.items())
    return (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def 1 begincodespacerange <00> <ff>"
        b" endcodespacerange %d beginbfchar\n%s\nendbfchar endcmap end end" % (len(ARABIC), pairs)
    )


def _with_cross_references(objects: list[bytes]) -> bytes:
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R /Info 3 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
    return bytes(out)


@pytest.fixture(scope="session")
def make_zip() -> Callable[[dict[str, str | bytes]], bytes]:
    def zip_of(members: dict[str, str | bytes]) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    return zip_of


@pytest.fixture(scope="session")
def deflated_zeros() -> Callable[[int], bytes]:
    """Deflates `size` zero bytes without holding them."""

    def deflate(size: int) -> bytes:
        compressor, chunk = zlib.compressobj(9), bytes(2**20)
        return b"".join(compressor.compress(chunk) for _ in range(size // 2**20)) + compressor.flush()

    return deflate
