"""`/v1/vector_stores`: search in the format of OpenAI's vector stores. Each collection is a store."""

from __future__ import annotations

from flask import Blueprint, request

from index.filters import of_collection
from qa.answering.answer import Result
from qa.web.current import MAX_COLLECTIONS, collections, service
from qa.web.routes import READ, route
from qa.web.schemas.openai.requests import VectorStoreSearchRequest
from qa.web.schemas.openai.vector_stores import (
    VectorStore,
    VectorStoreList,
    VectorStoreSearchAnswer,
    found_file_json,
    published_score,
    store_json,
)
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import from_body

blueprint = Blueprint("vector_stores", __name__)


@route(blueprint, "GET", "/v1/vector_stores", READ, "List the vector stores")
def list_stores() -> VectorStoreList:
    counts = _counts()
    stores = [store_json(name, counts.get(name, 0)) for name in collections()]
    first, last = (stores[0]["id"], stores[-1]["id"]) if stores else (None, None)
    return {"object": "list", "data": stores, "first_id": first, "last_id": last, "has_more": False}


@route(blueprint, "GET", "/v1/vector_stores/<store_id>", READ, "Show a vector store")
def show_store(store_id: str) -> VectorStore:
    _check_store(store_id)
    return store_json(store_id, _counts().get(store_id, 0))


@route(
    blueprint,
    "POST",
    "/v1/vector_stores/<store_id>/search",
    READ,
    "Search a vector store",
    request=(VectorStoreSearchRequest,),
)
def search_store(store_id: str) -> VectorStoreSearchAnswer:
    _check_store(store_id)
    search = from_body(request, VectorStoreSearchRequest)
    filter_ = of_collection(store_id, search.filters.filter() if search.filters else None)
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


def _counts() -> dict[str, int]:
    """The number of documents of each collection."""
    return {str(name): count for name, count in service().engine.facets("collection", None, MAX_COLLECTIONS)}


def _check_store(store_id: str) -> None:
    if store_id not in collections():
        raise Problem(404, f"Unknown vector store {store_id!r}. GET /v1/vector_stores lists them.")
