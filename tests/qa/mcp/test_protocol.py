"""The official MCP client against real servers: over HTTP with and without a key, and over standard input and output."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from qa.operate.keys import Role, create_key
from qa.state_files import FolderFiles
from tests.conftest import PATIENCE, environment

SIGNED = "Who signed the memorandum?"
FOREIGN = "Which club won the football cup in 1966?"
COLOUR = "What colour is the lighthouse?"
TOOLS = {"search", "fetch", "list_documents", "verify_quote"}
PUBLIC = "https://docs.example.org/ask"


async def use_tools(client: Client) -> None:
    """List the tools, search, fetch, list and verify, and send invalid arguments, as a connector does."""
    async with client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == TOOLS
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
        assert set(tools["search"].input_schema["properties"]) >= {"query", "limit", "filter"}
        found = await client.call_tool("search", {"query": SIGNED, "limit": 3})
        (content,) = found.content
        results = json.loads(content.text)
        assert results == found.structured_content
        assert results["answerable"] is True
        assert len(results["results"]) == 3
        answer = results["answers"][0]
        assert "Peter Kyle" in answer["text"]
        assert answer["confidence"] == results["confidence"]
        assert answer["label"] == ("Likely the answer" if answer["confidence"] >= 0.8 else "Closest found")
        assert answer["url"].startswith("https://openai.com/")
        for spelling in (True, False):
            misspelt = {"query": "Who signed the memorandom?", "spelling": spelling}
            searched = (await client.call_tool("search", misspelt)).structured_content
            assert searched["rewritten_query"] == (SIGNED if spelling else None)
        fetched = (await client.call_tool("fetch", {"id": answer["id"]})).structured_content
        assert fetched["text"][answer["start"] - fetched["start"] : answer["end"] - fetched["start"]] == answer["text"]
        assert fetched["metadata"]["version"] == answer["version"]
        listed = (await client.call_tool("list_documents", {})).structured_content
        assert [document["id"] for document in listed["documents"]] == ["press-release"]
        place = {"quote": answer["text"], "document_id": answer["document_id"], "start": answer["start"], "end": answer["end"]}
        assert (await client.call_tool("verify_quote", place)).structured_content["status"] == "verbatim"
        other = {"type": "ne", "key": "id", "value": "press-release"}
        assert (await client.call_tool("search", {"query": SIGNED, "filter": other})).structured_content["results"] == []
        refused = (await client.call_tool("search", {"query": FOREIGN})).structured_content
        assert (refused["answerable"], refused["answers"]) == (False, [])
        for tool, arguments in (("fetch", {"id": "none"}), ("search", {"query": " "}), ("none", {})):
            assert (await client.call_tool(tool, arguments)).is_error


@asynccontextmanager
async def over_http(address: str, key: str | None = None, mode: Any = "auto") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE, trust_env=False) as made:
        yield Client(streamable_http_client(f"{address}/mcp", http_client=made), mode=mode)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_client_over_http_without_a_key(server: Any, mode: str) -> None:
    async def use() -> None:
        async with over_http(server.address, mode=mode) as client:
            await use_tools(client)

    anyio.run(use)


@pytest.fixture(scope="module")
def protected(data_folder: Callable[[], Path], start_server: Any) -> Iterator[tuple[Any, str]]:
    """A server that requires a key, and one."""
    folder = data_folder()
    key = create_key(FolderFiles(folder), "agent", Role.READ)
    with start_server(folder, QA_REQUIRE_KEY="true", QA_PUBLIC_URL=f"{PUBLIC}/") as running:
        yield running, key
        assert "Traceback" not in running.log
        assert key not in running.log


def test_client_over_http_with_a_key(protected: tuple[Any, str]) -> None:
    running, key = protected

    async def use() -> None:
        async with over_http(running.address, key) as made, made as client:
            found = (await client.call_tool("search", {"query": SIGNED})).structured_content
            assert found["answers"][0]["link"].startswith(f"{PUBLIC}/d/press-release?start=")

    anyio.run(use)
    by_name = running.request("POST", "/mcp", b"{", {"Authorization": f"Bearer {key}", "Host": "docs.example.org"})
    assert by_name.status == 400  # the name in public_url is one of its own


def test_without_a_key_nothing_is_told(protected: tuple[Any, str]) -> None:
    running, _ = protected
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    for key in ({}, {"Authorization": "Bearer qtb_00000000_" + "x" * 43}):
        refused = running.request("POST", "/mcp", json.dumps(message).encode(), headers | key)
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert refused.headers["Content-Type"] == "application/problem+json"

    async def use() -> None:
        async with over_http(running.address) as made, made as client:
            await client.list_tools()

    with pytest.raises(Exception):  # noqa: B017 (the SDK raises a group)
        anyio.run(use)


def test_other_requests_are_refused(server: Any) -> None:
    listing = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    assert server.request("POST", "/mcp", listing, headers).status == 200
    assert server.request("GET", "/mcp", headers={"Accept": "text/event-stream"}).status == 405
    assert server.request("DELETE", "/mcp").status == 405
    assert server.request("POST", "/mcp", b"{", headers).status == 400
    assert server.request("POST", "/mcp", b"[]", headers).status == 400
    assert server.request("POST", "/mcp", listing, headers | {"Origin": "https://evil.example"}).status == 403
    assert server.request("POST", "/mcp", listing, headers | {"Host": "evil.example"}).status == 421
    assert server.request("POST", "/mcp", b" " * 1_000_001, headers).status == 413
    asked = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {}}
    streams = headers | {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28"}
    assert server.request("POST", "/mcp", json.dumps(asked).encode(), streams).status >= 400  # no thread is held by a stream


def test_client_over_standard_input_sees_what_is_added_meanwhile(
    data_folder: Callable[[], Path], start_server: Any, qa_path: Path
) -> None:
    async def use(client: Client, running: Any) -> None:
        async with client:
            assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
            before = await client.call_tool("search", {"query": COLOUR})
            assert before.structured_content["answerable"] is False
            job = running.add(id="lighthouse", title="The lighthouse", text="The colour of the lighthouse is vermilion.")
            running.finished(job)
            first = (await client.call_tool("search", {"query": COLOUR})).structured_content["answers"][0]
            assert first["document_id"] == "lighthouse"
            assert first["url"].startswith("http://127.0.0.1:8000/d/lighthouse?start=")

    with start_server(data_folder()) as running:
        parameters = StdioServerParameters(command=str(qa_path), args=["--data", str(running.data), "mcp"], env=environment({}))
        anyio.run(use, Client(stdio_client(parameters)), running)


def test_without_the_sdk_command_and_route_name_the_extra(python: Any, server: Any) -> None:
    program = "import sys; sys.modules['mcp'] = None; sys.argv = ['qa', '--data', sys.argv[1], 'mcp']; from qa.cli.main import main; main()"
    ended = python(program, server.data)
    assert ended.code == 1
    assert "make install EXTRAS=mcp" in ended.stderr
