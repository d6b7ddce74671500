"""Rules for the text of a question, the same on every interface. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from corpus.types import QuotableError

MAX_CHARACTERS = 2_000  # without surrounding white space


class InvalidText(QuotableError, ValueError):
    """Text that cannot be stored or searched. The message completes "the field …"."""


class InvalidQuestion(InvalidText):
    """A question that cannot be searched. The message completes "the question …"."""


def check_text(text: str) -> None:
    """Raise InvalidText for NUL and for lone surrogates, which UTF-8 cannot encode."""
    if "\0" in text:
        raise InvalidText("must not contain the NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidText("must be valid Unicode: it contains a lone surrogate")


def clean_question(text: str) -> str:
    """Strip surrounding white space. Raises InvalidQuestion if the question is empty, too long or not valid text."""
    try:
        check_text(text)
    except InvalidText as error:
        raise InvalidQuestion(str(error)) from error
    text = text.strip()
    if not text:
        raise InvalidQuestion("must not be empty")
    if len(text) > MAX_CHARACTERS:
        raise InvalidQuestion(f"must have at most {MAX_CHARACTERS} characters; it has {len(text)}")
    return text


class InvalidTime(QuotableError, ValueError):
    """Text that is no date or time. The message completes "the field …"."""


def read_moment(text: str) -> str:
    """A time, or a date for its end, as ISO 8601, UTC, milliseconds; in UTC unless it says else. Raises InvalidTime."""
    try:
        given = datetime.fromisoformat(text)
        if "T" not in text and " " not in text:
            given += timedelta(days=1, milliseconds=-1)
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError) as error:
        raise InvalidTime("must be a date or a time such as 2026-11-28 or 2026-11-28T09:30Z") from error
