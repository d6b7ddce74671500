"""OpenAI's Responses API: the request, the response and the events of its stream. Every parameter is used, ignored or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator
from typing_extensions import TypedDict

from qa.chat.chatbot import Pieces
from qa.chat.replies import Reply
from qa.web.schemas.documents import Count, DocumentReference, Offset, PageUrl
from qa.web.schemas.openai.requests import (
    ConversationRequest,
    Ignored,
    PlainTextOnly,
    RefusalPart,
    Speaker,
    Unsupported,
    check_question,
)
from qa.web.schemas.openai.responses import Envelope, Grounding, TokenUsage, grounding_json
from qa.web.schemas.requests import MAX_TURN, MAX_TURNS, Strict, Text


def _refuse_memory(value: Any) -> None:
    """Conversations are not stored, so there is no earlier response to go on from."""
    if value is not None:
        raise ValueError("is not supported, because no conversation is stored: send the earlier messages in input")


Memory = Annotated[None, BeforeValidator(_refuse_memory)]


class InputText(Strict):
    """A part of a message, also of a response that is sent back."""

    type: Literal["input_text", "output_text"]
    text: Text
    annotations: Ignored = None
    logprobs: Ignored = None


class InputMessage(Strict):
    """A message of the conversation. The output of this service is accepted unchanged."""

    role: Speaker
    content: Annotated[Text, Field(max_length=MAX_TURN)] | list[InputText | RefusalPart]
    type: Literal["message"] = "message"
    id: Ignored = None
    status: Ignored = None
    phase: Ignored = None

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)


class TextFormat(Strict):
    """How the text is written."""

    format: PlainTextOnly = None
    verbosity: Ignored = None


class ResponseRequest(ConversationRequest):
    """`POST /v1/responses`."""

    input: (
        Annotated[Text, Field(min_length=1, max_length=MAX_TURN)]
        | Annotated[list[InputMessage], Field(min_length=1, max_length=MAX_TURNS)]
    )
    instructions: Annotated[Text, Field(max_length=MAX_TURN)] | None = None
    text: TextFormat | None = None

    include: Ignored = None
    max_output_tokens: Ignored = None
    max_tool_calls: Ignored = None
    reasoning: Ignored = None
    stream_options: Ignored = None
    truncation: Ignored = None

    background: Unsupported = None
    context_management: Unsupported = None
    conversation: Memory = None
    image: Unsupported = None
    previous_response_id: Memory = None
    prompt: Unsupported = None

    @field_validator("input")
    @classmethod
    def _ends_with_a_question(cls, value: str | list[InputMessage]) -> str | list[InputMessage]:
        check_question(*(("user", value) if isinstance(value, str) else (value[-1].role, value[-1].text)))
        return value

    def turns(self) -> list[tuple[Speaker, str]]:
        turns: list[tuple[Speaker, str]] = [("developer", self.instructions)] if self.instructions else []
        if isinstance(self.input, str):
            return [*turns, ("user", self.input)]
        return [*turns, *((message.role, message.text) for message in self.input)]


class ResponseAnnotation(TypedDict):
    """`start_index`, `end_index`: in the text of the reply. `start`, `end`: in the document's. Unicode code points."""

    type: Literal["url_citation"]
    start_index: Count
    end_index: Count
    title: str
    url: str
    number: int
    quote: str
    verbatim: bool
    document: DocumentReference
    passage_id: str
    page_url: PageUrl
    start: Offset
    end: Offset


class OutputText(TypedDict):
    type: Literal["output_text"]
    text: str
    annotations: list[ResponseAnnotation]
    logprobs: list[float]


class OutputMessage(TypedDict):
    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    status: Literal["in_progress", "completed"]
    content: list[OutputText]


class CachedTokens(TypedDict):
    cached_tokens: Literal[0]
    cache_write_tokens: Literal[0]


class ReasoningTokens(TypedDict):
    reasoning_tokens: Literal[0]


class ResponseUsage(TypedDict):
    input_tokens: Count
    input_tokens_details: CachedTokens
    output_tokens: Count
    output_tokens_details: ReasoningTokens
    total_tokens: Count


class ResponseFailure(TypedDict):
    code: Literal["server_error"]
    message: str


class PlainTextFormat(TypedDict):
    type: Literal["text"]


class PlainText(TypedDict):
    format: PlainTextFormat


class ModelResponse(TypedDict):
    """Fields of OpenAI's that mean nothing here have the values of a response without tools."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["in_progress", "completed", "failed"]
    error: ResponseFailure | None
    incomplete_details: None
    instructions: str | None
    metadata: dict[str, str]
    model: str
    output: list[OutputMessage]
    parallel_tool_calls: Literal[False]
    previous_response_id: None
    store: Literal[False]
    temperature: None
    text: PlainText
    tool_choice: Literal["none"]
    tools: list[str]
    top_p: None
    usage: ResponseUsage | None
    grounding: Grounding | None


class Writer:
    """The response to one request, whole or as the events of a stream."""

    def __init__(self, envelope: Envelope, message_id: str, instructions: str | None) -> None:
        self._envelope, self._message_id, self._instructions = envelope, message_id, instructions
        self._events = 0

    def response(self, reply: Reply, usage: TokenUsage) -> ModelResponse:
        used: ResponseUsage = {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage["total_tokens"],
        }
        message = self._message("completed", [self._part(reply)])
        return {**self._begun(), "status": "completed", "output": [message], "usage": used, "grounding": grounding_json(reply)}

    def events(self, pieces: Pieces, count: Callable[[Reply], TokenUsage]) -> Iterator[dict[str, Any]]:
        """The events of a reply that succeeds. `pieces` raise what fails; `failed` is the event for it."""
        place = {"output_index": 0, "content_index": 0, "item_id": self._message_id}
        empty: OutputText = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        for name in ("created", "in_progress"):
            yield self._event(f"response.{name}", response=self._begun())
        yield self._event("response.output_item.added", output_index=0, item=self._message("in_progress", []))
        yield self._event("response.content_part.added", part=empty, **place)
        for piece in pieces:
            if isinstance(piece, Reply):
                part = self._part(piece)
                for number, annotation in enumerate(part["annotations"]):
                    yield self._event(
                        "response.output_text.annotation.added", annotation=annotation, annotation_index=number, **place
                    )
                yield self._event("response.output_text.done", text=piece.text, logprobs=[], **place)
                yield self._event("response.content_part.done", part=part, **place)
                yield self._event("response.output_item.done", output_index=0, item=self._message("completed", [part]))
                yield self._event("response.completed", response=self.response(piece, count(piece)))
            elif piece:
                yield self._event("response.output_text.delta", delta=piece, logprobs=[], **place)

    def failed(self, reason: str) -> dict[str, Any]:
        failure: ResponseFailure = {"code": "server_error", "message": reason}
        return self._event("response.failed", response={**self._begun(), "status": "failed", "error": failure})

    def _event(self, kind: str, **fields: Any) -> dict[str, Any]:
        self._events += 1
        return {"type": kind, "sequence_number": self._events - 1, **fields}

    def _begun(self) -> ModelResponse:
        return {
            "id": self._envelope.id,
            "object": "response",
            "created_at": self._envelope.created,
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "instructions": self._instructions,
            "metadata": {},
            "model": self._envelope.model,
            "output": [],
            "parallel_tool_calls": False,
            "previous_response_id": None,
            "store": False,
            "temperature": None,
            "text": {"format": {"type": "text"}},
            "tool_choice": "none",
            "tools": [],
            "top_p": None,
            "usage": None,
            "grounding": None,
        }

    def _message(self, status: Literal["in_progress", "completed"], content: list[OutputText]) -> OutputMessage:
        return {"id": self._message_id, "type": "message", "role": "assistant", "status": status, "content": content}

    def _part(self, reply: Reply) -> OutputText:
        """The citations as in a chat completion, but flat."""
        annotations: list[ResponseAnnotation] = []
        for each in self._envelope.annotations(reply):
            flat: Any = {"type": each["type"], **each["url_citation"], **each}
            del flat["url_citation"]
            annotations.append(flat)
        return {"type": "output_text", "text": reply.text, "annotations": annotations, "logprobs": []}
