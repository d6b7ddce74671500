"""Outlook messages: headers, text and attachments are read as those of EML; damaged files are refused."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.readers import read
from corpus.types import Document, ReadError, ReadFailure
from tests.corpus.readers.plain.compound_files import compound_file, outlook_message

SUBJECT, BODY, HTML, HEADERS, SENDER, SENDER_ADDRESS = 0x0037, 0x1000, 0x1013, 0x007D, 0x0C1A, 0x5D01
SENT = 133_594_632_000_000_000  # 6 May 2024, 10:00 UTC, as a FILETIME
TEXTS = {SUBJECT: "Trip to the lighthouse", BODY: "Bring a coat.", SENDER: "Ann Exämple", SENDER_ADDRESS: "ann@example.org"}
TO = [(1, "Bob", "bob@example.org"), (2, "Cy", "cy@example.org"), (3, "Dee", "dee@example.org")]
LONG = "The ferry costs seven pounds. " * 300


def message(attachments: list[tuple[str, Any]] | None = None, **texts: str) -> bytes:
    given_texts = {tag: text for tag, text in {**TEXTS, **{int(tag[1:]): text for tag, text in texts.items()}}.items() if text}
    return compound_file(outlook_message(given_texts, TO, attachments or [], SENT))


def test_headers_and_text_are_those_of_the_message() -> None:
    (found,) = read(message(), "trip.msg")
    assert isinstance(found, Document)
    assert found.text == (
        "From: Ann Exämple <ann@example.org>\n\nTo: Bob <bob@example.org>\n\nCc: Cy <cy@example.org>\n\n"
        "Date: Mon, 06 May 2024 10:00:00 +0000\n\nSubject: Trip to the lighthouse\n\nBring a coat."
    )
    assert (found.title, found.date, found.type) == ("Trip to the lighthouse", "2024-05-06T10:00:00+00:00", "email")
    assert found.metadata["from"] == "Ann Exämple <ann@example.org>"


def test_the_headers_it_was_sent_with_come_first() -> None:
    headers = "Received: by example.org\r\nFrom: Post <post@example.org>\r\nDate: Tue, 7 May 2024 09:00:00 +0200\r\n\r\n"
    (found,) = read(message(**{f"_{HEADERS}": headers}), "trip.msg")
    assert isinstance(found, Document)
    assert found.text.startswith("From: Post <post@example.org>\n\nTo: Bob")
    assert found.date == "2024-05-07T09:00:00+02:00"


def test_html_is_read_if_there_is_no_text() -> None:
    (found,) = read(message(**{f"_{BODY}": "", f"_{HTML}": "<p>Bring <b>boots</b>.</p>"}), "trip.msg")
    assert isinstance(found, Document)
    assert found.text.endswith("Bring boots.")


def test_attachments_and_attached_messages_are_documents_of_their_own() -> None:
    inner = outlook_message({SUBJECT: "Tides", BODY: "High water at nine.", SENDER: "Cy"}, [], [], header=24)
    mail, plan, tides, broken = read(
        message([("plan.txt", LONG.encode()), ("tides", inner), ("logo.docx", b"PK\x03\x04 no archive")]), "trip.msg"
    )
    assert isinstance(mail, Document)
    assert isinstance(plan, Document)
    assert isinstance(tides, Document)
    assert "Attachments: plan.txt, Tides.eml, logo.docx" in mail.text
    assert (plan.text.strip(), plan.part, plan.metadata["mail"]) == (LONG.strip(), "plan.txt", "Trip to the lighthouse")
    assert (tides.title, tides.part) == ("Tides", "Tides.eml")
    assert tides.text.endswith("High water at nine.")
    assert isinstance(broken, ReadFailure)


# The text of {\rtf1\ansi\ansicpg1252\pard hello world}, as [MS-OXRTFCP] section 3.1 has it.
RTF = bytes.fromhex("2D0000002B0000004C5A4675F1C5C7A703000A007263706731323542320AF32068656C090020627705B06C647D0A800FA0")


def test_a_text_that_is_only_compressed_rtf_is_read() -> None:
    tree = outlook_message({SUBJECT: "Trip"}, TO, []) | {"__substg1.0_10090102": RTF}
    (found,) = read(compound_file(tree), "trip.msg")
    assert isinstance(found, Document)
    assert found.text.endswith("\n\nSubject: Trip\n\nhello world")


def test_html_inside_rtf_is_read_once() -> None:
    source = (
        rb"{\rtf1\ansi\fromhtml1{\*\htmltag64 <p>}Bring \'80 5{\*\htmltag84 &nbsp;}\htmlrtf \~\htmlrtf0 .{\*\htmltag72 </p>}}"
    )
    whole = struct.pack("<II4sI", len(source) + 12, len(source), b"MELA", 0) + source
    (found,) = read(compound_file(outlook_message({SUBJECT: "Trip"}, TO, []) | {"__substg1.0_10090102": whole}), "trip.msg")
    assert isinstance(found, Document)
    assert found.text.endswith("Subject: Trip\n\nBring \u20ac 5\u00a0.")


def test_a_damaged_rtf_text_is_reported() -> None:
    tree = outlook_message({SUBJECT: "Trip"}, TO, []) | {"__substg1.0_10090102": RTF[:-4] + b"away"}
    with pytest.raises(ReadError, match="its RTF text is damaged"):
        list(read(compound_file(tree), "trip.msg"))


def test_images_of_the_text_are_no_attachments() -> None:
    image = b"\x89PNG\r\n\x1a\n".ljust(2000, b".")
    tree = outlook_message(
        {SUBJECT: "Trip", BODY: "Words", HTML: "<img src=cid:logo>"}, TO, [("logo.png", image), ("b.png", image)]
    )
    logo, other = (tree[f"__attach_version1.0_#{number:08X}"] for number in range(2))
    logo["__substg1.0_3712001F"] = "logo".encode("utf-16-le")
    other["__properties_version1.0"] += struct.pack("<HHIQ", 3, 0x3714, 6, 4)  # rendered in the body
    (found,) = read(compound_file(tree), "trip.msg")
    assert isinstance(found, Document)
    assert found.text.endswith("Subject: Trip\n\nWords")


WHOLE = message([("plan.txt", LONG.encode())])


@given(st.data())
def test_damaged_messages_are_read_or_refused(data: st.DataObject) -> None:
    damaged = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(8, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.one_of(st.just(len(damaged)), st.integers(600, len(damaged))))
    with suppress(ReadError):
        assert list(read(bytes(damaged[:end]), "trip.msg"))
