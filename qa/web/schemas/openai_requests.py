"""What OpenAI's clients may ask: every parameter that such a client can send is known here, and used, passed over or refused.

Passed over is what makes no difference to words that are not made up; refused is what was asked for and cannot be given.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from qa.answering.question.turn import Turn
from qa.answering.question.validity import InvalidQuestion, clean_question
from qa.chat.chatbot import Request
from qa.web.schemas.requests import MAX_TURN, AnyFilter, Strict, Text, shallow

MODEL = "quotable"
QUOTES_MODEL = "quotable-quotes"
MAX_MESSAGES = 2_000  # who holds a long conversation need not cut it; the last turns are looked at
MAX_QUERIES = 10  # in one search

# Their values are not looked at.
Ignored = Annotated[Any, Field(exclude=True)]


def _nothing(value: Any) -> None:
    """Only a value that asks for nothing."""
    if value not in (None, False, 0, [], {}, "none"):
        raise ValueError("cannot be given here")


Nothing = Annotated[None, BeforeValidator(_nothing)]


class TextPart(Strict):
    type: Literal["text"]
    text: Text


class RefusalPart(Strict):
    """What an assistant said instead of an answer; it says nothing of the topic."""

    type: Literal["refusal"]
    refusal: Ignored = None

    @property
    def text(self) -> str:
        return ""


class Message(Strict):
    """One turn. Replies may be sent back as they came."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[Text, Field(max_length=MAX_TURN)] | list[TextPart | RefusalPart] | None = None
    name: Ignored = None
    refusal: Ignored = None
    annotations: Ignored = None
    audio: Nothing = None
    function_call: Nothing = None
    tool_calls: Nothing = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(Strict):
    include_usage: bool = False
    include_obfuscation: Ignored = None


class ChatRequest(Strict):
    """`POST /v1/chat/completions`. `filter` is this service's own: which documents may answer."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    model: Text = MODEL
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = 1
    filter: Annotated[AnyFilter | None, BeforeValidator(shallow)] = None
    response_format: dict[str, Any] | None = None
    modalities: list[Literal["text"]] | None = None

    frequency_penalty: Ignored = None
    max_completion_tokens: Ignored = None
    max_tokens: Ignored = None
    metadata: Ignored = None
    parallel_tool_calls: Ignored = None
    prediction: Ignored = None
    presence_penalty: Ignored = None
    prompt_cache_key: Ignored = None
    prompt_cache_options: Ignored = None
    prompt_cache_retention: Ignored = None
    reasoning_effort: Ignored = None
    safety_identifier: Ignored = None
    seed: Ignored = None
    service_tier: Ignored = None
    temperature: Ignored = None
    top_p: Ignored = None
    user: Ignored = None
    verbosity: Ignored = None

    audio: Nothing = None
    function_call: Nothing = None
    functions: Nothing = None
    logit_bias: Nothing = None
    logprobs: Nothing = None
    moderation: Nothing = None
    stop: Nothing = None
    store: Nothing = None
    tool_choice: Annotated[None, BeforeValidator(lambda value: _nothing(None if value == "auto" else value))] = None
    tools: Nothing = None
    top_logprobs: Nothing = None
    web_search_options: Nothing = None

    @field_validator("response_format")
    @classmethod
    def _plain_text(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value not in (None, {"type": "text"}):
            raise ValueError('cannot be given here: replies are {"type": "text"}')
        return value

    @field_validator("messages")
    @classmethod
    def _ends_with_a_question(cls, messages: list[Message]) -> list[Message]:
        if messages[-1].role != "user":
            raise ValueError("must end with a message of the user's")
        try:
            clean_question(messages[-1].text)
        except InvalidQuestion as error:
            raise ValueError(f"the last one {error}") from error
        return messages

    @model_validator(mode="after")
    def _streams_where_it_says_how(self) -> ChatRequest:
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options is for stream = true alone")
        return self

    def request(self) -> Request:
        said = [m for m in self.messages if m.text.strip()]
        return Request(
            message=clean_question(said.pop().text),
            history=tuple(Turn(m.role, m.text) for m in said if m.role == "user" or m.role == "assistant"),
            filter=self.filter.filter() if self.filter else None,
            instructions="\n\n".join(m.text for m in said if m.role in ("system", "developer")),
            quotes_only=self.model == QUOTES_MODEL,
        )


def _queries(value: Any) -> list[str]:
    """One question, or a list of them."""
    asked = value if isinstance(value, list) else [value]
    if not all(isinstance(query, str) for query in asked):
        raise ValueError("must be a text or a list of texts")
    return [clean_question(query) for query in asked]


class RankingOptions(Strict):
    """There is one ranking; `score_threshold` is the least score of a result, 0 to 1."""

    ranker: Literal["none", "auto", "default-2024-11-15"] | None = None
    score_threshold: Annotated[float, Field(ge=0, le=1)] | None = None


class VectorStoreSearchRequest(Strict):
    """`POST /v1/vector_stores/{id}/search`. Spelling is corrected whether `rewrite_query` is set or not."""

    query: Annotated[list[str], BeforeValidator(_queries), Field(min_length=1, max_length=MAX_QUERIES)]
    max_num_results: Annotated[int, Field(ge=1, le=50)] = 10
    filters: Annotated[AnyFilter | None, BeforeValidator(shallow)] = None
    ranking_options: RankingOptions | None = None
    rewrite_query: Ignored = None

    @property
    def least_score(self) -> float:
        return (self.ranking_options and self.ranking_options.score_threshold) or 0.0
