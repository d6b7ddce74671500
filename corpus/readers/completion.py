"""What every document needs whatever its format: text that is not empty, a title, a language."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from corpus.languages import detect as detect_language
from corpus.types import Document, ReadError

# In code points. Titles are shown on one line and put before every passage that is embedded.
LONGEST_TITLE = 300


def complete(document: Document, name: str) -> Document:
    """The document with a title and, where it can be told, a language. Raises ReadError where there is no text."""
    if not document.text.strip():
        raise ReadError(f"{name} holds no text; there is nothing to search in it")
    return replace(
        document,
        title=_title(document, name),
        language=document.language or detect_language(document.text),
    )


def title_from_name(name: str) -> str:
    """The last part of a file name, whatever separators it is written with, without its extension."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.stem or name


def _title(document: Document, name: str) -> str:
    candidates = [document.title, *(heading.title for heading in document.headings[:1]), title_from_name(name), "Untitled"]
    lines = (" ".join(candidate.split()) for candidate in candidates)
    return next(line for line in lines if line)[:LONGEST_TITLE]
