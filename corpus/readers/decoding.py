"""Decodes bytes to text: byte order marks, UTF-8, a declared encoding, or a guessed one."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from corpus.types import ReadError

# UTF-32 LE before UTF-16 LE, whose mark is a prefix of it.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# In bytes.
_SAMPLE = 64 * 1024
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text with normalised line ends, and the encoding it was decoded from."""

    text: str
    encoding: str

    @property
    def metadata(self) -> dict[str, str | int | float | bool | list[str]]:
        """The encoding unless it is UTF-8."""
        return {} if self.encoding == "utf-8" else {"encoding": self.encoding}


def decode(data: bytes, name: str, declared: str | None = None) -> Decoded:
    """Decode a file by its byte order mark, as UTF-8, as `declared` in the file, or by a guess, in this order.

    Raises ReadError if no encoding fits.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Decoded(_decode_as(data[len(mark) :], encoding, name), encoding)
    encoding = _wide_encoding(data) or "utf-8"
    try:
        return Decoded(sanitise(data.decode(encoding)), encoding)
    except UnicodeDecodeError:
        pass
    if declared and (text := _try_decode(data, declared)) is not None:
        return Decoded(sanitise(text), codecs.lookup(declared).name)
    guessed = _guess(data)
    if guessed is None:
        raise ReadError(f"{name} has an unknown character encoding; save it as UTF-8 and add it again")
    return Decoded(_decode_as(data, guessed, name), guessed)


def sanitise(text: str) -> str:
    """Normalise line ends to "\\n"; replace NUL and lone surrogates, which JSON and SQLite reject, by U+FFFD."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _decode_as(data: bytes, encoding: str, name: str) -> str:
    try:
        return sanitise(data.decode(encoding))
    except (UnicodeDecodeError, LookupError) as error:
        raise ReadError(f"{name} is not valid {encoding} ({error}); save it as UTF-8 and add it again") from error


def _try_decode(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError, ValueError):
        return None


def _wide_encoding(data: bytes) -> str | None:
    """Detect UTF-16 without a mark: every second byte is often zero, unlike in any other encoding."""
    sample = data[:_SAMPLE]
    half = len(sample) // 2
    if half < 2:
        return None
    if sample[0::2].count(0) > half * 0.4 and not sample[1::2].count(0) > half * 0.1:
        return "utf-16-be"
    if sample[1::2].count(0) > half * 0.4 and not sample[0::2].count(0) > half * 0.1:
        return "utf-16-le"
    return None


def _guess(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    for candidate in from_bytes(data[:_SAMPLE]):
        if _try_decode(data, candidate.encoding) is not None:
            return candidate.encoding
    return None
