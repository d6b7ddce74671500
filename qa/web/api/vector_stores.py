"""`/v1/vector_stores`: search in the format of OpenAI's vector stores. There is one store, which holds all documents."""

from __future__ import annotations

from flask import Blueprint, request

from qa.answering.answer import Result
from qa.web.current import service
from qa.web.routes import READ, route
from qa.web.schemas.openai_requests import VectorStoreSearchRequest
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import from_body
from qa.web.schemas.vector_stores import (
    STORE,
    VectorStore,
    VectorStoreList,
    VectorStoreSearchAnswer,
    found_file_json,
    published_score,
    store_json,
)

blueprint = Blueprint("vector_stores", __name__)


@route(blueprint, "GET", "/v1/vector_stores", READ, "List the vector stores")
def list_stores() -> VectorStoreList:
    return {"object": "list", "data": [_store()], "first_id": STORE, "last_id": STORE, "has_more": False}


@route(blueprint, "GET", "/v1/vector_stores/<store_id>", READ, "Show the vector store")
def show_store(store_id: str) -> VectorStore:
    _check_store(store_id)
    return _store()


@route(
    blueprint,
    "POST",
    "/v1/vector_stores/<store_id>/search",
    READ,
    "Search the vector store",
    request=(VectorStoreSearchRequest,),
)
def search_store(store_id: str) -> VectorStoreSearchAnswer:
    _check_store(store_id)
    search = from_body(request, VectorStoreSearchRequest)
    filter_ = search.filters.filter() if search.filters else None
    answers = [service().answerer.ask(query, search.max_num_results, filter_) for query in search.query]
    best: dict[int, Result] = {}
    for result in sorted((result for answer in answers for result in answer.results), key=lambda result: -result.score):
        best.setdefault(result.stored.id, result)
    found = [result for result in best.values() if published_score(result) >= search.score_threshold]
    return {
        "object": "vector_store.search_results.page",
        "search_query": [answer.rewritten or answer.question for answer in answers],
        "data": [found_file_json(result) for result in found[: search.max_num_results]],
        "has_more": False,
        "next_page": None,
    }


def _store() -> VectorStore:
    documents, _ = service().engine.counts()
    return store_json(documents)


def _check_store(store_id: str) -> None:
    if store_id != STORE:
        raise Problem(404, f"Unknown vector store {store_id!r}. There is one: {STORE!r}.")
