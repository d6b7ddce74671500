"""Completes a document of any format: checks that it has text, adds a title, the date it states and a language."""

from __future__ import annotations

from dataclasses import replace

from corpus.languages import detect as detect_language
from corpus.readers.dates import stated_date
from corpus.readers.titles import title_from_name, title_of
from corpus.types import Document, ReadError

# In code points. The title precedes every embedded passage and is shown on one line.
_MAX_TITLE = 300
# Formats without a field for the document's date; the date a file was created is not the document's.
_STATES_DATE = frozenset(("pdf", "docx", "odt", "rtf", "text", "markdown", "html"))


def complete(document: Document, name: str) -> Document:
    """The document with a title and, if they can be found, a date and a language. Raises ReadError if it has no text."""
    if not document.text.strip():
        raise ReadError(f"{name} contains no text; there is nothing to search")
    return replace(
        document,
        title=_title(document, name),
        date=document.date or (stated_date(document.text) if document.type in _STATES_DATE else None),
        language=document.language or detect_language(document.text),
    )


def _title(document: Document, name: str) -> str:
    candidates = (title_of(document), title_from_name(name), "Untitled")
    lines = (" ".join(candidate.split()) for candidate in candidates)
    return next(line for line in lines if line)[:_MAX_TITLE]
