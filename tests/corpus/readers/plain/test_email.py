"""E-mail: headers, bodies, attachments and malformed messages."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage

import pytest

from corpus.readers import read
from corpus.types import Document, ReadError

Reading = Callable[[bytes, str], Document]


def message(text: str = "Dear all,\n\nThe office is closed.\n", html: str = "") -> EmailMessage:
    written = EmailMessage()
    written["From"] = "Ann Example <ann@example.org>"
    written["To"] = "Bob <bob@example.org>, carol@example.org"
    written["Subject"] = "Öffnungszeiten"
    written["Date"] = "Tue, 05 Mar 2024 09:30:00 +0100"
    if text:
        written.set_content(text)
    if html and text:
        written.add_alternative(html, subtype="html")
    elif html:
        written.set_content(html, subtype="html")
    return written


def test_headers_become_title_date_and_metadata(document: Reading) -> None:
    found = document(message().as_bytes(), "mail.eml")
    assert (found.title, found.date, found.type) == ("Öffnungszeiten", "2024-03-05T09:30:00+01:00", "email")
    assert found.metadata["from"] == "Ann Example <ann@example.org>"
    assert found.metadata["to"] == "Bob <bob@example.org>, carol@example.org"
    assert found.text.strip() == "Dear all,\n\nThe office is closed."


def test_prefers_plain_text_to_html(document: Reading) -> None:
    html = "<html><body><h1>Hours</h1><p>We are <b>closed</b>.</p></body></html>"
    assert "closed." in document(message(html=html).as_bytes(), "mail.eml").text
    found = document(message(text="", html=html).as_bytes(), "mail.eml")
    assert found.text == "Hours\n\nWe are closed."


def test_attachments_are_listed_but_not_read(document: Reading) -> None:
    written = message()
    written.add_attachment(b"secret words", maintype="text", subtype="plain", filename="notes.txt")
    found = document(written.as_bytes(), "mail.eml")
    assert found.metadata["attachments"] == ["notes.txt"]
    assert "secret" not in found.text


def test_reads_utf_16(document: Reading) -> None:
    found = document(message().as_string().encode("utf-16"), "mail.eml")
    assert found.title == "Öffnungszeiten"


def test_guesses_an_unknown_charset(document: Reading) -> None:
    raw = b"From: a@example.org\nSubject: Hi\nContent-Type: text/plain; charset=no-such\n\nA caf\xc3\xa9 on the corner.\n"
    assert document(raw, "mail.eml").text.strip() == "A café on the corner."


@pytest.mark.parametrize("header", ["From: <<<>>>;;", "Date: yesterday", "Subject: =?utf-8?q?=ff?=", "To: a@[", "From: \x00"])
def test_malformed_headers_are_ignored(document: Reading, header: str) -> None:
    assert document(f"{header}\nMIME-Version: 1.0\n\nThe body.".encode(), "mail.eml").text.strip() == "The body."


@pytest.mark.parametrize(
    "header",
    [
        "Content-Disposition: attachment; filename*=u\0tf-8''n",
        "Content-Type: text/plain; charset*=u\0tf-8''x; charset=utf-8",
        "Content-Transfer-Encoding: 8bit; a*=\0'b'c",
    ],
)
def test_malformed_part_header_affects_that_part_only(document: Reading, header: str) -> None:
    parts = f"--x\nContent-Type: text/plain\n\nThe body.\n--x\n{header}\n\nMore.\n--x--\n"
    raw = f"From: a@example.org\nContent-Type: multipart/mixed; boundary=x\n\n{parts}"
    found = document(raw.encode(), "mail.eml").text
    assert "The body." in found
    assert ("More." in found) == (not header.startswith("Content-Disposition"))


def test_encrypted_message_is_an_error() -> None:
    raw = b"From: a@example.org\nSubject: Hi\nContent-Type: multipart/encrypted; boundary=x\n\n--x\n\nabc\n--x--\n"
    with pytest.raises(ReadError, match="encrypted"):
        list(read(raw, "mail.eml"))


def test_message_without_text_is_an_error() -> None:
    with pytest.raises(ReadError, match="no text"):
        list(read(b"From: a@example.org\nTo: b@example.org\nSubject: Hi\n\n", "mail.eml"))
