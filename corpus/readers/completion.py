"""Completes a document of any format: checks that it has text, adds a title and a language."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from corpus.languages import detect as detect_language
from corpus.types import Document, ReadError

# In code points. The title precedes every embedded passage and is shown on one line.
_MAX_TITLE = 300


def complete(document: Document, name: str) -> Document:
    """The document with a title and, if it can be detected, a language. Raises ReadError if it has no text."""
    if not document.text.strip():
        raise ReadError(f"{name} contains no text; there is nothing to search")
    return replace(
        document,
        title=_title(document, name),
        language=document.language or detect_language(document.text),
    )


def title_from_name(name: str) -> str:
    """The last part of a path with either separator, without its extension."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.stem or name


def _title(document: Document, name: str) -> str:
    candidates = [document.title, *(heading.title for heading in document.headings[:1]), title_from_name(name), "Untitled"]
    lines = (" ".join(candidate.split()) for candidate in candidates)
    return next(line for line in lines if line)[:_MAX_TITLE]
