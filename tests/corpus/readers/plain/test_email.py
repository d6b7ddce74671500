"""E-mail: headers, bodies, attachments and malformed messages."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage

import pytest

from corpus.readers import read
from corpus.types import Document, ReadError, ReadFailure

IMAGE = b"\x89PNG\r\n\x1a\n".ljust(2000, b".")
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


HEADERS = (
    "From: Ann Example <ann@example.org>\n\nTo: Bob <bob@example.org>, carol@example.org\n\n"
    "Date: Tue, 05 Mar 2024 09:30:00 +0100\n\nSubject: Öffnungszeiten"
)


def documents(written: EmailMessage) -> list[Document]:
    found = list(read(written.as_bytes(), "mail.eml"))
    assert all(isinstance(one, Document) for one in found), found
    return [one for one in found if isinstance(one, Document)]


def test_headers_become_title_date_and_metadata(document: Reading) -> None:
    found = document(message().as_bytes(), "mail.eml")
    assert (found.title, found.date, found.type) == ("Öffnungszeiten", "2024-03-05T09:30:00+01:00", "email")
    assert found.metadata["from"] == "Ann Example <ann@example.org>"
    assert found.metadata["to"] == "Bob <bob@example.org>, carol@example.org"
    assert found.text == f"{HEADERS}\n\nDear all,\n\nThe office is closed."


def test_prefers_plain_text_to_html(document: Reading) -> None:
    html = "<html><body><h1>Hours</h1><p>We are <b>closed</b>.</p></body></html>"
    assert "closed." in document(message(html=html).as_bytes(), "mail.eml").text
    found = document(message(text="", html=html).as_bytes(), "mail.eml")
    assert found.text == f"{HEADERS}\n\nHours\n\nWe are closed."


def test_attachments_are_documents_that_name_their_mail(make_pdf: Callable[..., bytes]) -> None:
    written = message()
    pdf = make_pdf([[(20, 760, "Opening hours"), (10, 700, "We open at nine.")]], date="D:20200101000000Z")
    written.add_attachment(pdf, maintype="application", subtype="pdf", filename="hours (1).pdf")
    written.add_attachment(b"The key is under the mat.", maintype="text", subtype="plain", filename="text")
    mail, hours, text = documents(written)
    assert mail.part is None
    assert mail.metadata["attachments"] == ["hours (1).pdf", "text"]
    assert "\n\nAttachments: hours (1).pdf, text\n\n" in mail.text
    assert "nine" not in mail.text
    assert (hours.title, hours.text, hours.date, hours.part) == (
        "Opening hours",
        "Opening hours\n\nWe open at nine.",
        None,
        "hours-1-.pdf",
    )
    assert hours.metadata == {
        "mail": "Öffnungszeiten",
        "mail_from": "Ann Example <ann@example.org>",
        "mail_date": "2024-03-05T09:30:00+01:00",
        "created": "2020-01-01",
    }
    assert (text.text, text.part) == ("The key is under the mat.", "attachment-text")


def test_an_inline_file_is_an_attachment_and_an_image_of_the_body_is_none(make_pdf: Callable[..., bytes]) -> None:
    written = message(html="<p>Words <img src='cid:logo'></p>")
    pdf = make_pdf([[(10, 700, "We open at nine.")]])
    written.add_attachment(pdf, maintype="application", subtype="pdf", filename="hours.pdf", disposition="inline")
    written.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="a.png", disposition="inline", cid="<logo>")
    assert [found.part for found in documents(written)] == [None, "hours.pdf"]


@pytest.mark.parametrize("source", ["<img alt=x src='cid:logo@1'>", "<p style='background: url(cid:logo%401)'>"])
def test_an_image_that_the_text_shows_is_no_attachment_even_if_it_is_marked_as_one(source: str) -> None:
    written = message(html=f"<p>Words</p>{source}<a href='cid:plan'>Plan</a>")
    written.add_attachment(IMAGE, maintype="image", subtype="png", filename="logo.png", cid="<logo@1>")
    written.add_attachment(b"Turn left.", maintype="text", subtype="plain", filename="plan.txt", cid="<plan>")
    mail, plan = documents(written)
    assert "Attachments: plan.txt\n" in mail.text
    assert plan.text == "Turn left."


def test_an_icon_is_named_but_not_read() -> None:
    written = message()
    written.add_attachment(IMAGE[:500], maintype="image", subtype="png", filename="icon.png")
    (mail,) = documents(written)
    assert "Attachments: icon.png\n" in mail.text


def test_an_attachment_that_cannot_be_read_is_reported() -> None:
    written = message()
    written.add_attachment(IMAGE, maintype="image", subtype="png", filename="logo.png")
    written.add_attachment(b"PK\x03\x04 no archive", maintype="application", subtype="zip", filename="plan.docx")
    written.add_attachment(b"Words.", maintype="text", subtype="plain", filename="notes.txt")
    mail, logo, plan, notes = read(written.as_bytes(), "mail.eml")
    assert isinstance(mail, Document)
    assert isinstance(notes, Document)
    assert isinstance(logo, ReadFailure)
    assert isinstance(plan, ReadFailure)
    assert logo.needs_ocr
    assert logo.reason.startswith("mail.eml: logo.png is a PNG image")
    assert plan.reason.startswith("mail.eml: plan.docx is a damaged")


def test_an_attached_message_has_its_own_sender_and_attachments() -> None:
    inner = message("The offer ends on Friday.\n")
    del inner["From"]
    inner["From"] = "Dan <dan@example.org>"
    inner.add_attachment(b"Ten per cent off.", maintype="text", subtype="plain", filename="offer.txt")
    outer = message()
    outer.add_attachment(inner)
    mail, forwarded, offer = documents(outer)
    assert "Friday" not in mail.text
    assert "From: Dan <dan@example.org>" in forwarded.text
    assert (forwarded.part, offer.part) == ("Öffnungszeiten.eml", "Öffnungszeiten.eml/offer.txt")
    assert forwarded.metadata["mail_from"] == "Ann Example <ann@example.org>"
    assert offer.metadata["mail_from"] == "Dan <dan@example.org>"


def test_messages_nested_too_deeply_are_reported() -> None:
    nested = message("The innermost.\n")
    for _ in range(8):
        outer = message()
        outer.add_attachment(nested)
        nested = outer
    *read_ones, failure = read(nested.as_bytes(), "mail.eml")
    assert len(read_ones) == 6
    assert isinstance(failure, ReadFailure)
    assert "inside 5 messages" in failure.reason


def test_an_attachment_cannot_take_the_place_of_another_document() -> None:
    written = message()
    record = b'{"id": "policy", "text": "Everything is allowed.", "url": "https://example.org/policy"}'
    written.add_attachment(record, maintype="application", subtype="json", filename="a.jsonl")
    _, found = documents(written)
    assert (found.id, found.url, found.part) == (None, None, "a.jsonl/attachment-policy")


def test_reads_utf_16(document: Reading) -> None:
    found = document(message().as_string().encode("utf-16"), "mail.eml")
    assert found.title == "Öffnungszeiten"


def test_guesses_an_unknown_charset(document: Reading) -> None:
    raw = b"From: a@example.org\nSubject: Hi\nContent-Type: text/plain; charset=no-such\n\nA caf\xc3\xa9 on the corner.\n"
    assert document(raw, "mail.eml").text.endswith("\n\nA café on the corner.")


@pytest.mark.parametrize("header", ["From: <<<>>>;;", "Date: yesterday", "Subject: =?utf-8?q?=ff?=", "To: a@[", "From: \x00"])
def test_malformed_headers_are_ignored(document: Reading, header: str) -> None:
    assert document(f"{header}\nMIME-Version: 1.0\n\nThe body.".encode(), "mail.eml").text.endswith("The body.")


@pytest.mark.parametrize(
    "header",
    [
        "Content-Disposition: attachment; filename*=u\0tf-8''n",
        "Content-Type: text/plain; charset*=u\0tf-8''x; charset=utf-8",
        "Content-Transfer-Encoding: 8bit; a*=\0'b'c",
    ],
)
def test_malformed_part_header_affects_that_part_only(header: str) -> None:
    parts = f"--x\nContent-Type: text/plain\n\nThe body.\n--x\n{header}\n\nMore.\n--x--\n"
    raw = f"From: a@example.org\nContent-Type: multipart/mixed; boundary=x\n\n{parts}"
    mail, *attachments = read(raw.encode(), "mail.eml")
    assert isinstance(mail, Document)
    assert "The body." in mail.text
    assert ("More." in mail.text) == (not header.startswith("Content-Disposition"))
    assert bool(attachments) == header.startswith("Content-Disposition")


def test_encrypted_message_is_an_error() -> None:
    raw = b"From: a@example.org\nSubject: Hi\nContent-Type: multipart/encrypted; boundary=x\n\n--x\n\nabc\n--x--\n"
    with pytest.raises(ReadError, match="encrypted"):
        list(read(raw, "mail.eml"))


def test_a_message_without_a_body_has_its_headers(document: Reading) -> None:
    found = document(b"From: a@example.org\nTo: b@example.org\nSubject: Hi\n\n", "mail.eml")
    assert found.text == "From: a@example.org\n\nTo: b@example.org\n\nSubject: Hi"
