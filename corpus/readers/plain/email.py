"""Reads e-mail (EML): the headers and the body are the text, the subject is the title; attachments are passed on as files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import EmailPolicy, compat32
from typing import Any
from urllib.parse import unquote

from corpus.readers.attachments import Attachment
from corpus.readers.builder import TextBuilder
from corpus.readers.dates import iso_date_of_message
from corpus.readers.decoding import decode, sanitise
from corpus.readers.detection import IMAGES
from corpus.readers.markup.html_text import append_html
from corpus.types import Document, MetadataValue, ReadError, ReadFailure

_ENCRYPTED = frozenset(("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"))
# Signatures and delivery reports: parts that a mail program does not show as attachments.
_NOT_ATTACHED = frozenset(("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"))
_WIDE_ENCODINGS = ("utf-16", "utf-32")
_HEADERS = ("from", "to", "cc", "date", "subject")
_MAX_PARTS = 1_000
# An image that the HTML shows, named by its Content-ID (RFC 2392). A link to a part shows nothing.
_SHOWN = re.compile(r"""(?:\b(?:src|background)\s*=\s*["']?|url\(\s*["']?)\s*cid:([^"'\s>)]+)""", re.IGNORECASE)
# In bytes. Smaller images are icons, spacers and counters: too small for a line of text.
_MIN_IMAGE = 1024


class _LenientPolicy(EmailPolicy):
    """Accepts malformed headers, on which the default policy raises ValueError, IndexError, HeaderParseError and others."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """The parsed header; if it cannot be parsed, the value before its parameters."""
        try:
            return super().header_fetch_parse(name, value)
        except Exception:  # noqa: BLE001 - any error of the parser
            return " ".join(str(value).partition(";")[0].split())


class EmailReader:
    """Reads a message: the plain text, or the HTML if it has no plain text, and its attachments."""

    def read_records(self, data: bytes, name: str) -> Iterator[Document | ReadFailure | Attachment]:
        decoded = decode(data, name)
        yield from read_message(decoded.text.encode() if decoded.encoding.startswith(_WIDE_ENCODINGS) else data, name)


def read_message(data: bytes, name: str) -> Iterator[Document | ReadFailure | Attachment]:
    """Yield the document of a message, then its attachments. Raises ReadError if it is damaged or encrypted."""
    try:
        message = message_from_bytes(data, policy=_LenientPolicy())
        parts, is_complete = _parts(message)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ReadError(f"{name} is a damaged message ({error}); export it again") from error
    if any(part.get_content_type() in _ENCRYPTED for part in parts):
        raise ReadError(f"{name} is encrypted; decrypt it and export it again")
    shown = _shown_images(parts, name)
    attached = [(part, _attachment_name(part)) for part in parts if _is_attachment(part, shown)]
    names = [filename for _, filename in attached]
    headers = {key: value for key in _HEADERS if (value := _header(message, key))}
    yield Document(
        text=_text(headers, names, _body(parts, name)),
        title=headers.get("subject", ""),
        date=iso_date_of_message(headers.get("date", "")),
        type="email",
        metadata=_metadata(headers, names),
    )
    for part, filename in attached:
        try:
            content = _content(part)
            if len(content) >= _MIN_IMAGE or not content.startswith(tuple(IMAGES)):
                yield Attachment(content, filename)
        except Exception as error:  # noqa: BLE001 - any error of the parser
            yield ReadFailure(filename, f"{name}: {filename} is damaged ({type(error).__name__}); export the message again")
    if not is_complete:
        yield ReadFailure(name, f"{name} has more than {_MAX_PARTS} parts; the others are not read")


def _parts(message: Message) -> tuple[list[Message], bool]:
    """The parts without parts of their own, and whether these are all. An attached message is one part."""
    waiting, parts = [message], []
    for _ in range(_MAX_PARTS):
        if not waiting:
            break
        part = waiting.pop()
        if part.is_multipart() and (part is message or not _is_message(part)) and part.get_content_type() not in _ENCRYPTED:
            waiting += reversed([inner for inner in part.get_payload() if isinstance(inner, Message)])
        else:
            parts.append(part)
    return parts, not waiting


def _text(headers: dict[str, str], attachments: list[str], body: str) -> str:
    """The headers, a paragraph each, so that each can be quoted, and the body."""
    lines = [f"{key.capitalize()}: {value}" for key, value in headers.items()]
    if attachments:
        lines.append(f"Attachments: {', '.join(attachments)}")
    return "\n\n".join(block for block in (*lines, body.strip("\n")) if block.strip())


def _body(parts: list[Message], name: str) -> str:
    """All plain text parts, or all HTML parts if no plain text part has text."""
    inline = [part for part in parts if not _is_attachment(part)]
    plain = [_decoded(part, name) for part in inline if part.get_content_type() == "text/plain"]
    if any(text.strip() for text in plain):
        return "\n\n".join(text.strip("\n") for text in plain if text.strip())
    builder = TextBuilder()
    for part in inline:
        if part.get_content_type() == "text/html":
            append_html(_decoded(part, name), builder)
    return builder.text


def _decoded(part: Message, name: str) -> str:
    """The content of a part, decoded as declared, or as guessed if the declaration is wrong or unknown."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes) or not content:
        return ""
    try:
        return sanitise(content.decode(part.get_content_charset() or "utf-8"))
    except (UnicodeDecodeError, LookupError, ValueError):
        return decode(content, name).text


def _content(part: Message) -> bytes:
    """The bytes of an attachment; of an attached message, its source."""
    if part.is_multipart():
        inner = part.get_payload(0)
        return inner.as_bytes(policy=compat32) if isinstance(inner, Message) else b""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _is_message(part: Message) -> bool:
    return part.get_content_type() == "message/rfc822"


def _shown_images(parts: list[Message], name: str) -> set[str]:
    """The Content-IDs of the parts that the message's HTML shows as images, even if they are marked as attachments."""
    if not any("content-id" in part for part in parts):
        return set()
    html = (part for part in parts if part.get_content_type() == "text/html" and not _is_attachment(part))
    return {unquote(found) for part in html for found in _SHOWN.findall(_decoded(part, name))}


def _is_attachment(part: Message, shown: Collection[str] = ()) -> bool:
    """Whether a mail program shows the part as an attachment; not an image of the body. `shown`: as of `_shown_images`."""
    if shown and _header(part, "content-id").strip("<>") in shown:
        return False
    if part.get_content_disposition() == "attachment" or _is_message(part):
        return True
    is_file = bool(_filename(part)) and part.get_content_maintype() not in ("text", "multipart")
    return is_file and "content-id" not in part and part.get_content_type() not in _NOT_ATTACHED


def _metadata(headers: dict[str, str], attachments: list[str]) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {key: headers[key] for key in ("from", "to", "cc") if key in headers}
    return metadata | {"attachments": attachments} if attachments else metadata


def _attachment_name(part: Message) -> str:
    """Its file name; of an attached message without one its subject, of another part its type."""
    if name := _filename(part):
        return name
    inner = part.get_payload(0) if _is_message(part) and part.is_multipart() else None
    subject = _header(inner, "subject") if isinstance(inner, Message) else ""
    return f"{subject or 'message'}.eml" if _is_message(part) else part.get_content_type().replace("/", ".")


def _filename(part: Message) -> str:
    try:
        name = part.get_filename() or ""
    except (ValueError, LookupError, TypeError, AttributeError):
        name = ""
    return " ".join(sanitise(name).split())


def _header(message: Message, key: str) -> str:
    """The decoded value of a header, on one line."""
    return " ".join(sanitise(str(message.get(key, ""))).split())
