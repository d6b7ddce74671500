"""The tools in one process: several answers, places, ranges, filters, links and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.client import Client

from corpus.types import Document
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.mcp.schemas import MAX_TEXT_CHARACTERS
from qa.mcp.server import mcp_server
from qa.mcp.tools import Use
from tests.qa.web import prepared_answers as prepared

SITE = "https://docs.example.org/ask"
LONG = "".join(f"Clause {number} says nothing new about the harbour.\n\n" for number in range(2_000))


class Tools:
    """Calls tools of a service by the official client."""

    def __init__(self, folder: Path) -> None:
        self.kept: list[str] = []
        service = prepared.prepared_service(folder)
        DocumentWriter(service.engine).put(IncomingDocument("clauses", Document(text=LONG, title="Clauses", language="en")))
        self.service = service
        use = Use(service.readable_by(None), SITE, lambda answer: self.kept.append(answer.question))
        self.server = mcp_server(lambda: use)

    def call(self, tool: str, **arguments: Any) -> Any:
        """What the tool gives, or the reason for which it refuses as text."""

        async def use() -> Any:
            async with Client(self.server) as client:
                result = await client.call_tool(tool, arguments)
                return result.content[0].text if result.is_error else result.structured_content

        return anyio.run(use)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return Tools(tmp_path_factory.mktemp("tools"))


def test_gives_every_answer_with_its_span_and_label(tools: Tools) -> None:
    found = tools.call("search", query=prepared.SEVERAL)
    first, row, item = found["answers"]
    assert (first["text"], first["span"], first["label"]) == (
        prepared.SENTENCE,
        "£300 🔥 <b>a winter</b>\nif",
        "Likely the answer",
    )
    assert (row["text"], row["lead_in"], row["label"]) == (
        "66 to 79 | £200 | in November",
        "Age | Amount | Paid",
        "Closest found",
    )
    assert (item["lead_in"], item["span"], item["confidence"]) == ("You can apply if you:", None, 0.5)
    assert first["url"].startswith(prepared.URL)
    missing = tools.call("search", query=prepared.MISSING)
    assert missing["missing"] == ["Germany", "<i>1999</i>"]
    assert missing["answers"] == []
    assert tools.kept[-2:] == [prepared.SEVERAL, prepared.MISSING]


def test_quotes_and_passages_have_their_exact_place_and_a_link(tools: Tools) -> None:
    found = tools.call("search", query=prepared.SEVERAL)
    for each in (*found["answers"], *found["results"]):
        assert prepared.TEXT[each["start"] : each["end"]] == each["text"]
        assert each["document_id"] == "heating"
        address = f"{SITE}/d/heating?start={each['start']}&end={each['end']}&version="
        assert each["link"].startswith(address)
        assert each["link"].endswith("#quote")
        verified = tools.call("verify_quote", **_quote(each, version=each["version"]))
        assert (verified["status"], verified["version_is_current"]) == ("verbatim", True)
        assert each["text"] in tools.call("fetch", id=each["id"])["text"]


def test_verifies_a_quote_as_the_route_does(tools: Tools) -> None:
    (first, *_) = tools.call("search", query=prepared.SEVERAL)["answers"]
    moved = _quote(first) | {"start": 3, "end": 20}
    assert tools.call("verify_quote", **moved) | {"version": None} == {
        "status": "moved",
        "start": first["start"],
        "end": first["end"],
        "version": None,
        "version_is_current": True,
        "earlier": None,
    }
    assert tools.call("verify_quote", **_quote(first) | {"quote": "You get £500"})["status"] == "changed"
    assert tools.call("verify_quote", **_quote(first) | {"document_id": "none"})["status"] == "gone"
    assert tools.call("verify_quote", **_quote(first, version="sha256:0"))["version_is_current"] is False


def _quote(place: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"quote": place["text"], "document_id": place["document_id"], "start": place["start"], "end": place["end"], **more}


def test_fetches_ranges_and_never_more_than_it_says(tools: Tools) -> None:
    assert len(LONG) > MAX_TEXT_CHARACTERS
    read, start, calls = "", 0, 0
    while start is not None:
        part = tools.call("fetch", id="clauses", start=start)
        assert part["text"] == LONG[part["start"] : part["end"]]
        assert len(part["text"]) <= MAX_TEXT_CHARACTERS
        assert part["characters"] == len(LONG)
        read, start, calls = read + part["text"], part["next"], calls + 1
    assert read == LONG
    assert calls > 1
    small = tools.call("fetch", id="clauses", start=7, end=50)
    assert (small["text"], small["start"], small["end"], small["next"]) == (LONG[7:50], 7, 50, 50)
    assert tools.call("fetch", id="clauses", end=10**9)["end"] == MAX_TEXT_CHARACTERS
    assert tools.call("fetch", id="clauses")["url"] == f"{SITE}/d/clauses"


def test_fetches_the_part_around_a_passage(tools: Tools) -> None:
    passage = list(tools.service.engine.passages_of("clauses"))[-1]
    part = tools.call("fetch", id=f"p{passage.id}")
    assert passage.passage.text in part["text"]
    assert (part["end"], part["next"], len(part["text"])) == (len(LONG), None, MAX_TEXT_CHARACTERS)


def test_lists_the_documents_in_pages(tools: Tools) -> None:
    everything = tools.call("list_documents")
    assert [(each["id"], each["title"]) for each in everything["documents"]] == [
        ("clauses", "Clauses"),
        ("heating", "Heating & you"),
    ]
    assert (everything["total"], everything["next"]) == (2, None)
    assert [each["url"] for each in everything["documents"]] == [f"{SITE}/d/clauses", prepared.URL]
    first = tools.call("list_documents", limit=1, sort="-title")
    assert first["documents"][0]["id"] == "heating"
    second = tools.call("list_documents", limit=1, sort="-title", after=first["next"])
    assert (second["documents"][0]["id"], second["next"]) == ("clauses", None)
    assert tools.call("list_documents", title="heat")["total"] == 1
    assert tools.call("list_documents", date_from="2025")["total"] == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "reason"),
    [
        ("search", {"query": " "}, "query must not be empty"),
        ("search", {"query": "who", "limit": 51}, "limit "),
        ("search", {"query": "who", "top_k": 3}, "top_k is unknown"),
        ("search", {"query": "who", "filter": {"type": "eq"}}, "filter.comparison.key is required"),
        ("search", {}, "query is required"),
        ("fetch", {"id": "none"}, "no document or passage 'none'"),
        ("fetch", {"id": "heating", "start": 10**6}, "start must be less than"),
        ("fetch", {"id": "heating", "start": 9, "end": 9}, "end must be greater than start"),
        ("list_documents", {"sort": "size"}, "sort "),
        ("list_documents", {"after": "?", "sort": "title"}, "after must be the"),
        ("verify_quote", {"quote": "x"}, "document_id is required"),
        ("delete", {}, "The tools are search, fetch, list_documents, verify_quote"),
    ],
)
def test_refusals_name_the_argument(tools: Tools, tool: str, arguments: Any, reason: str) -> None:
    refused = tools.call(tool, **arguments)
    assert isinstance(refused, str)
    assert reason in refused
