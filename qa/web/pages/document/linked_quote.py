"""The quote that an address of a document's page names: `?start=…&end=…&version=…`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from corpus.types import Document, Span
from qa.web.schemas.addresses import VERSION_DIGITS, short_version
from qa.web.schemas.requests import Strict, number_in_query_string

NO_QUOTE: Span = (0, 0)
NO_DOCUMENT = "No document has this id; it may have been removed"
CHANGED = "The document has changed since this link was made, so the quote is not marked."

Offset = Annotated[int, BeforeValidator(number_in_query_string)]


class QuoteParameters(Strict):
    """The query string. `version`: the first digits of that of the text that the offsets belong to."""

    start: Offset = 0
    end: Offset = 0
    version: Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")] = ""

    def place_in(self, document: Document) -> Span | None:
        """The place of the quote, NO_QUOTE if the address names none, None if the document has changed."""
        if not short_version(document.version).startswith(self.version[:VERSION_DIGITS]) or self.end > len(document.text):
            return None
        return (self.start, self.end) if self.start < self.end else NO_QUOTE
