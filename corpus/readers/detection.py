"""Which format a file is in: by its content first, by its name where the content could be several things."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from pathlib import PurePosixPath

from corpus.readers.decoding import decode
from corpus.readers.office.archive import open_archive, read_member
from corpus.types import ReadError, UnsupportedFormat

FORMATS = ("text", "markdown", "html", "pdf", "docx", "odt", "pptx", "xlsx", "csv", "email", "govuk", "jsonl")
_TAKEN = "text, Markdown, HTML, PDF, DOCX, ODT, PPTX, XLSX, CSV, e-mail (EML), GOV.UK content items and JSON Lines"

# In bytes: how far the kind of a file is looked for, and the most that a gzip file may unpack to.
_HEAD = 4096
LARGEST_UNPACKED = 256 * 1024 * 1024

_BINARY_SIGNATURES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"{\\rtf", "a Rich Text file"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\0", "a database"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP_MARKS = (
    ("word/document.xml", "docx"),
    ("ppt/presentation.xml", "pptx"),
    ("xl/workbook.xml", "xlsx"),
)
_OPEN_DOCUMENT_TEXT = b"application/vnd.oasis.opendocument.text"
_EXTENSIONS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mkd": "markdown",
    ".htm": "html",
    ".html": "html",
    ".xhtml": "html",
    ".csv": "csv",
    ".tsv": "csv",
    ".eml": "email",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|title|meta|article|main|div|p|h[1-6])\b",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(r"\s*<(?:\?xml\b|!DOCTYPE\s)", re.IGNORECASE)
_HEADER_LINE = re.compile(r"([!-9;-~]+):(?:\s|$)")
_WRITTEN_HEADERS = frozenset(("from", "to", "cc", "subject", "date", "sender", "reply-to", "in-reply-to", "references"))
_CARRIED_HEADERS = frozenset(("message-id", "mime-version", "received", "return-path", "delivered-to", "content-type"))
_MAIL_HEADERS = _WRITTEN_HEADERS | _CARRIED_HEADERS | {"content-transfer-encoding", "dkim-signature"}
_JSON_RECORD = re.compile(r'\s*(?:\[\s*)?\{\s*"')


def unpack(data: bytes, name: str) -> tuple[bytes, str]:
    """The content of a gzip file and the name without `.gz`; any other file as it is.

    Raises ReadError where the file is damaged or unpacks to more than LARGEST_UNPACKED bytes.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data, name
    try:
        with gzip.open(io.BytesIO(data)) as packed:
            content = packed.read(LARGEST_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError(f"{name} is a damaged gzip file ({error}); unpack it and add its content") from error
    if len(content) > LARGEST_UNPACKED:
        raise ReadError(f"{name} unpacks to more than {LARGEST_UNPACKED // 2**20} MB; unpack and divide it first")
    return content, name.removesuffix(".gz")


def detect(data: bytes, name: str) -> str:
    """One of FORMATS. Raises UnsupportedFormat where no reader takes the file, ReadError where it is empty or damaged."""
    if not data.strip():
        raise ReadError(f"{name} is empty; there is nothing to search in it")
    head = data[:_HEAD]
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _kind_of_zip(data, name)
    if head.startswith(_OLE):
        raise _refusal_of_ole(data, name)
    for signature, kind in _BINARY_SIGNATURES:
        if head.startswith(signature):
            raise UnsupportedFormat(f"{name} is {kind}; convert it first. Taken are {_TAKEN}")
    return _kind_of_text(data, name)


def _kind_of_zip(data: bytes, name: str) -> str:
    with open_archive(data, name) as archive:
        members = archive.namelist()
        for mark, kind in _ZIP_MARKS:
            if mark in members:
                return kind
        if "mimetype" in members and read_member(archive, "mimetype", name).startswith(_OPEN_DOCUMENT_TEXT):
            return "odt"
    raise UnsupportedFormat(f"{name} is a ZIP archive, not a document; unpack it and add the files. Taken are {_TAKEN}")


def _refusal_of_ole(data: bytes, name: str) -> ReadError:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return ReadError(f"{name} is protected by a password; save it without one and add it again")
    return UnsupportedFormat(f"{name} is in an old Microsoft Office or Outlook format; save it as DOCX, PPTX, XLSX or EML")


def _kind_of_text(data: bytes, name: str) -> str:
    refusal = UnsupportedFormat(f"{name} is not text, nor any other known format. Taken are {_TAKEN}")
    try:
        # All of it: a sample may end inside a character, which is no reason to take it for another encoding.
        text = decode(data, name).text
    except ReadError as error:
        if _looks_binary(data[:_HEAD].decode("latin-1")):
            raise refusal from error
        raise
    head = text[:_HEAD].lstrip("\ufeff")
    if _looks_binary(head):
        raise refusal
    by_name = _EXTENSIONS.get(PurePosixPath(name.lower()).suffix)
    if by_name in ("markdown", "csv"):
        return by_name
    if _HTML.match(head) and by_name != "email":
        return "html"
    if _XML.match(head):
        return _kind_of_xml(head, name)
    if _JSON_RECORD.match(head):
        return _kind_of_json(text) or by_name or "text"
    if _looks_like_mail(head, by_name):
        return "email"
    return by_name or "text"


def _looks_binary(head: str) -> bool:
    """More than one character in twenty that no text has: controls, and what NUL became. Random bytes have one in eight."""
    odd = sum(1 for character in head if (character < " " and character not in "\t\n\f\v\x1b") or character == "\ufffd")
    return odd * 20 > len(head)


def _kind_of_xml(head: str, name: str) -> str:
    if "<html" in head.lower():
        return "html"
    raise UnsupportedFormat(f"{name} is XML of no known kind; convert it to HTML or text. Taken are {_TAKEN}")


def _kind_of_json(text: str) -> str | None:
    """GOV.UK items name their path, whether one a file, one a line or in a list; other objects are records of ours."""
    if '"base_path"' in text and re.search(r'"(?:details|title|body|schema_name)"\s*:', text):
        return "govuk"
    return "jsonl" if re.search(r'"(?:text|_?id|title)"\s*:', text[: 64 * 1024]) else None


def _looks_like_mail(head: str, by_name: str | None) -> bool:
    known = 0
    for line in head.lstrip().split("\n"):
        match = _HEADER_LINE.match(line)
        if match and match[1].lower() in _MAIL_HEADERS:
            known += 1
        elif not match and not line.startswith((" ", "\t")):
            break
    return known >= (1 if by_name == "email" else 3)
