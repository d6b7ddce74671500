"""JSON of chat completions and models in OpenAI's format: each type with the function that fills it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from corpus.types import url_at
from qa.chat.replies import Citation, Reply
from qa.web.schemas.addresses import absolute, page_url, passage_address
from qa.web.schemas.answers import Share
from qa.web.schemas.documents import Count, DocumentReference, Offset, PageUrl, document_json, passage_name

MODEL_CREATED = 1735689600  # 2025-01-01 in seconds since 1970; clients require a date


class ChatModel(TypedDict):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ChatModelList(TypedDict):
    object: Literal["list"]
    data: list[ChatModel]


class UrlCitation(TypedDict):
    """Offsets into the text of the reply, in Unicode code points."""

    start_index: Count
    end_index: Count
    title: str
    url: str


class Annotation(TypedDict):
    type: Literal["url_citation"]
    url_citation: UrlCitation
    number: Annotated[int, Field(ge=1)]
    quote: str
    verbatim: Annotated[bool, Field(description="Whether the reply contains the quote word for word.")]
    document: DocumentReference
    passage_id: str
    page_url: PageUrl
    start: Offset
    end: Offset


class ChatMessage(TypedDict):
    role: Literal["assistant"]
    content: str
    refusal: None
    annotations: list[Annotation]


class ChatChoice(TypedDict):
    index: Literal[0]
    message: ChatMessage
    logprobs: None
    finish_reason: Literal["stop"]


class TokenUsage(TypedDict):
    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count


class Grounding(TypedDict):
    """What supports a reply. Fields from the search are null if nothing was searched."""

    by: Annotated[str, Field(description="Author of the text: quotes, model or fixed.")]
    answerable: bool | None
    confidence: Share | None
    rewritten_query: str | None
    rewrite_reason: str | None
    generation: int | None
    notes: list[str]
    removed: Annotated[list[str], Field(description="Statements of the model that the passages do not support.")]


class ChatCompletion(TypedDict):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    system_fingerprint: None
    usage: TokenUsage
    grounding: Grounding


@dataclass(frozen=True, slots=True)
class Envelope:
    """Fields that a completion and all chunks of a stream share.

    :param created: seconds since 1970.
    :param site: base of the links to this service's pages.
    """

    id: str
    created: int
    model: str
    site: str

    def completion(self, reply: Reply, usage: TokenUsage) -> ChatCompletion:
        message: ChatMessage = {
            "role": "assistant",
            "content": reply.text,
            "refusal": None,
            "annotations": self.annotations(reply),
        }
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "system_fingerprint": None,
            "usage": usage,
            "grounding": grounding_json(reply),
        }

    def first_chunk(self) -> dict[str, Any]:
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def text_chunk(self, text: str) -> dict[str, Any]:
        return self._chunk({"content": text})

    def last_chunk(self, reply: Reply) -> dict[str, Any]:
        """With the annotations and the grounding."""
        return self._chunk({"annotations": self.annotations(reply)}, "stop") | {"grounding": grounding_json(reply)}

    def usage_chunk(self, usage: TokenUsage) -> dict[str, Any]:
        return self._chunks([]) | {"usage": usage}

    def _chunk(self, delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return self._chunks([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}])

    def _chunks(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
            "system_fingerprint": None,
        }

    def annotations(self, reply: Reply) -> list[Annotation]:
        return [self._annotation(citation) for citation in reply.citations]

    def _annotation(self, citation: Citation) -> Annotation:
        """OpenAI's `url_citation`, and the quote's place in its document."""
        stored = citation.stored
        own = passage_address(stored.document.id, passage_name(stored.id))
        return {
            "type": "url_citation",
            "url_citation": {
                "start_index": citation.place[0],
                "end_index": citation.place[1],
                "title": stored.document.title,
                "url": url_at(stored.document.url, stored.passage.anchor) or absolute(self.site, own),
            },
            "number": citation.number,
            "quote": citation.text,
            "verbatim": citation.verbatim,
            "document": document_json(stored.document),
            "passage_id": passage_name(stored.id),
            "page_url": page_url(stored, citation.quote),
            "start": citation.quote[0],
            "end": citation.quote[1],
        }


def grounding_json(reply: Reply) -> Grounding:
    answer = reply.answer
    return {
        "by": reply.by,
        "answerable": answer.answerable if answer else None,
        "confidence": round(answer.confidence, 4) if answer else None,
        "rewritten_query": answer.rewritten if answer else None,
        "rewrite_reason": answer.reason if answer else None,
        "generation": answer.generation if answer else None,
        "notes": list(reply.notes),
        "removed": list(reply.removed),
    }


def usage_json(read: int, written: int) -> TokenUsage:
    """`read` and `written`: numbers of tokens."""
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def model_json(name: str) -> ChatModel:
    return {"id": name, "object": "model", "created": MODEL_CREATED, "owned_by": "quotable"}
