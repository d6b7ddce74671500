"""Reads Outlook messages (MSG) as e-mail: they are rewritten as EML.

Format: [MS-OXMSG] and [MS-OXPROPS], https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxmsg.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.mime.application import MIMEApplication
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr

from corpus.readers.attachments import MAX_DEPTH, Attachment
from corpus.readers.decoding import sanitise
from corpus.readers.office.rtf import RtfReader
from corpus.readers.plain.compound import CompoundFile, Entry
from corpus.readers.plain.compressed_rtf import decompress_rtf
from corpus.readers.plain.email import read_message
from corpus.types import Document, ReadError, ReadFailure

# Property tags ([MS-OXPROPS]).
_SUBJECT, _BODY, _HTML, _RTF, _HEADERS = 0x0037, 0x1000, 0x1013, 0x1009, 0x007D
_CODE_PAGE, _HTML_CODE_PAGE = 0x3FFD, 0x3FDE
_SENDER, _SENDER_ADDRESSES = (0x0C1A, 0x0042), (0x5D01, 0x5D02, 0x0C1F, 0x0065)
_DATES = (0x0039, 0x0E06)  # sent, delivered
_NAME, _ADDRESSES, _RECIPIENT_KIND = 0x3001, (0x39FE, 0x3003), 0x0C15
_FILE_NAMES, _DATA, _CONTENT_ID, _METHOD, _FLAGS = (0x3707, 0x3704, 0x3001), 0x3701, 0x3712, 0x3705, 0x3714
_UNICODE, _BYTES, _BINARY, _STORAGE = "001F", "001E", "0102", "000D"
_EMBEDDED = 5  # the method of an attached message
_IN_BODY = 4  # the flag of an image that the text shows
_KINDS = {1: "To", 2: "Cc"}
_PROPERTIES = "__properties_version1.0"
# Bytes before the fixed properties: of a file, of an attached message, and of a recipient or attachment.
_FILE_HEADER, _MESSAGE_HEADER, _PART_HEADER = 32, 24, 8
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


class MsgReader:
    """Reads a message as the reader of EML does: sender, recipients, date, subject, text, and attachments as files."""

    def read_records(self, data: bytes, name: str) -> Iterator[Document | ReadFailure | Attachment]:
        try:
            file = CompoundFile(data)
            message = _Message(file, file.root, _FILE_HEADER)
            source = message.as_mail(MAX_DEPTH).as_bytes(policy=compat32)
        except (ValueError, struct.error, LookupError, OverflowError, RecursionError) as error:
            raise ReadError(f"{name} is a damaged Outlook message ({error}); save it again, or save it as EML") from error
        yield from read_message(source, name)


class _Storage:
    """A storage with properties. `header`: the number of bytes before its fixed properties."""

    def __init__(self, file: CompoundFile, entry: Entry, header: int, code_page: str = "cp1252") -> None:
        self.file = file
        self.entry = entry
        self._fixed = self._fixed_properties(header)
        self.code_page = self.codec(_CODE_PAGE, code_page)

    def _fixed_properties(self, header: int) -> dict[int, bytes]:
        stream = self.entry.children.get(_PROPERTIES)
        data = self.file.read(stream)[header:] if stream else b""
        return {
            struct.unpack_from("<H", data, place + 2)[0]: data[place + 8 : place + 16] for place in range(0, len(data) - 15, 16)
        }

    def integer(self, tag: int) -> int:
        return int.from_bytes(self._fixed.get(tag, b"\0\0\0\0")[:4], "little")

    def codec(self, tag: int, otherwise: str) -> str:
        """Python's name of the code page whose number this is."""
        number = self.integer(tag)
        for name in ({65001: "utf-8", 20127: "ascii"}.get(number, f"cp{number}"), f"iso8859-{number - 28590}"):
            with suppress(LookupError):
                return codecs.lookup(name).name
        return otherwise

    def date(self, tag: int) -> datetime | None:
        """A FILETIME: tenths of microseconds since 1601."""
        value = int.from_bytes(self._fixed.get(tag, b""), "little")
        return _EPOCH + timedelta(microseconds=value // 10) if value else None

    def stream(self, tag: int, kind: str) -> bytes | None:
        entry = self.entry.children.get(f"__substg1.0_{tag:04X}{kind}")
        return self.file.read(entry) if entry else None

    def text(self, *tags: int) -> str:
        """The first of these properties that is there."""
        for tag in tags:
            if (data := self.stream(tag, _UNICODE)) is not None:
                return data.decode("utf-16-le", "replace").rstrip("\0")
            if (data := self.stream(tag, _BYTES)) is not None:
                return data.decode(self.code_page, "replace").rstrip("\0")
        return ""

    def parts(self, prefix: str) -> list[_Storage]:
        names = sorted(name for name in self.entry.children if name.startswith(prefix))
        return [_Storage(self.file, self.entry.children[name], _PART_HEADER, self.code_page) for name in names]


class _Message(_Storage):
    def as_mail(self, depth: int) -> MIMEMultipart:
        """`depth`: the levels of attached messages that are still rewritten."""
        mail = MIMEMultipart()
        for key, value in self._headers():
            mail[key] = " ".join(sanitise(value).split())
        html = self._html()
        if body := self.text(_BODY).strip() or ("" if html else self._rtf_text()):
            mail.attach(MIMEText(sanitise(body), "plain", "utf-8"))
        if html:
            mail.attach(MIMEText(sanitise(html), "html", "utf-8"))
        for part in self.parts("__attach_version1.0_"):
            if (attachment := self._attachment(part, depth)) is not None:
                mail.attach(attachment)
        return mail

    def _headers(self) -> Iterator[tuple[str, str]]:
        """Those that the message was sent with, or else what the properties say."""
        sent = message_from_string(self.text(_HEADERS).lstrip(), policy=compat32)
        date = next(filter(None, map(self.date, _DATES)), None)
        address = next((found for tag in _SENDER_ADDRESSES if "@" in (found := self.text(tag))), "")
        known = {
            "From": formataddr((self.text(*_SENDER), address)) if address else self.text(*_SENDER),
            **self._recipients(),
            "Date": format_datetime(date) if date else "",
            "Subject": self.text(_SUBJECT),
        }
        for key, value in known.items():
            if found := (str(sent[key]) if sent[key] and key != "Subject" else value):
                yield key, found

    def _recipients(self) -> dict[str, str]:
        found: dict[str, list[str]] = {"To": [], "Cc": []}
        for part in self.parts("__recip_version1.0_"):
            kind = _KINDS.get(part.integer(_RECIPIENT_KIND))
            address = next((one for tag in _ADDRESSES if "@" in (one := part.text(tag))), "")
            if kind and (name := part.text(_NAME) or address):
                found[kind].append(formataddr((name if name != address else "", address)) if address else name)
        return {kind: ", ".join(names) for kind, names in found.items()}

    def _html(self) -> str:
        data = self.stream(_HTML, _BINARY)
        return data.decode(self.codec(_HTML_CODE_PAGE, self.code_page), "replace") if data else self.text(_HTML)

    def _rtf_text(self) -> str:
        """The text of a message that has it as compressed RTF only. HTML inside RTF has its text in both."""
        data = self.stream(_RTF, _BINARY)
        return RtfReader().read(decompress_rtf(data), "").text if data else ""

    def _attachment(self, part: _Storage, depth: int) -> MIMEBase | None:
        name = part.text(*_FILE_NAMES) or "attachment"
        embedded = part.entry.children.get(f"__substg1.0_{_DATA:04X}{_STORAGE}")
        attachment: MIMEBase
        if embedded is not None and part.integer(_METHOD) == _EMBEDDED:
            if not depth:
                return None
            inner = _Message(self.file, embedded, _MESSAGE_HEADER, self.code_page)
            attachment = MIMEApplication(inner.as_mail(depth - 1).as_bytes(policy=compat32))
            name = f"{inner.text(_SUBJECT) or name}.eml"
        elif (data := part.stream(_DATA, _BINARY)) is not None:
            attachment = MIMEApplication(data)
        else:
            return None
        if part.integer(_FLAGS) & _IN_BODY:
            return None
        if content_id := part.text(_CONTENT_ID):
            attachment["Content-ID"] = f"<{' '.join(sanitise(content_id).split())}>"
        attachment.add_header("Content-Disposition", "attachment", filename=("utf-8", "", " ".join(sanitise(name).split())))
        return attachment
