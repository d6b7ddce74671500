"""The unit of text that can be quoted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from corpus.types import Span


class UnitKind(StrEnum):
    SENTENCE = "sentence"
    LIST = "list"  # a lead-in with its items
    ITEM = "item"
    ROW = "row"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Unit:
    """A span of a document that can be quoted. Offsets are code points into the document's text.

    `start`, `end`: what is judged; `text` is the document's text there. `quote`: what is shown for it: a short list whole for one of its
    items, otherwise the unit itself. `lead_in`: the lead-in or the column heads that the unit hangs on, "" if it has none.
    `before`: the sentence before it. `more`: the number of items of a long list that the quote leaves out.
    `place`: which of the found passages it starts in. `headings`: title and heading path.
    """

    start: int
    end: int
    kind: UnitKind
    text: str
    quote: Span
    place: int
    headings: str = ""
    lead_in: str = ""
    before: str = ""
    more: int = 0

    def at(self, place: int) -> Unit:
        """The unit with another place. `dataclasses.replace` takes twice as long, and a question has some forty units."""
        text, quote = self.text, self.quote
        return Unit(self.start, self.end, self.kind, text, quote, place, self.headings, self.lead_in, self.before, self.more)
