"""JSON of documents, passages, jobs and verified quotes: each type with the function that fills it.

The OpenAPI document is derived from the types. The command line, MCP and the pages use the same functions.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from corpus.types import MetadataValue, Span, url_at
from index.types import Job, StoredDocument, StoredPassage

MAX_DIGITS = 18  # of a passage id: SQLite integers have 63 bits

Offset = Annotated[int, Field(ge=0, description="In Unicode code points into the document's text.")]
Count = Annotated[int, Field(ge=0)]
PassageId = Annotated[str, Field(pattern="^p[0-9]+$")]
Version = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$", description="SHA-256 of the document's text.")]


class DocumentReference(TypedDict):
    """The document of a result."""

    id: str
    title: str
    url: str | None
    date: str | None
    version: Version


class ListedDocument(DocumentReference):
    source: str | None
    type: str | None
    language: str | None
    passages: Count
    metadata: dict[str, MetadataValue]


class DocumentList(TypedDict):
    data: list[ListedDocument]
    next: Annotated[str | None, Field(description="Value of `after` for the next page; null on the last page.")]


class DocumentText(TypedDict):
    text: str
    version: str


class RemovedDocument(TypedDict):
    id: str
    deleted: Literal[True]


class PassageText(TypedDict):
    """`document.text[start:end] == text`."""

    id: PassageId
    document: DocumentReference
    url: str | None
    text: str
    start: Offset
    end: Offset
    page: int | None
    headings: list[str]


class PassageDetails(PassageText):
    metadata: dict[str, MetadataValue]


class Highlight(TypedDict):
    start: Offset
    end: Offset


class JobState(TypedDict):
    id: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    name: str
    documents: Count
    failures: list[str]
    created: str
    finished: str | None


class DocumentName(TypedDict):
    id: str


class AcceptedDocument(TypedDict):
    job: JobState
    document: DocumentName


class Verification(TypedDict):
    status: Literal["verbatim", "moved", "changed", "gone"]
    start: Offset | None
    end: Offset | None
    version: str | None
    version_is_current: bool


def passage_name(passage_id: int) -> str:
    """The public id of a passage. It is used as a URL fragment, so it begins with a letter."""
    return f"p{passage_id}"


def passage_number(name: str) -> int | None:
    """The passage id of a public id; None if it is not one."""
    digits = name.removeprefix("p")
    return int(digits) if name.startswith("p") and digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS else None


def document_json(document: StoredDocument) -> DocumentReference:
    return {
        "id": document.id,
        "title": document.title,
        "url": document.url,
        "date": document.date,
        "version": document.version,
    }


def listed_document_json(document: StoredDocument, passages: int) -> ListedDocument:
    """`passages`: number of passages of the document."""
    return {
        **document_json(document),
        "source": document.source,
        "type": document.type,
        "language": document.language,
        "passages": passages,
        "metadata": dict(document.metadata),
    }


def passage_json(stored: StoredPassage) -> PassageText:
    passage = stored.passage
    return {
        "id": passage_name(stored.id),
        "document": document_json(stored.document),
        "url": url_at(stored.document.url, passage.anchor),
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "page": passage.page,
        "headings": list(passage.headings),
    }


def passage_details_json(stored: StoredPassage) -> PassageDetails:
    return {**passage_json(stored), "metadata": dict(stored.document.metadata)}


def highlight_json(quote: Span) -> Highlight:
    return {"start": quote[0], "end": quote[1]}


def job_json(job: Job) -> JobState:
    return {
        "id": str(job.id),
        "status": job.status.value,
        "name": job.name,
        "documents": job.documents,
        "failures": list(job.failures),
        "created": job.created,
        "finished": job.finished,
    }
