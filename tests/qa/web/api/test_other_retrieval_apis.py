"""Other retrieval APIs, each through its own client: OpenAI's vector stores, LangChain, LlamaIndex."""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import openai
import pytest

ROOT = Path(__file__).parent.parent.parent.parent.parent
SIGNED = "Who signed the memorandum?"
FOREIGN = "Which club won the football cup in 1966?"


def recipe(name: str) -> Any:
    """A recipe of the documentation as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "recipes" / f"{name}.py")
    assert spec
    assert spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from imports of the frameworks
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def stores(server: Any) -> Any:
    return openai.OpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0).vector_stores


def test_openai_client_searches_the_vector_store(server: Any, stores: Any) -> None:
    page = stores.search("default", query=SIGNED, max_num_results=3)
    assert page.object == "vector_store.search_results.page"
    first = page.data[0]
    expected = server.search(SIGNED, limit=3)["results"]
    assert [result.content[0].text for result in page.data] == [result["text"] for result in expected]
    assert (first.file_id, first.score) == ("press-release", expected[0]["score"])
    assert first.attributes["date"] == "2025-07-21"
    text = server.get("/v1/documents/press-release/text").json()["text"]
    assert text[first.passage["start"] : first.passage["end"]] == first.content[0].text


def test_vector_store_accepts_filters_thresholds_and_queries(stores: Any) -> None:
    only = {"type": "eq", "key": "id", "value": "press-release"}
    assert stores.search("default", query=SIGNED, filters=only).data
    assert stores.search("default", query=SIGNED, filters={**only, "type": "ne"}).data == []
    scores = [result.score for result in stores.search("default", query=SIGNED).data]
    assert scores == sorted(scores, reverse=True)
    kept = stores.search("default", query=SIGNED, ranking_options={"ranker": "auto", "score_threshold": scores[1]}).data
    assert [result.score for result in kept] == [score for score in scores if score >= scores[1]]
    both = stores.search("default", query=[SIGNED, "How many people work in London?"], rewrite_query=True)
    assert len(both.data) == len({result.passage["id"] for result in both.data})
    assert len(both.model_extra["search_query"] if both.model_extra else []) == 2


def test_the_default_collection_is_a_vector_store(stores: Any) -> None:
    assert [store.id for store in stores.list()] == ["default"]
    store = stores.retrieve("default")
    assert (store.file_counts.total, store.status, store.usage_bytes) == (1, "completed", 0)
    assert store.created_at > 0
    with pytest.raises(openai.NotFoundError, match="vs_other"):
        stores.search("vs_other", query=SIGNED)


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "query"), ({"query": ""}, "query"), ({"query": []}, "query"), ({"query": "x", "max_num_results": 51}, "max_num_results"),
     ({"query": "x", "top_k": 1}, "top_k"), ({"query": "x", "filters": {"type": "eq"}}, "filters.comparison.key"),
     ({"query": "x", "ranking_options": {"ranker": "other"}}, "ranking_options.ranker")],
)  # fmt: skip
def test_refuses_an_invalid_search_in_openai_format(server: Any, body: Any, field: str) -> None:
    refused = server.post("/v1/vector_stores/default/search", json.dumps(body).encode())
    assert (refused.status, refused.json()["error"]["param"]) == (400, field)


def test_langchain_recipe(server: Any) -> None:
    made = recipe("langchain_retriever").QuotableRetriever(address=server.address, limit=3)
    expected = server.search(SIGNED, limit=3)["results"]
    documents = made.invoke(SIGNED)
    assert [document.page_content for document in documents] == [result["text"] for result in expected]
    assert documents[0].metadata["source"] == "press-release"
    assert documents[0].metadata["start"] == expected[0]["start"]
    assert [len(found) for found in made.batch([SIGNED, FOREIGN])] == [3, 3]
    only = recipe("langchain_retriever").QuotableRetriever(address=server.address, only_answers=True)
    assert only.invoke(FOREIGN) == []


def test_llama_index_recipe(server: Any) -> None:
    made = recipe("llama_index_retriever").QuotableRetriever(server.address, limit=3)
    expected = server.search(SIGNED, limit=3)["results"]
    nodes = made.retrieve(SIGNED)
    assert [(node.node.text, node.score) for node in nodes] == [(result["text"], result["score"]) for result in expected]
    assert nodes[0].node.metadata["source"] == "press-release"
    assert recipe("llama_index_retriever").QuotableRetriever(server.address, only_answers=True).retrieve(FOREIGN) == []
