"""E-mail messages (EML): the subject is the title, the body the text; attachments are named, not read."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import EmailPolicy
from typing import Any

from corpus.readers.builder import TextBuilder
from corpus.readers.dates import iso_date_of_message
from corpus.readers.decoding import decode, sanitise
from corpus.readers.markup.html_text import render
from corpus.types import Document, MetadataValue, ReadError

_ENCRYPTED = frozenset(("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"))
_WIDE = ("utf-16", "utf-32")
# Parts within parts, such as forwarded messages.
_MOST_PARTS = 1_000


class _Lenient(EmailPolicy):
    """The standard library fails on some headers that are malformed (with ValueError, IndexError, HeaderParseError and more)."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """Of a header that cannot be taken apart, what stands before its parameters."""
        try:
            return super().header_fetch_parse(name, value)
        except Exception:  # noqa: BLE001 - by what is malformed
            return " ".join(str(value).partition(";")[0].split())


class EmailReader:
    """Reads the plain text of a message where it has any, else its HTML."""

    def read(self, data: bytes, name: str) -> Document:
        whole = decode(data, name)
        if whole.encoding.startswith(_WIDE):
            data = whole.text.encode()
        try:
            message = message_from_bytes(data, policy=_Lenient())
            parts = list(_parts(message))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ReadError(f"{name} is a damaged message ({error}); export it again") from error
        if any(part.get_content_type() in _ENCRYPTED for part in parts):
            raise ReadError(f"{name} is encrypted; decrypt it and export it again")
        subject = _header(message, "subject")
        return Document(
            text=_body(parts, name),
            title=subject,
            date=iso_date_of_message(_header(message, "date")),
            type="email",
            metadata=_metadata(message, parts),
        )


def _parts(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number == _MOST_PARTS:
            return
        if not part.is_multipart() or part.get_content_type() in _ENCRYPTED:
            yield part


def _body(parts: list[Message], name: str) -> str:
    """All plain text parts, as several may stand one after the other; all HTML parts where no plain text says anything."""
    shown = [part for part in parts if not _is_attachment(part)]
    plain = [_text(part, name) for part in shown if part.get_content_type() == "text/plain"]
    if any(text.strip() for text in plain):
        return "\n\n".join(text.strip("\n") for text in plain if text.strip())
    builder = TextBuilder()
    for part in shown:
        if part.get_content_type() == "text/html":
            render(_text(part, name), builder)
    return builder.text


def _text(part: Message, name: str) -> str:
    """The content of a part in its declared encoding; one that is wrong or unknown is guessed."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes) or not content:
        return ""
    try:
        return sanitise(content.decode(part.get_content_charset() or "utf-8"))
    except (UnicodeDecodeError, LookupError, ValueError):
        return decode(content, name).text


def _is_attachment(part: Message) -> bool:
    return part.get_content_disposition() == "attachment"


def _metadata(message: Message, parts: list[Message]) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    for key in ("from", "to", "cc"):
        if value := _header(message, key):
            metadata[key] = value
    attachments = [sanitise(_filename(part)) for part in parts if _is_attachment(part)]
    if named := [filename for filename in attachments if filename]:
        metadata["attachments"] = named
    return metadata


def _filename(part: Message) -> str:
    try:
        return part.get_filename() or ""
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def _header(message: Message, key: str) -> str:
    """The decoded value of a header, on one line."""
    return " ".join(sanitise(str(message.get(key, ""))).split())
