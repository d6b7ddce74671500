"""EPUB: chapters in reading order, title, author, date and language; protected and hostile books."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from corpus.readers import read
from corpus.types import Document, ReadError

Reading = Callable[[bytes, str], Document]
MakeZip = Callable[[dict[str, str | bytes]], bytes]

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>The mill</dc:title><dc:creator>Ann Example</dc:creator><dc:language>en-GB</dc:language><dc:date>2020-03-05</dc:date></metadata>
<manifest><item id="two" href="text/two.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="text/chapter%20one.xhtml" media-type="application/xhtml+xml"/>
<item id="toc" href="toc.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="gone" href="../../gone.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="toc"/><itemref idref="one"/><itemref idref="gone"/><itemref idref="two"/></spine></package>"""


def members(**more: str | bytes) -> dict[str, str | bytes]:
    return {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": PACKAGE,
        "OPS/toc.xhtml": "<html><body><nav>Contents</nav></body></html>",
        "OPS/text/chapter one.xhtml": "<!DOCTYPE html><html><body><h1 id='c1'>One</h1><p>The mill grinds.</p></body></html>",
        "OPS/text/two.xhtml": "<html><body><h1>Two</h1><ul><li>flour</li></ul></body></html>",
        **more,
    }


def test_chapters_are_read_in_their_order(document: Reading, make_zip: MakeZip) -> None:
    found = document(make_zip(members()), "mill.epub")
    assert found.text == "One\n\nThe mill grinds.\n\nTwo\n\n- flour"
    assert [one.title for one in found.headings] == ["One", "Two"]
    assert (found.title, found.date, found.language, found.type) == ("The mill", "2020-03-05", "en", "epub")
    assert found.metadata == {"author": "Ann Example"}


def test_a_protected_book_is_refused_and_an_encrypted_font_is_not(document: Reading, make_zip: MakeZip) -> None:
    encryption = '<encryption><EncryptedData><CipherReference URI="OPS/{}"/></EncryptedData></encryption>'
    font = members(**{"META-INF/encryption.xml": encryption.format("font.otf")})
    assert document(make_zip(font), "mill.epub").title == "The mill"
    protected = members(**{"META-INF/encryption.xml": encryption.format("text/two.xhtml")})
    with pytest.raises(ReadError, match="copy-protected"):
        list(read(make_zip(protected), "mill.epub"))


def test_a_bomb_in_a_book_is_refused(make_zip: MakeZip) -> None:
    with pytest.raises(ReadError, match="times its size"):
        list(read(make_zip(members(**{"OPS/text/two.xhtml": b"<p>" + b"a" * 60_000_000})), "bomb.epub"))
    entities = '<!DOCTYPE package [<!ENTITY a "aaaaaaaaaa">]>' + PACKAGE
    with pytest.raises(ReadError, match="document type"):
        list(read(make_zip(members(**{"OPS/book.opf": entities})), "bomb.epub"))
