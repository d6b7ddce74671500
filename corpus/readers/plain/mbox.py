"""Reads mailboxes (mbox): each message and its attachments. The lines that separate messages are not text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from corpus.readers.attachments import Attachment
from corpus.readers.plain.email import read_message
from corpus.types import Document, ReadError, ReadFailure

# "From ann@example.org Tue Mar  5 09:30:00 2024" at the start or after a blank line, before a header.
_SEPARATOR = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From \S+[^\n]*\d:\d\d[^\n]*\n(?=>?[!-9;-~]+[: ])")
# Lines of a message that begin like a separator are marked by ">".
_MARKED = re.compile(rb"^>(>*From )", re.MULTILINE)
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
# In bytes.
_HEAD = 64 * 1024


class MboxReader:
    """Reads the messages one by one; a damaged one affects no other."""

    def read_records(self, data: bytes, name: str) -> Iterator[Document | ReadFailure | Attachment]:
        for number, message in enumerate(_messages(data), start=1):
            place = f"{name}, message {number}"
            try:
                for found in read_message(message, place):
                    yield replace(found, part=_part(message)) if isinstance(found, Document) else found
            except ReadError as error:
                yield ReadFailure(place, str(error))


def _messages(data: bytes) -> Iterator[bytes]:
    separators = list(_SEPARATOR.finditer(data))
    starts = [(separator.start(), separator.end()) for separator in separators]
    for (_, start), (end, _) in pairwise([*starts, (len(data), len(data))]):
        yield _MARKED.sub(rb"\1", data[start:end])


def _part(message: bytes) -> str:
    """Twelve digits of the SHA-256 of its Message-ID, which stays when the mailbox changes, or of the message without one."""
    found = _MESSAGE_ID.search(message[:_HEAD])
    return hashlib.sha256(found[1] if found else message).hexdigest()[:12]
