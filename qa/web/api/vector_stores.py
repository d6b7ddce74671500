"""`/v1/vector_stores`: the documents searched in the shape of OpenAI's vector stores, of which there is one."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request

from qa.answering.answerer import Result
from qa.operate.keys import Role
from qa.web.current import service
from qa.web.routes import route
from qa.web.schemas import answers
from qa.web.schemas.openai_requests import VectorStoreSearchRequest
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import from_body
from qa.web.schemas.responses import passage_json

blueprint = Blueprint("vector_stores", __name__)

STORE = "default"
MADE = 1735689600  # seconds since 1970; typed clients want a date
MOST_ATTRIBUTES, LONGEST_KEY, LONGEST_VALUE = 16, 64, 512  # OpenAI's bounds; a client may rely on them


@route(
    blueprint,
    "GET",
    "/v1/vector_stores",
    role=Role.READ,
    summary="List the vector stores",
    response=answers.VectorStoreList,
    tag="chat",
)
def list_stores() -> Response:
    return _json({"object": "list", "data": [_store()], "first_id": STORE, "last_id": STORE, "has_more": False})


@route(
    blueprint,
    "GET",
    "/v1/vector_stores/<store_id>",
    role=Role.READ,
    summary="Show the vector store",
    response=answers.VectorStore,
    errors=(404,),
    tag="chat",
)
def show_store(store_id: str) -> Response:
    _check(store_id)
    return _json(_store())


@route(
    blueprint,
    "POST",
    "/v1/vector_stores/<store_id>/search",
    role=Role.READ,
    summary="Search the vector store",
    request=(VectorStoreSearchRequest,),
    response=answers.VectorStoreSearchAnswer,
    errors=(404,),
    tag="chat",
)
def search_store(store_id: str) -> Response:
    _check(store_id)
    asked = from_body(request, VectorStoreSearchRequest)
    filter_ = asked.filters.filter() if asked.filters else None
    answers = [service().answerer.ask(query, asked.max_num_results, filter_) for query in asked.query]
    best: dict[int, Result] = {}
    for result in sorted((result for answer in answers for result in answer.results), key=lambda result: -result.score):
        best.setdefault(result.stored.id, result)
    found = [result for result in best.values() if _score(result) >= asked.least_score][: asked.max_num_results]
    return _json(
        {
            "object": "vector_store.search_results.page",
            "search_query": [answer.rewritten or answer.question for answer in answers],
            "data": [_result(result) for result in found],
            "has_more": False,
            "next_page": None,
        }
    )


def _score(result: Result) -> float:
    """As it is told, so that a threshold taken from an earlier answer lets the same results through."""
    return round(result.score, 4)


def _result(result: Result) -> dict[str, Any]:
    document = result.stored.document
    return {
        "file_id": document.id,
        "filename": document.title,
        "score": _score(result),
        "attributes": _attributes(result),
        "content": [{"type": "text", "text": result.stored.passage.text}],
        "passage": passage_json(result.stored) | {"highlights": [{"start": result.quote[0], "end": result.quote[1]}]},
    }


def _attributes(result: Result) -> dict[str, str | float | bool]:
    """What a filter can be made of, as far as OpenAI's bounds allow it."""
    document = result.stored.document
    own = {"url": document.url, "date": document.date, "type": document.type, "language": document.language}
    values = {name: value for name, value in (own | dict(document.metadata)).items() if isinstance(value, str | int | float)}
    fitting = {n: v for n, v in values.items() if len(n) <= LONGEST_KEY and not (isinstance(v, str) and len(v) > LONGEST_VALUE)}
    return dict(list(fitting.items())[:MOST_ATTRIBUTES])


def _store() -> dict[str, Any]:
    documents, _ = service().store.counts()
    counts = {"in_progress": 0, "completed": documents, "failed": 0, "cancelled": 0, "total": documents}
    return {
        "id": STORE,
        "object": "vector_store",
        "created_at": MADE,
        "name": STORE,
        "usage_bytes": 0,  # nothing is charged
        "file_counts": counts,
        "status": "completed",
        "last_active_at": None,
        "metadata": {},
    }


def _check(store_id: str) -> None:
    if store_id != STORE:
        raise Problem(404, f"There is no vector store {store_id!r} here; there is one, {STORE!r}")


def _json(body: dict[str, Any]) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), mimetype="application/json")
