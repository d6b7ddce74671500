"""What is answered over HTTP, as models: the OpenAPI document is made from them, and the tests hold every answer against them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Offset = Annotated[int, Field(ge=0, description="In Unicode code points into the document's text.")]
Share = Annotated[float, Field(ge=0, le=1)]
Metadata = dict[str, str | int | float | bool | list[str]]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ProblemField(_Answer):
    field: str
    message: str


class ProblemAnswer(_Answer):
    """RFC 9457: why a request was refused, or could not be answered."""

    type: Literal["about:blank"]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    request_id: str | None = None
    errors: list[ProblemField] | None = None


class Document(_Answer):
    """What a result says of its document; `version` is the SHA-256 of its text."""

    id: str
    title: str
    url: str | None
    date: str | None
    version: Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]


class ListedDocument(Document):
    source: str | None
    type: str | None
    language: str | None
    passages: Annotated[int, Field(ge=0)]
    metadata: Metadata


class DocumentList(_Answer):
    data: list[ListedDocument]
    next: Annotated[str | None, Field(description="Give it as `after`; null at the end.")]


class DocumentText(_Answer):
    text: str
    version: str


class DeletedDocument(_Answer):
    id: str
    deleted: Literal[True]


class PassagePlace(_Answer):
    """`document.text[start:end] == text`."""

    id: Annotated[str, Field(pattern="^p[0-9]+$")]
    document: Document
    url: str | None
    text: str
    start: Offset
    end: Offset
    page: int | None
    headings: list[str]


class Passage(PassagePlace):
    metadata: Metadata


class Highlight(_Answer):
    start: Offset
    end: Offset


class DenseRank(_Answer):
    rank: Annotated[int, Field(ge=1)]
    cosine: float


class LexicalRank(_Answer):
    rank: Annotated[int, Field(ge=1)]
    share: float


class ResultExplanation(_Answer):
    rank: Annotated[int, Field(ge=1)]
    score: float
    dense: DenseRank
    lexical: LexicalRank
    contributions: dict[str, float]
    matched_terms: list[str]
    term_weights: dict[str, float]


class SearchResult(Passage):
    score: Share
    highlights: list[Highlight]
    explanation: ResultExplanation | None = None


class Quote(_Answer):
    text: str
    passage_id: str
    start: Offset
    end: Offset


class FacetValue(_Answer):
    value: str | int | float
    count: Annotated[int, Field(ge=1)]


class SearchAnswer(_Answer):
    """`answer` is null where the documents do not answer; `results` are the nearest passages even then."""

    query: str
    rewritten_query: str | None
    rewrite_reason: str | None
    answerable: bool
    confidence: Share
    answer: Quote | None
    results: list[SearchResult]
    notice: str | None
    generation: Annotated[int, Field(ge=0)]
    took_ms: Annotated[float, Field(ge=0)]
    facets: dict[str, list[FacetValue]] | None = None


class Job(_Answer):
    id: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    name: str
    documents: Annotated[int, Field(ge=0)]
    failures: list[str]
    created: str
    finished: str | None


class DocumentName(_Answer):
    id: str


class AcceptedDocument(_Answer):
    job: Job
    document: DocumentName


class Verification(_Answer):
    status: Literal["verbatim", "moved", "changed", "gone"]
    start: Offset | None
    end: Offset | None
    version: str | None
    version_is_current: bool


class OpenAIError(_Answer):
    message: str
    type: Literal["invalid_request_error", "server_error"]
    param: str | None
    code: str | None


class OpenAIErrorAnswer(_Answer):
    """An error as OpenAI's clients read it."""

    error: OpenAIError


class ChatModel(_Answer):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ChatModelList(_Answer):
    object: Literal["list"]
    data: list[ChatModel]


class UrlCitation(_Answer):
    """Offsets into the reply's text."""

    start_index: Annotated[int, Field(ge=0)]
    end_index: Annotated[int, Field(ge=0)]
    title: str
    url: str


class Annotation(_Answer):
    type: Literal["url_citation"]
    url_citation: UrlCitation
    number: Annotated[int, Field(ge=1)]
    quote: str
    verbatim: Annotated[bool, Field(description="Whether the quote stands in the reply word for word.")]
    document: Document
    passage_id: str
    start: Offset
    end: Offset


class ChatMessage(_Answer):
    role: Literal["assistant"]
    content: str
    refusal: None
    annotations: list[Annotation]


class ChatChoice(_Answer):
    index: Literal[0]
    message: ChatMessage
    logprobs: None
    finish_reason: Literal["stop"]


class Usage(_Answer):
    prompt_tokens: Annotated[int, Field(ge=0)]
    completion_tokens: Annotated[int, Field(ge=0)]
    total_tokens: Annotated[int, Field(ge=0)]


class Grounding(_Answer):
    """What a reply rests on; `answerable` is null where nothing was searched."""

    by: str
    answerable: bool | None
    confidence: Share | None
    rewritten_query: str | None
    rewrite_reason: str | None
    generation: int | None
    notes: list[str]
    removed: list[str]


class ChatCompletion(_Answer):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    system_fingerprint: None
    usage: Usage
    grounding: Grounding


class FileCounts(_Answer):
    in_progress: int
    completed: int
    failed: int
    cancelled: int
    total: int


class VectorStore(_Answer):
    id: str
    object: Literal["vector_store"]
    created_at: Annotated[int, Field(ge=0)]
    name: str
    usage_bytes: Annotated[int, Field(ge=0)]
    file_counts: FileCounts
    status: Literal["completed"]
    last_active_at: None
    metadata: dict[str, str]


class VectorStoreList(_Answer):
    object: Literal["list"]
    data: list[VectorStore]
    first_id: str
    last_id: str
    has_more: Literal[False]


class TextContent(_Answer):
    type: Literal["text"]
    text: str


class FoundPassage(PassagePlace):
    highlights: list[Highlight]


class FoundFile(_Answer):
    file_id: str
    filename: str
    score: Share
    attributes: dict[str, str | float | bool]
    content: list[TextContent]
    passage: FoundPassage


class VectorStoreSearchAnswer(_Answer):
    object: Literal["vector_store.search_results.page"]
    search_query: list[str]
    data: list[FoundFile]
    has_more: Literal[False]
    next_page: None


class Health(_Answer):
    status: Literal["ok"]


class Readiness(_Answer):
    status: Literal["ready"]
    degraded: bool
    documents: Annotated[int, Field(ge=0)]
    passages: Annotated[int, Field(ge=0)]
    generation: Annotated[int, Field(ge=0)]
