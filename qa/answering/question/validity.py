"""What counts as a question, on every face."""

from __future__ import annotations

from corpus.types import QuotableError

MAX_CHARACTERS = 2_000  # after trimming


class BadQuestion(QuotableError, ValueError):
    """A question that cannot be asked; the message completes "the question …"."""


def refuse_unwritable(text: str) -> None:
    """Raises BadQuestion for what no text may hold: NUL, and surrogates that stand alone (UTF-8 cannot write them)."""
    if "\0" in text:
        raise BadQuestion("must not hold the NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadQuestion("must be valid Unicode: it holds a lone surrogate")


def clean_question(text: str) -> str:
    """The question without surrounding white space. Raises BadQuestion for one that is empty, over-long or no text."""
    refuse_unwritable(text)
    text = text.strip()
    if not text:
        raise BadQuestion("must not be empty")
    if len(text) > MAX_CHARACTERS:
        raise BadQuestion(f"must have at most {MAX_CHARACTERS} characters; it has {len(text)}")
    return text
