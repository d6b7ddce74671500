"""Models of requests in OpenAI's format. Every parameter of OpenAI's API is declared: used, ignored or refused.

Ignored are parameters that cannot change a reply made of quotes; refused are features that are not supported.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from index.filters import of_collection
from qa.answering.question.turn import Turn
from qa.answering.question.validity import InvalidQuestion, clean_question
from qa.chat.chatbot import Request
from qa.settings.settings import Read
from qa.web.schemas.requests import MAX_TURN, MAX_TURNS, OptionalFilter, Strict, Text

MODEL = "quotable"
QUOTES_MODEL = "quotable-quotes"
MAX_QUERIES = 10  # in one search

Ignored = Annotated[Any, Field(exclude=True)]


def _refuse_value(value: Any) -> None:
    """Accept only values that turn a feature off."""
    if value not in (None, False, 0, [], {}, "none"):
        raise ValueError("is not supported")


def _require_plain_text(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value not in (None, {"type": "text"}):
        raise ValueError('must be {"type": "text"}: structured output is not supported')
    return value


PlainTextOnly = Annotated[dict[str, Any] | None, AfterValidator(_require_plain_text)]
Speaker = Literal["system", "developer", "user", "assistant"]
Unsupported = Annotated[None, BeforeValidator(_refuse_value)]


class TextPart(Strict):
    type: Literal["text"]
    text: Text


class RefusalPart(Strict):
    """An assistant's refusal. It says nothing about the topic, so its text is ignored."""

    type: Literal["refusal"]
    refusal: Ignored = None

    @property
    def text(self) -> str:
        return ""


class Message(Strict):
    """A message of a conversation. Replies of this service are accepted unchanged."""

    role: Speaker
    content: Annotated[Text, Field(max_length=MAX_TURN)] | list[TextPart | RefusalPart] | None = None
    name: Ignored = None
    refusal: Ignored = None
    annotations: Ignored = None
    audio: Unsupported = None
    function_call: Unsupported = None
    tool_calls: Unsupported = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(Strict):
    include_usage: bool = False
    include_obfuscation: Ignored = None


class ConversationRequest(Strict):
    """What the requests for a reply share. Extensions: `filter`, only matching documents are searched; `read`, when the model reads;
    `spelling`, correct the question.
    """

    model: Text = MODEL
    stream: bool | None = False
    filter: OptionalFilter = None
    read: Read | None = None
    spelling: bool = True

    metadata: Ignored = None
    parallel_tool_calls: Ignored = None
    prompt_cache_key: Ignored = None
    prompt_cache_options: Ignored = None
    prompt_cache_retention: Ignored = None
    safety_identifier: Ignored = None
    service_tier: Ignored = None
    temperature: Ignored = None
    top_p: Ignored = None
    user: Ignored = None
    verbosity: Ignored = None

    moderation: Unsupported = None
    store: Unsupported = None
    tool_choice: Annotated[None, BeforeValidator(lambda value: _refuse_value(None if value == "auto" else value))] = None
    tools: Unsupported = None
    top_logprobs: Unsupported = None

    @property
    def collection(self) -> str | None:
        """The collection that the model names; None for all documents."""
        return self.model.partition("/")[2] or None

    @abstractmethod
    def turns(self) -> list[tuple[Speaker, str]]:
        """Role and text of each message, oldest first; the last is the question."""

    def request(self) -> Request:
        messages = [(role, text) for role, text in self.turns() if text.strip()]
        return Request(
            message=clean_question(messages.pop()[1]),
            history=tuple(Turn(role, text) for role, text in messages if role == "user" or role == "assistant"),
            filter=of_collection(self.collection, self.filter.filter() if self.filter else None),
            instructions="\n\n".join(text for role, text in messages if role in ("system", "developer")),
            quotes_only=self.model.partition("/")[0] == QUOTES_MODEL,
            read=self.read,
            spelling=self.spelling,
        )


def check_question(role: str, text: str) -> None:
    """Raises ValueError unless a conversation may end with this message."""
    if role != "user":
        raise ValueError("must end with a message of the role user")
    try:
        clean_question(text)
    except InvalidQuestion as error:
        raise ValueError(f"must end with a question: it {error}") from error


class ChatRequest(ConversationRequest):
    """`POST /v1/chat/completions`."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_TURNS)]
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = 1
    response_format: PlainTextOnly = None
    modalities: list[Literal["text"]] | None = None

    frequency_penalty: Ignored = None
    max_completion_tokens: Ignored = None
    max_tokens: Ignored = None
    prediction: Ignored = None
    presence_penalty: Ignored = None
    reasoning_effort: Ignored = None
    seed: Ignored = None

    audio: Unsupported = None
    function_call: Unsupported = None
    functions: Unsupported = None
    logit_bias: Unsupported = None
    logprobs: Unsupported = None
    stop: Unsupported = None
    web_search_options: Unsupported = None

    @field_validator("messages")
    @classmethod
    def _ends_with_a_question(cls, messages: list[Message]) -> list[Message]:
        check_question(messages[-1].role, messages[-1].text)
        return messages

    @model_validator(mode="after")
    def _stream_options_need_stream(self) -> ChatRequest:
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options needs stream = true")
        return self

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with a chunk of token counts."""
        return self.stream_options is not None and self.stream_options.include_usage

    def turns(self) -> list[tuple[Speaker, str]]:
        return [(message.role, message.text) for message in self.messages]


def _queries(value: Any) -> list[str]:
    queries = value if isinstance(value, list) else [value]
    if not all(isinstance(query, str) for query in queries):
        raise ValueError("must be a string or a list of strings")
    return [clean_question(query) for query in queries]


class RankingOptions(Strict):
    """`score_threshold`: lowest score of a result, 0 to 1. `ranker` is ignored; there is one ranking."""

    ranker: Literal["none", "auto", "default-2024-11-15"] | None = None
    score_threshold: Annotated[float, Field(ge=0, le=1)] | None = None


class VectorStoreSearchRequest(Strict):
    """`POST /v1/vector_stores/{id}/search`. `rewrite_query` is ignored; spelling is always corrected."""

    query: Annotated[list[str], BeforeValidator(_queries), Field(min_length=1, max_length=MAX_QUERIES)]
    max_num_results: Annotated[int, Field(ge=1, le=50)] = 10
    filters: OptionalFilter = None
    ranking_options: RankingOptions | None = None
    rewrite_query: Ignored = None

    @property
    def score_threshold(self) -> float:
        return (self.ranking_options and self.ranking_options.score_threshold) or 0.0
