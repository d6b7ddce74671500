"""`/v1/search`: a question in; passages, and the quote that answers it, out."""

from __future__ import annotations

from time import perf_counter

from flask import Blueprint, request

from qa.answering.past.past_engine import answerer_as_of
from qa.web.asked import keep_question
from qa.web.current import service
from qa.web.routes import READ, route
from qa.web.schemas.answers import SearchAnswer, answer_json, explained_answer_json, facet_json
from qa.web.schemas.reading import from_body, from_query_string
from qa.web.schemas.requests import SearchParameters, SearchRequest

FACET_VALUES = 100

blueprint = Blueprint("search", __name__)


@route(blueprint, "GET", "/v1/search", READ, "Ask a question by URL", query=SearchParameters)
def search_by_address() -> SearchAnswer:
    parameters = from_query_string(request, SearchParameters)
    return _answer(
        SearchRequest.model_construct(
            query=parameters.q,
            limit=parameters.limit,
            read=parameters.read,
            spelling=parameters.spelling,
            collection=parameters.collection,
            as_of=parameters.as_of,
        )
    )


@route(
    blueprint,
    "POST",
    "/v1/search",
    READ,
    "Ask a question",
    request=(SearchRequest,),
    links={"documents.show_passage": {"passage_id": "$response.body#/results/0/id"}},
)
def search() -> SearchAnswer:
    return _answer(from_body(request, SearchRequest))


def _answer(search: SearchRequest) -> SearchAnswer:
    start = perf_counter()
    filter_ = search.allowed()
    answerer = answerer_as_of(service().answerer, search.as_of) if search.as_of else service().answerer
    answer = answerer.ask(search.query, search.limit, filter_, search.history, search.read, spelling=search.spelling)
    if not search.typing and not search.as_of:  # kept questions are about the documents of now
        keep_question(answer)
    to_json = explained_answer_json if search.explain else answer_json
    body = to_json(answer, (perf_counter() - start) * 1000)
    if search.as_of:
        body["as_of"] = search.as_of
    if search.facets:
        body["facets"] = {key: facet_json(service().engine.facets(key, filter_, FACET_VALUES)) for key in search.facets}
    return body
