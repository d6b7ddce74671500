"""Finds a document's title: its title property if it is one, else the title at the top of its first page."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from corpus.types import Document, Heading

# In words. A longer first line is the start of the text.
_MAX_WORDS = 16
# In code points, of the text in which the words of a property are looked up. A shorter text need not repeat them.
_SEARCHED_FROM, _SEARCHED_TO = 1_000, 200_000
# Formats whose title property is often set by a program or left over from a template.
_PROPERTY = frozenset(("pdf", "docx", "odt", "pptx", "xlsx", "rtf", "epub"))
# Formats whose first line is the title where it looks like one.
_FIRST_LINE = frozenset(("pdf", "docx", "odt", "rtf", "text"))

_EXTENSION = r"(?:docx?|dotx?|pdf|indd|qxd|tex|dvi|e?ps|rtf|txt|pptx?|potx?|xlsx?|odt|odp|pages|html?|xml|md|pub|fm)"
# Names that programs give.
_DEFAULT = re.compile(
    rf"untitled\b.*|unbenannt\b.*|sans titre\b.*|sin t[ií]tulo\b.*|no title|title|titel|default|template|index|print|layout ?\d*"
    r"|(?:new )?(?:word )?(?:document|dokument|presentation|präsentation|book|sheet|slide|folie|page|seite|title slide) ?\d*"
    r"|microsoft (?:word|powerpoint|excel)\b.*|powerpoint presentation|adobe \w+.*"
    rf"|(?:[a-z]:|\\\\|/)\S*[\\/].*|.*\.{_EXTENSION}",
    re.IGNORECASE,
)
# One word with the marks of a file name or an id: begins in lower case or with a digit, or has underscores, inner digits or many digits.
_ID = re.compile(r"[^\W\d_]*[a-zß-öø-ÿ][^\W\d_]*\d+[^\W\d_]+\S*|\S*_\S*|\S*\d{5}\S*|\S*(?:[-.]\S+){3}|[a-zß-öø-ÿ\d]\S*")
# A large figure, which looks like a heading.
_FIGURE = re.compile(r"\d\S*|\W*")
# Headings of a document's parts.
_PART = re.compile(
    r"(?:(?:chapter|part|section|appendix|kapitel|chapitre|capítulo)\s+\S+.*|(?:\d+|[ivx]+)(?:\.\d+)*[.):]?\s+\S.*"
    r"|(?:table of )?contents|introduction|abstract|(?:executive )?summary|preface|foreword|acknowledge?ments|background|overview"
    r"|references|bibliography|annex.*|inhalt(?:sverzeichnis)?|einleitung|vorwort|zusammenfassung|sommaire|résumé|índice|introducción|références|literatur)[:.]?",
    re.IGNORECASE,
)
_NOT_FIRST_LINE = re.compile(
    r"(?:dear|hi|hello|to whom|to|from|date|subject|re|fao|confidential|draft|page|version|source|note)\b.*|[\W\d].*|.*[.,;:!]|.*\|.*",
    re.IGNORECASE,
)
# Of a longer word, its beginning is looked up, because its end changes.
_WORD = re.compile(r"\b(\w{4,6})")


def title_of(document: Document) -> str:
    """The title property if it is a title, else the title on the first page; empty if there is neither."""
    title = " ".join(document.title.replace("\0", "").split())
    if title and (document.type not in _PROPERTY or (is_title(title) and _is_about(title, document.text))):
        return title
    heading = _heading_title(document)
    if heading and (document.type == "pdf" or _is_at_top(heading, document)):
        return heading.title
    return _first_line_title(document) or (heading.title if heading else "")


def is_title(text: str) -> bool:
    """Whether a title property is a title, and not a file name, an id or a program's default."""
    if sum(character.isalpha() for character in text) < 2 or _DEFAULT.fullmatch(text):
        return False
    return " " in text or not _ID.fullmatch(text)


def title_from_name(name: str) -> str:
    """The last part of a path with either separator, without its extension."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.stem or name


def _is_about(title: str, text: str) -> bool:
    """Whether the text has half of the title's words; a title left over from a template or another document shares few."""
    words = set(_WORD.findall(title.casefold()))
    found = text[:_SEARCHED_TO].casefold()
    return len(found) < _SEARCHED_FROM or sum(word in found for word in words) * 2 >= len(words)


def _heading_title(document: Document) -> Heading | None:
    """The highest heading of the first page, unless others of its level follow: then it is the heading of the first part."""
    if document.type == "xlsx":
        sheets = document.headings
        return sheets[0] if len(sheets) == 1 and is_title(sheets[0].title) else None
    end = document.pages[1] if len(document.pages) > 1 else len(document.text)
    first_page = [heading for heading in document.headings if heading.start < end and not _FIGURE.fullmatch(heading.title)]
    if not first_page:
        return None
    first = min(first_page, key=lambda heading: heading.level)
    if document.type == "pptx":
        return first
    return None if _PART.fullmatch(first.title) or _is_one_of_many(first, document) else first


def _is_one_of_many(first: Heading, document: Document) -> bool:
    """Whether other headings have its level or a higher one, most of them without a number or name of a part.

    In Markdown the parts of a text often have the level of its title.
    """
    if document.type == "markdown" and first.level == 1 and _is_at_top(first, document):
        return False
    same = [heading.title for heading in document.headings if heading.level <= first.level and heading.title != first.title]
    others = [title for title in same if not _FIGURE.fullmatch(title)]
    return sum(1 for title in others if _PART.fullmatch(title)) * 2 < len(others)


def _is_at_top(heading: Heading, document: Document) -> bool:
    return not document.text[: heading.start].strip()


def _first_line_title(document: Document) -> str:
    """The first paragraph, if it is short and no heading, sentence, item, row, date or salutation, and text follows."""
    if document.type not in _FIRST_LINE:
        return ""
    paragraph, _, rest = document.text.lstrip().partition("\n\n")
    line = " ".join(paragraph.split())
    is_heading = any(heading.title == line for heading in document.headings[:1])
    is_short = bool(rest.strip()) and len(line.split()) <= _MAX_WORDS
    return line if is_short and not is_heading and is_title(line) and not _NOT_FIRST_LINE.fullmatch(line) else ""
