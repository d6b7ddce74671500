"""Format detection, decoding and language detection."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable

import pytest

from corpus.readers import FORMATS, detect, load_reader, read
from corpus.types import Document, ReadError, UnsupportedFormat

Reading = Callable[[bytes, str], Document]

# An OLE file without streams.
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"Just words.", "notes.txt", "text"),
        (b"Just words.", "notes", "text"),
        (b"Just words.", "notes.rst", "text"),
        (b"# Title\n\nWords", "notes.md", "markdown"),
        (b"<!DOCTYPE html><html><body>Words", "page.txt", "html"),
        (b"<!-- saved --><html><body>Words", "page", "html"),
        (b"\xef\xbb\xbf<html><body>Words", "page.html", "html"),
        (b"%PDF-1.4 and so on", "page.docx", "pdf"),
        (b"a,b\n1,2\n", "table.csv", "csv"),
        (b"From: a@example.org\nTo: b@example.org\nSubject: Hi\n\nWords", "mail.txt", "email"),
        (b"Subject: Hi\n\nWords", "mail.eml", "email"),
        (b"From ann@example.org Tue Mar  5 09:30:00 2024\nSubject: Hi\n\nWords", "Inbox", "mbox"),
        (b"From here on it is 10:30 walking.\n\nWords", "walk.txt", "text"),
        (b"{\\rtf1 words}", "old.rtf", "rtf"),
        (b"Note: words\nMore: words\n\nWords", "notes.txt", "text"),
        (b'{"base_path": "/vat", "title": "VAT", "details": {}}', "vat.json", "govuk"),
        (b'[{"base_path": "/vat", "title": "VAT", "details": {}}]', "items.json", "govuk"),
        (b'{"id": "1", "text": "Words"}\n', "lines.txt", "jsonl"),
        (b'{"_id": "1", "text": "Words"}\n', "corpus.jsonl", "jsonl"),
        (b"\x89PNG\r\n\x1a\n", "scan.pdf", "image"),
        (OLE + "__substg1.0_0037WordDocument".encode("utf-16-le"), "old.doc", "msg"),
    ],
)
def test_detects_content_before_name(data: bytes, name: str, expected: str) -> None:
    assert detect(data, name) == expected


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (OLE + "WordDocument".encode("utf-16-le"), "old.doc", r"\(DOC\).* save it as DOCX"),
        (OLE, "old.doc", "old Microsoft Office"),
        (b'<?xml version="1.0"?><feed>Words</feed>', "feed.xml", "XML of an unknown kind"),
        (bytes(range(256)) * 8, "data.bin", "not in a known format"),
    ],
)
def test_rejects_unsupported_formats_by_name(data: bytes, name: str, words: str) -> None:
    with pytest.raises(UnsupportedFormat, match=words):
        detect(data, name)


def test_encrypted_office_file_needs_a_password() -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64) + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(ReadError, match="password"):
        detect(data, "secret.docx")


def test_rejects_a_zip_of_files(make_zip: Callable[..., bytes]) -> None:
    with pytest.raises(UnsupportedFormat, match="ZIP archive"):
        detect(make_zip({"a.txt": "Words"}), "files.zip")


@pytest.mark.parametrize("data", [b"", b" \n\t ", b"\xef\xbb\xbf"])
def test_empty_file_is_an_error(data: bytes) -> None:
    with pytest.raises(ReadError, match=r"empty|no text"):
        list(read(data, "empty.txt"))


def test_reads_a_gzipped_page(document: Reading) -> None:
    found = document(gzip.compress(b"<html><body><p>Words on a page.</p></body></html>"), "page.html.gz")
    assert (found.type, found.text) == ("html", "Words on a page.")


def test_truncated_gzip_is_an_error() -> None:
    with pytest.raises(ReadError, match="damaged gzip"):
        list(read(gzip.compress(b"Words" * 100)[:-12], "page.html.gz"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_reads_every_unicode_encoding(document: Reading, encoding: str) -> None:
    assert document("Plain words, café.\r\nMore.".encode(encoding), "a.txt").text == "Plain words, café.\nMore."


def test_guesses_and_records_other_encodings(document: Reading) -> None:
    sentence = "Die Prüfung der Anträge für das nächste Jahr läuft über die örtliche Behörde. " * 4
    found = document(sentence.encode("cp1252"), "a.txt")
    assert found.text == sentence
    assert found.metadata["encoding"]


def test_title_from_name_is_its_last_part(document: Reading) -> None:
    assert document(b"Words.", "../../etc/passwd").title == "passwd"
    assert document(b"Words.", "C:\\files\\notes.txt").title == "notes"


def test_replaces_nul_characters(document: Reading) -> None:
    assert document(b"Many words and one \0 among them, " * 9 + b"and so on", "a.txt").text.count("\ufffd") == 9


def test_every_format_has_a_reader() -> None:
    for file_format in FORMATS:
        reader = load_reader(file_format)
        assert hasattr(reader, "read") or hasattr(reader, "read_records")


def test_importing_readers_imports_no_format_library() -> None:
    libraries = (
        "{'lxml', 'pypdfium2', 'trafilatura', 'selectolax', 'openpyxl', 'pptx', 'markdown_it', 'charset_normalizer', 'numpy'}"
    )
    program = f"import corpus.readers, corpus.sandbox, sys; assert not {libraries} & set(sys.modules), sys.modules.keys() & {libraries}"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_language_is_detected_or_none(document: Reading) -> None:
    assert document(b"Mae'r cynllun yn helpu pobl ifanc i ddod o hyd i waith yng Nghymru.", "a.txt").language == "cy"
    assert document(b"The scheme helps young people to find work in their own town.", "a.txt").language == "en"
    assert document(b"12 345", "a.txt").language is None
