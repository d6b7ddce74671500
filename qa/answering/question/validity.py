"""Rules for the text of a question, the same on every interface. Pure."""

from __future__ import annotations

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
