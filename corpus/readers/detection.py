"""Detects a file's format from its content, and from its name if the content is ambiguous."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from pathlib import PurePosixPath

from corpus.readers.decoding import decode
from corpus.readers.office.archive import open_archive, read_member
from corpus.types import ReadError, UnsupportedFormat

FORMATS = (
    "text",
    "markdown",
    "html",
    "pdf",
    "docx",
    "odt",
    "pptx",
    "xlsx",
    "rtf",
    "epub",
    "csv",
    "email",
    "msg",
    "mbox",
    "govuk",
    "jsonl",
    "image",
)
_SUPPORTED = (
    "text, Markdown, HTML, PDF, DOCX, ODT, PPTX, XLSX, RTF, EPUB, CSV, e-mail (EML, MSG, mbox), GOV.UK content items, JSON Lines"
    " and images"
)

# In bytes.
_HEAD = 4096
MAX_UNPACKED = 256 * 1024 * 1024

# The first bytes of a file -> the kind of image.
IMAGES = {b"\x89PNG": "a PNG", b"\xff\xd8\xff": "a JPEG", b"GIF8": "a GIF", b"II*\0": "a TIFF", b"MM\0*": "a TIFF"}
_BINARY_SIGNATURES = (
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\0", "a database"),
)
# The container of Outlook messages and of older Office documents.
COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Of a stream's name in every Outlook message, which may contain files of the other kinds.
_MESSAGE_STREAM = "__substg1.0_".encode("utf-16-le")
# Name of a stream in the file -> what the file is, and what to do.
_OLE_STREAMS = {
    "WordDocument": ("a Word 97 document (DOC)", "open it in Word or LibreOffice and save it as DOCX"),
    "PowerPoint Document": ("a PowerPoint 97 presentation (PPT)", "open it in PowerPoint or LibreOffice and save it as PPTX"),
    "Workbook": ("an Excel 97 workbook (XLS)", "open it in Excel or LibreOffice and save it as XLSX"),
}
_ZIP_MEMBERS = (
    ("word/document.xml", "docx"),
    ("ppt/presentation.xml", "pptx"),
    ("xl/workbook.xml", "xlsx"),
)
_OPEN_DOCUMENT_TEXT = b"application/vnd.oasis.opendocument.text"
_EPUB = b"application/epub+zip"
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
# "From ann@example.org Tue Mar  5 09:30:00 2024" and a header.
_MAILBOX = re.compile(rb"From \S+[^\n]*\d:\d\d[^\n]*\n>?[!-9;-~]+[: ]")
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|title|meta|article|main|div|p|h[1-6])\b",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(r"\s*<(?:\?xml\b|!DOCTYPE\s)", re.IGNORECASE)
_HEADER_LINE = re.compile(r"([!-9;-~]+):(?:\s|$)")
_MAIL_HEADERS = frozenset(
    "from to cc subject date sender reply-to in-reply-to references message-id mime-version received return-path delivered-to"
    " content-type content-transfer-encoding dkim-signature".split()
)
_JSON_RECORD = re.compile(r'\s*(?:\[\s*)?\{\s*"')


def unpack(data: bytes, name: str) -> tuple[bytes, str]:
    """Decompress a gzip file and drop `.gz` from its name; return any other file unchanged.

    Raises ReadError if the file is damaged or larger than MAX_UNPACKED when decompressed.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data, name
    try:
        with gzip.open(io.BytesIO(data)) as file:
            content = file.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError(f"{name} is a damaged gzip file ({error}); decompress it and add its content") from error
    if len(content) > MAX_UNPACKED:
        raise ReadError(f"{name} is larger than {MAX_UNPACKED // 2**20} MB when decompressed; split it first")
    return content, name.removesuffix(".gz")


def detect(data: bytes, name: str) -> str:
    """Return one of FORMATS. Raises UnsupportedFormat if no reader supports the file, ReadError if it is empty or damaged."""
    if not data.strip():
        raise ReadError(f"{name} is empty; there is nothing to search")
    head = data[:_HEAD]
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_format(data, name)
    if head.startswith(COMPOUND_FILE):
        if _MESSAGE_STREAM in data:
            return "msg"
        raise _ole_error(data, name)
    if _MAILBOX.match(head):
        return "mbox"
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if head.startswith(tuple(IMAGES)):
        return "image"
    for signature, kind in _BINARY_SIGNATURES:
        if head.startswith(signature):
            raise UnsupportedFormat(f"{name} is {kind}; convert it first. Supported formats: {_SUPPORTED}")
    return _text_format(data, name)


def _zip_format(data: bytes, name: str) -> str:
    with open_archive(data, name) as archive:
        members = archive.namelist()
        for member, file_format in _ZIP_MEMBERS:
            if member in members:
                return file_format
        kind = read_member(archive, "mimetype", name) if "mimetype" in members else b""
        if kind.startswith(_OPEN_DOCUMENT_TEXT):
            return "odt"
        if kind.startswith(_EPUB):
            return "epub"
    raise UnsupportedFormat(
        f"{name} is a ZIP archive, not a document; unpack it and add the files. Supported formats: {_SUPPORTED}"
    )


def _ole_error(data: bytes, name: str) -> ReadError:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return ReadError(f"{name} is password-protected; save it without a password and add it again")
    for stream, (kind, way) in _OLE_STREAMS.items():
        if stream.encode("utf-16-le") in data:
            return UnsupportedFormat(f"{name} is {kind}; {way}")
    return UnsupportedFormat(f"{name} is in an old Microsoft Office format; save it as DOCX, PPTX or XLSX")


def _text_format(data: bytes, name: str) -> str:
    unsupported = UnsupportedFormat(f"{name} is not in a known format; convert it first. Supported formats: {_SUPPORTED}")
    try:
        # The whole file: a sample may end inside a character and be taken for another encoding.
        text = decode(data, name).text
    except ReadError as error:
        if _looks_binary(data[:_HEAD].decode("latin-1")):
            raise unsupported from error
        raise
    head = text[:_HEAD].lstrip("\ufeff")
    if _looks_binary(head):
        raise unsupported
    by_name = _EXTENSIONS.get(PurePosixPath(name.lower()).suffix)
    if by_name in ("markdown", "csv"):
        return by_name
    if _HTML.match(head) and by_name != "email":
        return "html"
    if _XML.match(head):
        return _xml_format(head, name)
    if _JSON_RECORD.match(head):
        return _json_format(text) or by_name or "text"
    if _looks_like_mail(head, by_name):
        return "email"
    return by_name or "text"


def _looks_binary(head: str) -> bool:
    """Whether more than 1 in 20 characters is a control or U+FFFD. Text has almost none; random bytes have 1 in 8."""
    unusual = sum(1 for character in head if (character < " " and character not in "\t\n\f\v\x1b") or character == "\ufffd")
    return unusual * 20 > len(head)


def _xml_format(head: str, name: str) -> str:
    if "<html" in head.lower():
        return "html"
    raise UnsupportedFormat(f"{name} is XML of an unknown kind; convert it to HTML or text. Supported formats: {_SUPPORTED}")


def _json_format(text: str) -> str | None:
    """GOV.UK content items have a `base_path`; records have a text, id or title."""
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
