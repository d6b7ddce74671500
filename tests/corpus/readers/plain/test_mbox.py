"""Mailboxes: many messages, separators that are no text, ids that stay, damage that stays local."""

from __future__ import annotations

import mailbox
from email.message import EmailMessage
from pathlib import Path

import pytest

from corpus.readers import read
from corpus.types import Document, ReadFailure


def message(number: int, text: str = "") -> EmailMessage:
    written = EmailMessage()
    written["From"] = f"Person {number} <p{number}@example.org>"
    written["Subject"] = f"Message {number}"
    written["Message-ID"] = f"<{number}@example.org>"
    written.set_content(text or f"The text of message {number}.")
    return written


def mbox_of(folder: Path, *messages: EmailMessage) -> bytes:
    """As Python's own mailbox writes it."""
    path = folder / "mail.mbox"
    path.unlink(missing_ok=True)
    box = mailbox.mbox(path)
    for one in messages:
        box.add(one)
    box.close()
    return path.read_bytes()


def documents(data: bytes, name: str = "mail.mbox") -> list[Document]:
    return [found for found in read(data, name) if isinstance(found, Document)]


@pytest.mark.parametrize("name", ["mail.mbox", "mail", "mail.eml", "mail.txt"])
def test_each_message_is_a_document(tmp_path: Path, name: str) -> None:
    found = documents(mbox_of(tmp_path, *map(message, range(5))), name)
    assert [one.title for one in found] == [f"Message {number}" for number in range(5)]
    for number, one in enumerate(found):
        assert one.text == (
            f"From: Person {number} <p{number}@example.org>\n\nSubject: Message {number}\n\nThe text of message {number}.\n"
        ).rstrip("\n")
    assert len({one.part for one in found}) == 5


def test_a_line_that_looks_like_a_separator_is_kept_as_text(tmp_path: Path) -> None:
    text = "We wrote:\n\nFrom here on it is 10:30 walking.\n\nFrom me.\n"
    (found,) = documents(mbox_of(tmp_path, message(1, text)))
    assert "\n\nFrom here on it is 10:30 walking.\n\nFrom me." in found.text


def test_parts_stay_when_other_messages_come_and_go(tmp_path: Path) -> None:
    attached = message(2)
    attached.add_attachment(b"Words.", maintype="text", subtype="plain", filename="notes.txt")
    before = [one.part for one in documents(mbox_of(tmp_path, message(1), attached))]
    after = [one.part for one in documents(mbox_of(tmp_path, message(3), attached))]
    assert after[1:] == before[1:]
    assert before[2] == f"{before[1]}/notes.txt"


def test_a_message_that_cannot_be_read_affects_no_other(tmp_path: Path) -> None:
    encrypted = EmailMessage()
    encrypted["From"] = "a@example.org"
    encrypted["Content-Type"] = "multipart/encrypted; boundary=x"
    found = list(read(mbox_of(tmp_path, message(1), encrypted, message(3)), "mail.mbox"))
    assert [type(one) for one in found] == [Document, ReadFailure, Document]
    assert isinstance(found[1], ReadFailure)
    assert found[1].reason.startswith("mail.mbox, message 2 is encrypted")
