"""`/v1/chat/completions`, `/v1/responses` and `/v1/models`, in OpenAI's format. A model may name a collection: `quotable/press`."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, request

from corpus.types import QuotableError
from qa.chat.chatbot import Pieces, last_reply
from qa.chat.replies import Reply
from qa.web.asked import keep_question_of
from qa.web.current import collections, service, site
from qa.web.routes import READ, route
from qa.web.schemas.openai.requests import MODEL, QUOTES_MODEL, ChatRequest, ConversationRequest
from qa.web.schemas.openai.responses import (
    ChatCompletion,
    ChatModel,
    ChatModelList,
    Envelope,
    TokenUsage,
    model_json,
    usage_json,
)
from qa.web.schemas.openai.responses_api import ModelResponse, ResponseRequest, Writer
from qa.web.schemas.problems import UNEXPECTED, Problem, openai_error, public_message
from qa.web.schemas.reading import from_body
from qa.web.server.admission import release_slot

log = logging.getLogger(__name__)

blueprint = Blueprint("chat", __name__)

MODELS = (MODEL, QUOTES_MODEL)

Count = Callable[[Reply], TokenUsage]


@route(blueprint, "GET", "/v1/models", READ, "List the models")
def list_models() -> ChatModelList:
    names = collections()
    of_one = [f"{model}/{name}" for name in names for model in MODELS] if len(names) > 1 else []
    return {"object": "list", "data": [model_json(name) for name in (*MODELS, *of_one)]}


@route(blueprint, "GET", "/v1/models/<path:model_id>", READ, "Show a model")
def show_model(model_id: str) -> ChatModel:
    _check_model(model_id)
    return model_json(model_id)


@route(
    blueprint,
    "POST",
    "/v1/chat/completions",
    READ,
    "Reply to a conversation",
    request=(ChatRequest,),
    streams=True,
    errors=(404,),
)
def complete() -> ChatCompletion | Response:
    body = from_body(request, ChatRequest)
    _check_model(body.model)
    envelope = Envelope(f"chatcmpl-{uuid4().hex}", int(time.time()), body.model, site())
    pieces, count = _reply(body)
    if not body.stream:
        reply = last_reply(pieces)
        return envelope.completion(reply, count(reply))
    return _stream(_events(envelope, pieces, count if body.wants_usage else None))


@route(
    blueprint,
    "POST",
    "/v1/responses",
    READ,
    "Respond to a conversation",
    request=(ResponseRequest,),
    streams=True,
    errors=(404,),
)
def respond() -> ModelResponse | Response:
    body = from_body(request, ResponseRequest)
    _check_model(body.model)
    envelope = Envelope(f"resp_{uuid4().hex}", int(time.time()), body.model, site())
    writer = Writer(envelope, f"msg_{uuid4().hex}", body.instructions)
    pieces, count = _reply(body)
    if not body.stream:
        reply = last_reply(pieces)
        return writer.response(reply, count(reply))
    return _stream(_response_events(writer, pieces, count))


def _reply(body: ConversationRequest) -> tuple[Pieces, Count]:
    """The pieces of the reply, of which the first is there, and what counts its tokens. An error before the first has its own status."""
    chatbot = service().chatbot
    pieces = keep_question_of(chatbot.reply(body.request()))
    if chatbot.model:
        pieces = _release_slot_after_first(pieces)
    return chain([next(pieces)], pieces), partial(_usage, body, service().engine.embedder.count_tokens)


def _stream(events: Iterator[str]) -> Response:
    return Response(events, mimetype="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


def _release_slot_after_first(pieces: Pieces) -> Pieces:
    """The first piece ends the search; the others wait for the language model."""
    yield next(pieces)
    release_slot()
    yield from pieces


def _events(envelope: Envelope, pieces: Pieces, count: Count | None) -> Iterator[str]:
    """Server-sent events. `count` is None if the client does not want the usage."""
    no_usage = {"usage": None} if count else {}
    yield _event(envelope.first_chunk() | no_usage)
    try:
        for piece in pieces:
            if isinstance(piece, Reply):
                yield _event(envelope.last_chunk(piece) | no_usage)
                if count:
                    yield _event(envelope.usage_chunk(count(piece)))
            elif piece:
                yield _event(envelope.text_chunk(piece) | no_usage)
    except QuotableError as error:
        log.error("%s", error)
        yield _event(openai_error(503, public_message(error)))
    except Exception:
        log.exception("unexpected error in a stream")
        yield _event(openai_error(500, UNEXPECTED))
    else:
        yield "data: [DONE]\n\n"


def _response_events(writer: Writer, pieces: Pieces, count: Count) -> Iterator[str]:
    try:
        for event in writer.events(pieces, count):
            yield _named_event(event)
    except QuotableError as error:
        log.error("%s", error)
        yield _named_event(writer.failed(public_message(error)))
    except Exception:
        log.exception("unexpected error in a stream")
        yield _named_event(writer.failed(UNEXPECTED))


def _usage(body: ConversationRequest, count_tokens: Callable[[Sequence[str]], list[int]], reply: Reply) -> TokenUsage:
    """The language model's token counts, or else those of the embedding model's tokenizer."""
    if reply.usage:
        return usage_json(*reply.usage)
    counts = count_tokens([*(text for _, text in body.turns()), reply.text])
    return usage_json(sum(counts[:-1]), counts[-1])


def _check_model(name: str) -> None:
    model, separator, collection = name.partition("/")
    if model not in MODELS or (separator and collection not in collections()):
        raise Problem(
            404, f"Unknown model {name!r}. The models are {' and '.join(MODELS)}; GET /v1/models lists those of collections."
        )


def _named_event(body: Mapping[str, Any]) -> str:
    return f"event: {body['type']}\n{_event(body)}"


def _event(body: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
