"""Seeds: small files of every format."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Mapping, Sequence

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from benchmarks.soak.files import FORMATS

_HTML = (
    b"<!doctype html><html lang=en><head><title>T &amp; U</title><meta charset=utf-8><meta name=date content=2025-07-21></head><body>"
    b"<nav>N</nav><main><h1 id=a>One</h1><p>Words <b>and</b> <a href='#x'>more</a>.<br>Line.</p><ul><li>a<ul><li>b</ul></ul>"
    b"<table><tr><th>h<td colspan=2>c</table><pre>  p\n q</pre><h2>Two</h2><p>End.</main><script>x()</script></body></html>",
    b"<h1>A</h1><h2 id='b'></h2><p>&#x1F600;&nbsp;&lt;</p><details><summary>S</summary>D</details><img alt=i><math><mi>x</math>",
)
_MARKDOWN = (
    b"---\ntitle: T\ndate: 2025-07-21\n---\n# One {#one}\n\nWords *and* `code` [more](x).\n\n"
    b"## Two ##\n\n- a\n  - b\n\n> q\n\n```\n# c\n```\n",
    b"Title\n=====\n\nSub\n---\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n1. x\n2. y\n\n***\n    code\n\\# no heading\n",
)
_EMAIL = (
    b"From: A <a@b.example>\r\nTo: c@d.example\r\nSubject: =?utf-8?q?S=C3=A9?=\r\n"
    b"Date: Mon, 21 Jul 2025 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding:"
    b" quoted-printable\r\n\r\nW=F6rds.=\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>More</p>\r\n--x\r\nContent-Type: a/b; name=n\r\n"
    b"Content-Disposition: attachment; filename*=utf-8''n%C3%A9\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--x--\r\n",
    b"Subject: S\nFrom: a\nTo: b\nContent-Type: text/html; charset=utf-16\nContent-Transfer-Encoding: base64\n\nPABwAD4A\n",
)
_RECORDS = (
    b'{"id": "1", "title": "T", "text": "Words.", "url": "https://a.example/", "date": "2025-07-21", "metadata": {"a": ["b"], "c": 1.5}}\n'
    b'{"_id": 2, "text": "More."}\n',
    b'[{"text": "a\\ud83d\\ude00", "date": "21 July 2025"},\n {"text": "b", "metadata": {"d": true}}]',
)
_ITEM = {
    "base_path": "/a",
    "title": "A",
    "locale": "en",
    "document_type": "guide",
    "public_updated_at": "2025-07-21T10:00:00Z",
    "description": "D",
    "details": {
        "body": "<h2 id='x'>X</h2><p>Words.</p>",
        "parts": [
            {"title": "P", "slug": "p", "body": [{"content_type": "text/govspeak", "content": "## Q\n\n* a\n\n$CTA\nb\n$CTA"}]}
        ],
    },
    "links": {"organisations": [{"title": "O"}], "taxons": []},
}
_TABLES = (b'a,b,"c ""d"""\r\n1;2,3,\r\n"x\ny",z,\r\n', b"a\tb\n1\t2\n", b"a;b|c\n;;\n")
_TEXTS = (
    b"Words.\n\nMore words: 1.5.\n",
    "\ufeffÀ la carte…\r\nend\r".encode(),
    "Wörter".encode("utf-16"),
    b"\xe9t\xe9 \x93x\x94",
)


def _pdf(*, compressed: bool, secret: str | None = None) -> bytes:
    out = io.BytesIO()
    lock = StandardEncryption("", ownerPassword=secret) if secret else None
    canvas = Canvas(out, pageCompression=int(compressed), invariant=True, encrypt=lock)
    for page in range(2):
        canvas.setTitle("T")
        canvas.bookmarkPage("a")
        canvas.addOutlineEntry("Part", "a", 0)
        for line in range(4):
            canvas.setFont("Helvetica", 20 if line == 0 else 10)
            canvas.drawString(72, 700 - 30 * line, f"Words {page} on line {line}.")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _odt() -> bytes:
    office = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
    text = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
    body = (
        f'<office:document-content xmlns:office="{office}" xmlns:text="{text}"><office:body><office:text>'
        '<text:h text:outline-level="1">One</text:h><text:p>Words<text:s text:c="2"/><text:tab/><text:line-break/>more.</text:p>'
        "<text:list><text:list-item><text:p>a</text:p></text:list-item></text:list></office:text></office:body></office:document-content>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", body)
        archive.writestr("meta.xml", f'<office:document-meta xmlns:office="{office}"><office:meta/></office:document-meta>')
    return out.getvalue()


def _seeds() -> Mapping[str, Sequence[bytes]]:
    item = json.dumps(_ITEM).encode()
    office = {name: [FORMATS[name](1)] for name in ("docx", "pptx", "xlsx")}
    pdfs = [_pdf(compressed=False), _pdf(compressed=True), _pdf(compressed=False, secret="x")]
    some: Mapping[str, Sequence[bytes]] = {
        "text": _TEXTS,
        "csv": _TABLES,
        "jsonl": _RECORDS,
        "govuk": [item, b"[" + item + b"]"],
        "markdown": _MARKDOWN,
        "email": _EMAIL,
        "html": _HTML,
        "pdf": pdfs,
        "odt": [_odt()],
        **office,
    }
    first = [files[0] for files in some.values() if len(files[0]) < 2_000]
    return {
        **some,
        "any": [*first, gzip.compress(b"Words."), b"\x89PNG\r\n", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"],
    }


SEEDS = _seeds()
