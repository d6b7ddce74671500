"""`/v1/search`: a question in, passages and the quote out."""

from __future__ import annotations

import json
from time import perf_counter

from flask import Blueprint, Response, request

from qa.responses import answer_json
from qa.web.current import service
from qa.web.requests import SearchParameters, SearchRequest, from_body, from_query_string

blueprint = Blueprint("search", __name__)


@blueprint.get("/v1/search")
def search_by_address() -> Response:
    parameters = from_query_string(request, SearchParameters)
    return _answer(parameters.q, parameters.limit)


@blueprint.post("/v1/search")
def search() -> Response:
    asked = from_body(request, SearchRequest)
    return _answer(asked.query, asked.limit)


def _answer(query: str, limit: int) -> Response:
    began = perf_counter()
    answer = service().answerer.ask(query, limit)
    body = answer_json(answer, (perf_counter() - began) * 1000)
    return Response(json.dumps(body, ensure_ascii=False), mimetype="application/json")
