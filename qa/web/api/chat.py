"""`/v1/chat/completions` and `/v1/models`, as OpenAI's clients expect them."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, request

from corpus.types import QuotableError
from qa.chat.chatbot import Pieces, last_reply
from qa.chat.replies import Reply
from qa.operate.keys import Role
from qa.web.current import service
from qa.web.pages.feedback import record_unanswered
from qa.web.routes import route
from qa.web.schemas import answers
from qa.web.schemas.openai_requests import MODEL, QUOTES_MODEL, ChatRequest
from qa.web.schemas.openai_responses import Envelope, usage_json
from qa.web.schemas.problems import Problem, openai_error, words_for_callers
from qa.web.schemas.reading import from_body
from qa.web.server.dispatcher import release_slot

log = logging.getLogger(__name__)

blueprint = Blueprint("chat", __name__)

MODELS = (MODEL, QUOTES_MODEL)
MADE = 1735689600  # seconds since 1970; clients want a date, and a model of rules has none


@route(blueprint, "GET", "/v1/models", role=Role.READ, summary="List the models", response=answers.ChatModelList, tag="chat")
def list_models() -> Response:
    return _json({"object": "list", "data": [_model(name) for name in MODELS]})


@route(
    blueprint,
    "GET",
    "/v1/models/<model_id>",
    role=Role.READ,
    summary="Show a model",
    response=answers.ChatModel,
    errors=(404,),
    tag="chat",
)
def show_model(model_id: str) -> Response:
    _check_model(model_id)
    return _json(_model(model_id))


@route(
    blueprint,
    "POST",
    "/v1/chat/completions",
    role=Role.READ,
    summary="Reply to a conversation",
    request=(ChatRequest,),
    response=answers.ChatCompletion,
    streams=True,
    errors=(404,),
    tag="chat",
)
def complete() -> Response:
    asked = from_body(request, ChatRequest)
    _check_model(asked.model)
    envelope = Envelope(f"chatcmpl-{uuid4().hex}", int(time.time()), asked.model, request.host_url)
    opened = service()
    pieces = record_unanswered(opened.chatbot.reply(asked.request()))
    if opened.chatbot.model:
        pieces = _aside_once_found(pieces)
    count = partial(_usage, asked, opened.searcher.count_tokens)
    if not asked.stream:
        reply = last_reply(pieces)
        return _json(envelope.completion(reply, count(reply)))
    # The first piece is there before the stream begins, so that what fails at once has a status of its own.
    begun = chain([next(pieces)], pieces)
    wanted = asked.stream_options is not None and asked.stream_options.include_usage
    return Response(
        _events(envelope, begun, count if wanted else None),
        mimetype="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _aside_once_found(pieces: Pieces) -> Pieces:
    """The first piece is there when the search is done; a model takes its time for the others."""
    yield next(pieces)
    release_slot()
    yield from pieces


def _events(envelope: Envelope, pieces: Pieces, count: Callable[[Reply], dict[str, int]] | None) -> Iterator[str]:
    """`count`: gives the usage, where it is wanted."""
    more = {"usage": None} if count else {}
    yield _event(envelope.opening() | more)
    try:
        for piece in pieces:
            if isinstance(piece, Reply):
                yield _event(envelope.closing(piece) | more)
                if count:
                    yield _event(envelope.counted(count(piece)))
            elif piece:
                yield _event(envelope.piece(piece) | more)
    except QuotableError as error:
        log.error("%s", error)
        yield _event(openai_error(503, words_for_callers(error)))
    except Exception:
        log.exception("unforeseen error in a stream")
        yield _event(openai_error(500, "Something went wrong here; the server's log has the details"))
    else:
        yield "data: [DONE]\n\n"


def _usage(asked: ChatRequest, count_tokens: Callable[[Sequence[str]], list[int]], reply: Reply) -> dict[str, int]:
    """As the model counted, or in tokens of the embedding model: nothing is paid here."""
    if reply.usage:
        return usage_json(*reply.usage)
    counts = count_tokens([*(message.text for message in asked.messages), reply.text])
    return usage_json(sum(counts[:-1]), counts[-1])


def _check_model(name: str) -> None:
    if name not in MODELS:
        raise Problem(404, f"There is no model {name!r} here; there are {' and '.join(MODELS)}")


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": MADE, "owned_by": "quotable"}


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def _json(body: dict[str, Any]) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), mimetype="application/json")
