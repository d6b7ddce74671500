"""Other retrieval APIs, each through its own client: OpenAI's vector stores, MCP, LangChain, LlamaIndex."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import openai
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.conftest import environment

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


async def use_tools(client: Client) -> None:
    """List the tools, search, fetch a result, and send invalid arguments, as a connector does."""
    async with client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"search", "fetch"}
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
        assert set(tools["search"].input_schema["properties"]) == {"query"}
        assert set(tools["fetch"].input_schema["properties"]) == {"id"}
        found = await client.call_tool("search", {"query": SIGNED})
        (content,) = found.content
        results = json.loads(content.text)
        assert results == found.structured_content
        assert results["answerable"] is True
        first = results["results"][0]
        assert set(first) == {"id", "title", "url", "collection", "text"}
        assert "Peter Kyle" in first["text"]
        answer = results["answers"][0]
        assert set(answer) == {"id", "title", "url", "collection", "text", "span", "lead_in", "more", "confidence", "label"}
        assert (answer["id"], answer["confidence"]) == (first["id"], results["confidence"])
        assert answer["label"] == ("Likely the answer" if answer["confidence"] >= 0.8 else "Closest found")
        assert (answer["span"] or "") in answer["text"]
        fetched = json.loads((await client.call_tool("fetch", {"id": first["id"]})).content[0].text)
        assert set(fetched) == {"id", "title", "text", "url", "metadata"}
        assert first["text"] in fetched["text"]
        assert fetched["metadata"]["version"].startswith("sha256:")
        assert fetched["url"].startswith("https://openai.com/")
        refused = json.loads((await client.call_tool("search", {"query": FOREIGN})).content[0].text)
        assert (refused["answerable"], refused["answers"]) == (False, [])
        for tool, arguments in (("fetch", {"id": "none"}), ("search", {"query": " "})):
            assert (await client.call_tool(tool, arguments)).is_error


def test_mcp_client_over_standard_input_and_output(server: Any, qa_path: Path) -> None:
    parameters = StdioServerParameters(command=str(qa_path), args=["--data", str(server.data), "mcp"], env=environment({}))
    anyio.run(use_tools, Client(stdio_client(parameters)))


def test_mcp_client_over_http(server: Any, qa_path: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [str(qa_path), "--data", str(server.data), "mcp", "--http", "--port", "0"], stderr=file, env=environment({})
        )
    try:
        for _ in range(600):
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text()):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        assert found, log.read_text()
        anyio.run(use_tools, Client(f"http://127.0.0.1:{found[1]}/mcp"))
    finally:
        process.terminate()
        process.wait(30)


def test_mcp_finds_documents_added_meanwhile(data_folder: Callable[[], Path], start_server: Any, qa_path: Path) -> None:
    async def use(client: Client, running: Any) -> None:
        async with client:
            before = await client.call_tool("search", {"query": "What colour is the lighthouse?"})
            assert before.structured_content["answerable"] is False
            job = running.add(id="lighthouse", title="The lighthouse", text="The colour of the lighthouse is vermilion.")
            running.finished(job)
            after = await client.call_tool("search", {"query": "What colour is the lighthouse?"})
            assert after.structured_content["results"][0]["id"] == "lighthouse"
            assert "/d/lighthouse#p" in after.structured_content["results"][0]["url"]

    with start_server(data_folder()) as running:
        parameters = StdioServerParameters(command=str(qa_path), args=["--data", str(running.data), "mcp"], env=environment({}))
        anyio.run(use, Client(stdio_client(parameters)), running)


def test_without_the_sdk_the_command_names_the_extra(python: Any, server: Any) -> None:
    program = "import sys; sys.modules['mcp'] = None; sys.argv = ['qa', '--data', sys.argv[1], 'mcp']; from qa.cli.main import main; main()"
    ended = python(program, server.data)
    assert ended.code == 1
    assert "make install EXTRAS=mcp" in ended.stderr


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
