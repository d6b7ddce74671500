"""JSON of documents, passages, jobs and verified quotes: each type with the function that fills it.

The OpenAPI document is derived from the types. The command line, MCP and the pages use the same functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from corpus.types import OCR, Document, MetadataValue, Span, url_at
from index.engine import EngineView
from index.jobs import Job
from index.listing import DocumentState
from index.types import StoredDocument, StoredPassage
from qa.ingest.parts import PART_OF
from qa.web.schemas.addresses import page_url

MAX_DIGITS = 18  # of a passage id: SQLite integers have 63 bits

Offset = Annotated[int, Field(ge=0, description="In Unicode code points into the document's text.")]
Count = Annotated[int, Field(ge=0)]
PassageId = Annotated[str, Field(pattern="^p[0-9]+$")]
PageUrl = Annotated[
    str | None,
    Field(
        description="Address, on this service, of the page with the quote boxed; null unless the document is a PDF file that is kept."
    ),
]
Version = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$", description="SHA-256 of the document's text.")]


class DocumentReference(TypedDict):
    """The document of a result."""

    id: str
    title: str
    url: str | None
    date: str | None
    collection: str
    note: Annotated[
        str | None,
        Field(description="Who sent a message, the message that an attachment belongs to, or which text was read by OCR."),
    ]
    version: Version


class ListedDocument(DocumentReference):
    """`edited`: the fields that people changed, which stay when the document is replaced."""

    source: str | None
    file_name: str | None
    type: str | None
    language: str | None
    passages: Count
    added: Annotated[str | None, Field(description="When it was first stored; null for a document of an older data folder.")]
    changed: Annotated[str | None, Field(description="When it was last replaced or edited.")]
    state: Annotated[DocumentState, Field(description="updating: a job of it is unfinished; failed: one has failed.")]
    original: Annotated[bool, Field(description="Whether its file can be downloaded.")]
    access: Annotated[
        list[str] | None, Field(description="Groups that may read it; null for everyone who may read its collection.")
    ]
    edited: list[str]
    metadata: dict[str, MetadataValue]


class EditedDocument(ListedDocument):
    job: Annotated[JobState | None, Field(description="Brings a new title to the index; null if there is nothing to do.")]


class DocumentList(TypedDict):
    data: list[ListedDocument]
    next: Annotated[str | None, Field(description="Value of `after` for the next page; null on the last page.")]
    total: Annotated[int, Field(ge=0, description="Number of documents of all pages.")]


class DocumentText(TypedDict):
    text: str
    version: str


class RemovedDocument(TypedDict):
    id: str
    deleted: Literal[True]


class PassageText(TypedDict):
    """`document.text[start:end] == text`. `page`: the one on which the quote in the passage begins, or else the passage."""

    id: PassageId
    document: DocumentReference
    url: str | None
    text: str
    start: Offset
    end: Offset
    page: int | None
    page_url: PageUrl
    headings: list[str]


class PassageDetails(PassageText):
    metadata: dict[str, MetadataValue]


class Highlight(TypedDict):
    start: Offset
    end: Offset


class JobState(TypedDict):
    """`attempts`: how often it was begun. `parked`: it failed in every attempt. `document`: what a job for one document has stored."""

    id: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    name: str
    document_id: str
    documents: Annotated[Count, Field(description="Documents that are stored now.")]
    outcomes: Annotated[dict[str, int], Field(description="Documents that were added, replaced, unchanged or kept.")]
    document: JobDocument | None
    failures: list[str]
    attempts: Count
    retry_at: Annotated[str | None, Field(description="When it is tried again; null for at once or never.")]
    parked: bool
    created: str
    finished: str | None


class JobDocument(DocumentReference):
    changed: str


class JobList(TypedDict):
    data: list[JobState]
    next: Annotated[str | None, Field(description="Value of `before` for the next page; null on the last page.")]


class RemovedJob(TypedDict):
    id: str
    deleted: Literal[True]


class AcceptedName(TypedDict):
    id: str
    stored: Annotated[DocumentReference | None, Field(description="The stored document of this id, until the job is done.")]


class AcceptedDocument(TypedDict):
    job: JobState
    document: AcceptedName


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
        "collection": document.collection,
        "note": document_note(document),
        "version": document.version,
    }


def document_note(document: StoredDocument | Document) -> str | None:
    """What a reader must know of a document beside its title and date."""
    metadata = document.metadata
    notes = []
    if PART_OF in metadata and "mail" in metadata:
        notes.append(
            f"Attached to “{metadata['mail']}”" + (f" from {metadata['mail_from']}" if "mail_from" in metadata else "")
        )
    elif document.type == "email" and "from" in metadata:
        notes.append(f"From {metadata['from']}")
    if pages := metadata.get(OCR):
        read = "Text" if pages == "all pages" else f"Text of {pages}"
        notes.append(f"{read} read from images by OCR, which may misread words")
    return "; ".join(notes) or None


def listed_documents_json(engine: EngineView, documents: Sequence[StoredDocument]) -> list[ListedDocument]:
    ids = [document.id for document in documents]
    counts, states = engine.passage_counts(ids), engine.states(ids)
    return [_listed_document_json(each, counts.get(each.id, 0), states.get(each.id, "ready")) for each in documents]


def _listed_document_json(document: StoredDocument, passages: int, state: DocumentState) -> ListedDocument:
    return {
        **document_json(document),
        "source": document.source,
        "file_name": document.file_name,
        "type": document.type,
        "language": document.language,
        "passages": passages,
        "added": document.added or None,
        "changed": document.changed or None,
        "state": state,
        "original": document.original is not None,
        "access": document.access,
        "edited": sorted(document.edits.keys() - {"collection", "access"}),
        "metadata": dict(document.metadata),
    }


def passage_json(stored: StoredPassage, quote: Span | None = None) -> PassageText:
    """`quote`: what is boxed on the page, by default the passage."""
    passage = stored.passage
    place = quote or (passage.start, passage.end)
    return {
        "id": passage_name(stored.id),
        "document": document_json(stored.document),
        "url": url_at(stored.document.url, passage.anchor),
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "page": stored.page_of(place[0]),
        "page_url": page_url(stored, place),
        "headings": list(passage.headings),
    }


def passage_details_json(stored: StoredPassage, quote: Span | None = None) -> PassageDetails:
    return {**passage_json(stored, quote), "metadata": dict(stored.document.metadata)}


def highlight_json(quote: Span) -> Highlight:
    return {"start": quote[0], "end": quote[1]}


def job_json(job: Job, document: StoredDocument | None) -> JobState:
    """`document`: what a job for one document has stored."""
    return {
        "id": str(job.id),
        "status": job.status.value,
        "name": job.name,
        "document_id": job.document_id,
        "documents": job.documents,
        "outcomes": dict(job.outcomes),
        "document": {**document_json(document), "changed": document.changed} if document else None,
        "failures": list(job.failures),
        "attempts": job.attempts,
        "retry_at": job.retry_at,
        "parked": job.parked,
        "created": job.created,
        "finished": job.finished,
    }
