"""`/v1/search`: a question in, passages and the quote out."""

from __future__ import annotations

import json
from time import perf_counter

from flask import Blueprint, Response, request

from qa.operate.keys import Role
from qa.web.current import service
from qa.web.pages.feedback import record_if_unanswered
from qa.web.routes import route
from qa.web.schemas import answers
from qa.web.schemas.reading import from_body, from_query_string
from qa.web.schemas.requests import SearchParameters, SearchRequest
from qa.web.schemas.responses import answer_json, facet_json

FACET_VALUES = 100

blueprint = Blueprint("search", __name__)


@route(
    blueprint,
    "GET",
    "/v1/search",
    role=Role.READ,
    summary="Ask a question by URL",
    query=SearchParameters,
    response=answers.SearchAnswer,
    tag="search",
)
def search_by_address() -> Response:
    parameters = from_query_string(request, SearchParameters)
    return _answer(SearchRequest.model_construct(query=parameters.q, limit=parameters.limit))


@route(
    blueprint,
    "POST",
    "/v1/search",
    role=Role.READ,
    summary="Ask a question",
    request=(SearchRequest,),
    response=answers.SearchAnswer,
    tag="search",
    links={"documents.show_passage": {"passage_id": "$response.body#/results/0/id"}},
)
def search() -> Response:
    return _answer(from_body(request, SearchRequest))


def _answer(asked: SearchRequest) -> Response:
    began = perf_counter()
    filter_ = asked.filter.filter() if asked.filter else None
    answer = service().answerer.ask(asked.query, asked.limit, filter_, [turn.turn() for turn in asked.history])
    if not asked.typing:
        record_if_unanswered(answer)
    body = answer_json(answer, (perf_counter() - began) * 1000, explained=asked.explain)
    if asked.facets:
        body["facets"] = {key: facet_json(service().store.filtered.facet(key, filter_, FACET_VALUES)) for key in asked.facets}
    return Response(json.dumps(body, ensure_ascii=False), mimetype="application/json")
