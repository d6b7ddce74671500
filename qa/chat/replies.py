"""A reply: text with numbered quotes, each with its exact place in a document. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from corpus.types import Span, url_at
from index.types import StoredPassage
from qa.answering.answer import Answer

Author = Literal["quotes", "model", "fixed"]
# Separates a reply's text from the list of its sources.
SOURCES = "\n\nSources:\n"


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote that supports a reply. `place` is its span in the reply's text, `quote` its span in the document (code points), `text` the
    document's words there. `stored`: the passage that holds it or a part.

    `verbatim`: the reply holds these words at `place`. Otherwise the reply paraphrases them and `place` is the span of `[number]`.
    """

    number: int
    place: Span
    stored: StoredPassage
    quote: Span
    text: str
    verbatim: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """`text[start:end]` of a verbatim citation's `place` is the citation's text.

    `answer`: the search result, None if nothing was searched. `notes`: hints for the reader, also part of `text`.
    `removed`: statements of the model that the passages do not support. `usage`: the model's token counts, read and written.
    """

    text: str
    by: Author
    answer: Answer | None = None
    citations: Sequence[Citation] = ()
    notes: Sequence[str] = ()
    removed: Sequence[str] = ()
    usage: tuple[int, int] | None = None


@dataclass(slots=True)
class Draft:
    """A reply under construction: the text and the places of its citations."""

    text: str = ""
    citations: list[Citation] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.text += text

    def quote(self, number: int, stored: StoredPassage, quote: Span, words: str) -> None:
        """Write the document's words in a quote in quotation marks and cite them."""
        place = len(self.text) + 1
        self.citations.append(Citation(number, (place, place + len(words)), stored, quote, words))
        self.text += f"“{words}”"

    def support(self, number: int, stored: StoredPassage, quote: Span) -> None:
        """Write `[number]` and cite the words of the passage that support the text before it."""
        mark = f"[{number}]"
        place = (len(self.text), len(self.text) + len(mark))
        self.citations.append(Citation(number, place, stored, quote, passage_words(stored, quote), verbatim=False))
        self.text += mark


def prepend_text(begin: str, reply: Reply, citations: Sequence[Citation] = ()) -> Reply:
    """The reply with `begin` before its text; `citations` are those of `begin`."""
    offset = len(begin)
    shifted = [replace(each, place=(each.place[0] + offset, each.place[1] + offset)) for each in reply.citations]
    return replace(reply, text=begin + reply.text, citations=[*citations, *shifted])


def format_sources(cited: Mapping[int, StoredPassage]) -> str:
    """The list of sources at the end of a reply, one line a number: `[1] Title › heading, address`."""
    return SOURCES + "\n".join(_source(number, stored) for number, stored in cited.items())


def _source(number: int, stored: StoredPassage) -> str:
    titles = " › ".join([stored.document.title, *stored.passage.headings])
    url = url_at(stored.document.url, stored.passage.anchor)
    return f"[{number}] {titles}{f', {url}' if url else ''}"


def passage_words(stored: StoredPassage, span: Span) -> str:
    """The words of a passage at a span of its document."""
    start = stored.passage.start
    return stored.passage.text[span[0] - start : span[1] - start]
