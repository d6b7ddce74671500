"""JSON of vector stores and their search results in OpenAI's format: each type with the function that fills it."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from qa.answering.answer import Result
from qa.web.schemas.answers import Share
from qa.web.schemas.documents import Count, Highlight, PassageText, highlight_json, passage_json

CREATED = 1735689600  # 2025-01-01 in seconds since 1970; typed clients require a date
# OpenAI's limits, which clients may rely on: attributes per result, characters of a key and of a value.
MAX_ATTRIBUTES, MAX_KEY, MAX_VALUE = 16, 64, 512


class FileCounts(TypedDict):
    in_progress: int
    completed: int
    failed: int
    cancelled: int
    total: int


class VectorStore(TypedDict):
    id: str
    object: Literal["vector_store"]
    created_at: Count
    name: str
    usage_bytes: Count
    file_counts: FileCounts
    status: Literal["completed"]
    last_active_at: None
    metadata: dict[str, str]


class VectorStoreList(TypedDict):
    object: Literal["list"]
    data: list[VectorStore]
    first_id: str | None
    last_id: str | None
    has_more: Literal[False]


class TextContent(TypedDict):
    type: Literal["text"]
    text: str


class FoundPassage(PassageText):
    highlights: list[Highlight]


class FoundFile(TypedDict):
    file_id: str
    filename: str
    score: Share
    attributes: dict[str, str | float | bool]
    content: list[TextContent]
    passage: FoundPassage


class VectorStoreSearchAnswer(TypedDict):
    object: Literal["vector_store.search_results.page"]
    search_query: list[str]
    data: list[FoundFile]
    has_more: Literal[False]
    next_page: None


def store_json(collection: str, documents: int) -> VectorStore:
    return {
        "id": collection,
        "object": "vector_store",
        "created_at": CREATED,
        "name": collection,
        "usage_bytes": 0,  # OpenAI charges for it
        "file_counts": {"in_progress": 0, "completed": documents, "failed": 0, "cancelled": 0, "total": documents},
        "status": "completed",
        "last_active_at": None,
        "metadata": {},
    }


def found_file_json(result: Result) -> FoundFile:
    document = result.stored.document
    return {
        "file_id": document.id,
        "filename": document.title,
        "score": published_score(result),
        "attributes": _attributes(result),
        "content": [{"type": "text", "text": result.stored.passage.text}],
        "passage": {**passage_json(result.stored, result.quote), "highlights": [highlight_json(result.quote)]},
    }


def published_score(result: Result) -> float:
    """The score as in the response, so that a threshold taken from a response returns the same results."""
    return round(result.score, 4)


def _attributes(result: Result) -> dict[str, str | float | bool]:
    """The keys that filters can use, within OpenAI's limits."""
    document = result.stored.document
    own = {"url": document.url, "date": document.date, "type": document.type, "language": document.language}
    values = {name: value for name, value in (own | dict(document.metadata)).items() if isinstance(value, str | int | float)}
    fitting = {n: v for n, v in values.items() if len(n) <= MAX_KEY and not (isinstance(v, str) and len(v) > MAX_VALUE)}
    return dict(list(fitting.items())[:MAX_ATTRIBUTES])
