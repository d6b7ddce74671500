"""Reads e-mail (EML): the subject is the title, the body the text; attachments are listed in the metadata, not read."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import EmailPolicy
from typing import Any

from corpus.readers.builder import TextBuilder
from corpus.readers.dates import iso_date_of_message
from corpus.readers.decoding import decode, sanitise
from corpus.readers.markup.html_text import append_html
from corpus.types import Document, MetadataValue, ReadError

_ENCRYPTED = frozenset(("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"))
_WIDE_ENCODINGS = ("utf-16", "utf-32")
_MAX_PARTS = 1_000


class _LenientPolicy(EmailPolicy):
    """Accepts malformed headers, on which the default policy raises ValueError, IndexError, HeaderParseError and others."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """The parsed header; if it cannot be parsed, the value before its parameters."""
        try:
            return super().header_fetch_parse(name, value)
        except Exception:  # noqa: BLE001 - any error of the parser
            return " ".join(str(value).partition(";")[0].split())


class EmailReader:
    """Reads the plain text of a message, or its HTML if it has no plain text."""

    def read(self, data: bytes, name: str) -> Document:
        decoded = decode(data, name)
        if decoded.encoding.startswith(_WIDE_ENCODINGS):
            data = decoded.text.encode()
        try:
            message = message_from_bytes(data, policy=_LenientPolicy())
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
        if number == _MAX_PARTS:
            return
        if not part.is_multipart() or part.get_content_type() in _ENCRYPTED:
            yield part


def _body(parts: list[Message], name: str) -> str:
    """All plain text parts, or all HTML parts if no plain text part has text."""
    inline = [part for part in parts if not _is_attachment(part)]
    plain = [_text(part, name) for part in inline if part.get_content_type() == "text/plain"]
    if any(text.strip() for text in plain):
        return "\n\n".join(text.strip("\n") for text in plain if text.strip())
    builder = TextBuilder()
    for part in inline:
        if part.get_content_type() == "text/html":
            append_html(_text(part, name), builder)
    return builder.text


def _text(part: Message, name: str) -> str:
    """The content of a part, decoded as declared, or as guessed if the declaration is wrong or unknown."""
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
    if filenames := [filename for filename in attachments if filename]:
        metadata["attachments"] = filenames
    return metadata


def _filename(part: Message) -> str:
    try:
        return part.get_filename() or ""
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def _header(message: Message, key: str) -> str:
    """The decoded value of a header, on one line."""
    return " ".join(sanitise(str(message.get(key, ""))).split())
