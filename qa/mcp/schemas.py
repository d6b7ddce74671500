"""Arguments and results of the tools. Arguments are checked as the fields of `/v1` are; offsets are code points of a document's text."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, WithJsonSchema, model_validator
from typing_extensions import TypedDict

from qa.web.schemas.document_requests import MAX_NUMBER, PageParameters
from qa.web.schemas.requests import Collection, OptionalFilter, Question, Strict, Text

MAX_RESULTS = 50
MAX_TEXT_CHARACTERS = 50_000  # in one `fetch`: about 12,000 tokens, half of what clients let a tool give
MAX_LISTED = 200

FILTER = {
    "anyOf": [{"type": "object"}, {"type": "null"}],
    "description": 'Search only matching documents: {"type": "eq", "key": "type", "value": "pdf"}; types are eq, ne, gt, gte, lt, lte, in'
    ' and nin (with a list as value); {"type": "and", "filters": [...]} and "or" combine. Keys: id, title, source, url, date, type,'
    " language, collection, or of the metadata.",
}


class SearchArguments(Strict):
    """A search."""

    query: Annotated[Question, Field(description="A question, best as a whole sentence.")]
    limit: Annotated[int, Field(ge=1, le=MAX_RESULTS, description="Number of passages.")] = 10
    filter: Annotated[OptionalFilter, WithJsonSchema(FILTER)] = None
    collection: Annotated[Collection | None, Field(description="Search only the documents of this collection.")] = None
    spelling: Annotated[bool, Field(description="Correct the spelling of the question.")] = True


class FetchArguments(Strict):
    """A part of a document's text."""

    id: Annotated[Text, Field(description="Id of a document or of a passage.")]
    start: Annotated[int, Field(ge=0, le=MAX_NUMBER, description="Default: the beginning, or before the passage.")] | None = (
        None
    )
    end: Annotated[int, Field(ge=1, le=MAX_NUMBER, description="Default: as far as one call reaches.")] | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.end is not None and self.end <= (self.start or 0):
            raise ValueError("end must be greater than start")
        return self


class ListArguments(PageParameters):
    """A page of the list of documents."""

    limit: Annotated[int, Field(ge=1, le=MAX_LISTED)] = 50


class Place(TypedDict):
    """`id`: the passage's, for `fetch`. `url`: the address to cite. `link`: the words, marked, on this service's page of the document."""

    id: str
    title: str
    url: str
    link: str
    text: str
    document_id: str
    collection: str
    version: str
    start: int
    end: int
    page: int | None
    headings: list[str]
    date: str | None


class FoundPassage(Place):
    """`score`: 0 to 1, in descending order. `pinned`: an editor chose the passage for this question; such are first."""

    score: float
    pinned: bool


class FoundAnswer(Place):
    """`span`: the shortest exact answer inside the text. `lead_in`: the lead-in of a list item or the column heads of a table row.

    `more`: number of list items after the text. `confidence`: the probability that the text answers, 0 to 1; `label` says it in words.
    """

    span: str | None
    lead_in: str
    more: int
    confidence: float
    label: str


class SearchResults(TypedDict):
    """`answerable`: whether the documents answer; `confidence`: the probability that the first answer does, 0 to 1.

    `answers`: up to three quotes, best first. `results`: the passages, best first. `missing`: names, places and numbers of the question
    that no document found has. `rewritten_query`: the question as searched, if its spelling was corrected or courtesies left out.
    `stop_answer`: an editor's text for this question, if the documents do not answer.
    """

    answerable: bool
    confidence: float
    answers: list[FoundAnswer]
    results: list[FoundPassage]
    missing: list[str]
    rewritten_query: str | None
    stop_answer: str | None
    notice: str | None


class FetchedText(TypedDict):
    """`text`: the document's from `start` to `end`. `characters`: of the whole document. `next`: the `start` of what follows, or null."""

    id: str
    title: str
    url: str
    text: str
    start: int
    end: int
    characters: int
    next: int | None
    metadata: dict[str, Any]


class ListedTitle(TypedDict):
    id: str
    title: str
    url: str
    collection: str
    type: str | None
    date: str | None
    language: str | None
    passages: int


class DocumentTitles(TypedDict):
    """`next`: the `after` of the next page; null on the last. `total`: number of documents of all pages."""

    documents: list[ListedTitle]
    next: str | None
    total: int
