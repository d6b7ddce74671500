"""What is said in return: a text with numbered quotes, each with its exact place. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from corpus.types import Span, url_at
from index.embedded.store.rows import StoredPassage
from qa.answering.answerer import Answer

Author = Literal["quotes", "model", "fixed"]


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote that a reply rests on: its number, its place in the reply's text, and its place in the document (code points).

    `verbatim`: these words stand at `place`; else they bear out what was said there in other words, and `place` is that of the number.
    """

    number: int
    place: Span
    stored: StoredPassage
    quote: Span
    verbatim: bool = True

    @property
    def text(self) -> str:
        """The document's words."""
        start = self.stored.passage.start
        return self.stored.passage.text[self.quote[0] - start : self.quote[1] - start]


@dataclass(frozen=True, slots=True)
class Reply:
    """`text[citation.place]` is the citation's text, for each one that stands there.

    `by`: who wrote it. `answer`: the search behind it, None where nothing was searched. `notes`: what a person should know of how it
    came about. `removed`: what a model wrote and the passages do not bear out. `usage`: the model's count of tokens, read and written.
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
    """A reply that is being written: text and the places of its quotes come together."""

    text: str = ""
    citations: list[Citation] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.text += text

    def quote(self, number: int, stored: StoredPassage, quote: Span) -> None:
        """Write the words of a document in quotation marks."""
        start = stored.passage.start
        words = stored.passage.text[quote[0] - start : quote[1] - start]
        place = len(self.text) + 1
        self.citations.append(Citation(number, (place, place + len(words)), stored, quote))
        self.text += f"“{words}”"

    def support(self, number: int, stored: StoredPassage, quote: Span) -> None:
        """Write the number of words that bear out what was written."""
        mark = f"[{number}]"
        self.citations.append(Citation(number, (len(self.text), len(self.text) + len(mark)), stored, quote, verbatim=False))
        self.text += mark


def moved(reply: Reply, begin: str, citations: Sequence[Citation] = ()) -> Reply:
    """The reply behind a text that was said before it, which has these citations."""
    offset = len(begin)
    later = [replace(each, place=(each.place[0] + offset, each.place[1] + offset)) for each in reply.citations]
    return replace(reply, text=begin + reply.text, citations=[*citations, *later])


def sources(cited: Mapping[int, StoredPassage]) -> str:
    """The list at the end of a reply, one line for each number."""
    return "\n\nSources:\n" + "\n".join(_source(number, stored) for number, stored in cited.items())


def _source(number: int, stored: StoredPassage) -> str:
    """`[1] Title › heading, address`."""
    titles = " › ".join([stored.document.title, *stored.passage.headings])
    url = url_at(stored.document.url, stored.passage.anchor)
    return f"[{number}] {titles}{f', {url}' if url else ''}"
