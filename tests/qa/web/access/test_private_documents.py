"""Route x key: what a key may not read is nowhere in what it gets, and is refused as what does not exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from flask.testing import FlaskClient
from mcp.client.client import Client

from corpus.types import text_version
from index.access.audience import Audience
from qa.cli.main import main
from qa.mcp.server import mcp_server
from qa.mcp.tools import Use
from qa.operate.keys import Role
from qa.web.routes import routes_of
from tests.qa.web.access.private_documents import (
    CALLERS,
    CANARIES,
    EARLIER,
    PLACES,
    Site,
    earlier_text,
    open_site,
    rules,
    text_of,
)
from tests.qa.web.access.requests_by_route import FARE, MISSING, READING, WRITING, Request

# Commands are the operator's, who reads everything; only `qa mcp` may serve an audience.
COMMANDS = set(
    (
        "serve work prepare search why-not chat mcp add remove list versions source status config check backup restore copy"
        " rebuild eval gaps key curate audit"
    ).split()
)
BOUND = [name for name, caller in CALLERS.items() if caller.audience]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("data"), rules()) as opened:
        yield opened


@pytest.fixture(scope="module")
def passages(site: Site) -> list[list[str]]:
    """The names of each document's passages."""
    engine = site.service.engine
    return [[f"p{stored.id}" for stored in engine.passages_of(f"doc-{number}")] for number in range(len(PLACES))]


def send(client: FlaskClient, request: Request) -> tuple[int, str, str]:
    method, path, body = request
    with client.open(path, method=method, json=body or None, headers={"Accept": "*/*"}) as response:
        return response.status_code, response.get_data(as_text=True), str(response.headers)


def filled(value: Any, document_id: str, passage: str, then: str = "{then}") -> Any:
    if isinstance(value, str):
        return value.replace("{id}", document_id).replace("{passage}", passage).replace("{then}", then)
    if isinstance(value, Mapping):
        return {name: filled(each, document_id, passage, then) for name, each in value.items()}
    if isinstance(value, tuple):
        return tuple(filled(each, document_id, passage, then) for each in value)
    return value


def test_every_route_and_command_is_in_the_matrix(site: Site) -> None:
    assert set(READING) | WRITING == set(routes_of(site.app))
    assert not set(READING) & WRITING
    assert set(main.commands) == COMMANDS  # type: ignore[attr-defined]


def test_routes_that_write_are_for_keys_that_are_not_bound(site: Site) -> None:
    for endpoint, declared in routes_of(site.app).items():
        assert (declared.role is Role.WRITE) == (endpoint in WRITING), endpoint
        if endpoint in WRITING:
            for caller in BOUND:
                path = declared.rule.replace("<document_id:document_id>", "doc-0").replace("<job_id>", "1")
                status, body, _ = send(site.client(caller), (declared.method, path, {}))
                assert status in {401, 403}, (endpoint, caller)
                assert not any(canary in body for canary in CANARIES)


@pytest.mark.parametrize("caller", BOUND)
def test_nothing_that_a_key_may_not_read_is_in_an_answer(site: Site, passages: list[list[str]], caller: str) -> None:
    client, forbidden = site.client(caller), CALLERS[caller].forbidden
    for endpoint, requests in READING.items():
        for request in requests:
            request = filled(request, "{id}", "{passage}", site.then)
            missing = send(client, filled_request(request, MISSING, "p999999"))
            by_document = filled_request(request, "doc-0", "p1") != request
            asked = str(request)
            for number in range(len(PLACES)) if by_document else [None]:
                own = request if number is None else filled_request(request, f"doc-{number}", passages[number][0])
                status, body, headers = send(client, own)
                assert status < 500, (endpoint, body)
                for canary in CALLERS[caller].unspeakable:
                    assert canary not in body + headers or canary in asked, (endpoint, own, canary)
                for hidden in forbidden:
                    assert f"doc-{hidden}" not in body + headers or hidden == number, (endpoint, own)
                    assert not any(f'"{name}"' in body for name in passages[hidden]) or hidden == number, (endpoint, own)
                if number in forbidden:
                    there = body.replace(f"doc-{number}", MISSING).replace(passages[number][0] + "'", "p999999'")
                    assert (status, without_times(there)) == (missing[0], without_times(missing[1])), (endpoint, own)


def filled_request(request: Request, document_id: str, passage: str) -> Request:
    method, path, body = request
    return method, filled(path, document_id, passage), filled(body, document_id, passage)


def without_times(body: str) -> list[str]:
    """Without what differs between two answers to the same request."""
    return [part for part in body.replace("}", ",").split(",") if '"took_ms"' not in part and '"request_id"' not in part]


@pytest.mark.parametrize("caller", CALLERS)
def test_what_a_key_may_read_is_found_counted_and_listed(site: Site, caller: str) -> None:
    client, readable = site.client(caller), CALLERS[caller].readable
    ids = {f"doc-{number}" for number in readable}
    search = {"query": FARE, "limit": 100, "facets": ["id", "collection"]}
    found = client.post("/v1/search", json=search).json
    assert {each["value"] for each in found["facets"]["id"]} == ids
    listed = client.get("/v1/documents?limit=1000").json
    assert ({each["id"] for each in listed["data"]}, listed["total"]) == (ids, len(ids))
    ready = client.get("/readyz").json
    assert ready["documents"] == len(ids)
    stores = {store["id"]: store["file_counts"]["total"] for store in client.get("/v1/vector_stores").json["data"]}
    assert sum(stores.values()) == len(ids)
    assert {name for name, count in stores.items() if count} == {PLACES[number].collection for number in readable}
    for number in readable:
        assert CANARIES[number] in client.get(f"/v1/documents/doc-{number}/text").json["text"]
        own = {"query": f"The harbour of {CANARIES[number]}"}
        assert client.post("/v1/search", json=own).json["results"][0]["document"]["id"] == f"doc-{number}"


@pytest.mark.parametrize("caller", CALLERS)
def test_metrics_are_for_keys_that_read_everything(site: Site, caller: str) -> None:
    status, _, _ = send(site.client(caller), ("GET", "/metrics", {}))
    assert status == (200 if CALLERS[caller].audience is None else 401 if caller == "public" else 403)


def test_a_reply_is_never_taken_from_another_audience(site: Site) -> None:
    """They share a cache."""
    chat = {"messages": [{"role": "user", "content": FARE}]}
    for _ in range(2):
        for caller, example in CALLERS.items():
            body = site.client(caller).post("/v1/chat/completions", json=chat).get_data(as_text=True)
            assert not any(CANARIES[number] in body for number in example.forbidden), caller


@pytest.mark.parametrize("caller", BOUND)
def test_mcp_serves_an_audience(site: Site, passages: list[list[str]], caller: str) -> None:
    audience: Audience | None = CALLERS[caller].audience
    forbidden = CALLERS[caller].forbidden

    async def use() -> list[str]:
        async with Client(mcp_server(lambda: Use(site.service.readable_by(audience), "http://127.0.0.1:8001"))) as client:
            answers = [await client.call_tool("search", {"query": query}) for query in (FARE, "tides of the harbour")]
            names = [name for number in forbidden for name in (f"doc-{number}", passages[number][0])]
            refused = [await client.call_tool("fetch", {"id": name}) for name in names]
            assert all(each.is_error for each in refused)
            return [str(each) for each in answers + refused]

    for text in anyio.run(use):
        assert not any(CANARIES[number] in text for number in forbidden)


@pytest.mark.parametrize("caller", ["the unbound writer", "the unbound reader", "everywhere"])
def test_only_who_may_write_reads_who_stored_a_version(site: Site, caller: str) -> None:
    client = site.client(caller)
    listed = client.get("/v1/documents/doc-6/versions").json["data"]
    assert [each["version"] for each in listed] == [text_version(text_of(6)), text_version(earlier_text(6))]
    shown = client.get(f"/v1/documents/doc-6/versions/{listed[1]['version']}").json
    assert shown == {**listed[1], "text": earlier_text(6)}
    assert {each["by"] for each in listed} == {"this machine" if caller == "the unbound writer" else None}


def test_a_version_keeps_to_the_narrower_access(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        writer = site.client("the unbound writer")
        opened = writer.patch("/v1/documents/doc-4", json={"access": None})
        assert opened.json["access"] is None
        reader = site.client("the unbound reader")
        bound = site.client("hr staff")
        address = f"/v1/documents/doc-4/versions/{text_version(earlier_text(4))}"
        assert [client.get(address).status_code for client in (reader, bound)] == [200, 200]
        others = site.client("the board")
        assert others.get("/v1/documents/doc-4/text").json["text"] == text_of(4)
        assert others.get(address).status_code == 404
        pier = {"document_id": "doc-4", "quote": "The pier", "start": 0, "end": 8}
        asked = [client.post("/v1/verify", json=pier).json["status"] for client in (reader, others)]
        assert asked == ["superseded", "changed"]
        then = reader.get("/v1/documents/doc-4/versions").json["data"][1]["since"]
        question = {"query": f"Is the pier of {EARLIER[4]} closed?", "as_of": then}
        found = [client.post("/v1/search", json=question).text for client in (reader, others)]
        assert [f"The pier of {EARLIER[4]} is" in text for text in found] == [True, False]
        assert len(others.get("/v1/documents/doc-4/versions").json["data"]) == 1


@pytest.mark.parametrize("caller", CALLERS)
def test_an_earlier_text_is_read_with_the_access_of_now_and_of_then(site: Site, caller: str) -> None:
    client, example = site.client(caller), CALLERS[caller]
    for number in range(len(PLACES)):
        then = text_version(earlier_text(number))
        shown = client.get(f"/v1/documents/doc-{number}/versions/{then}")
        unknown = client.get(f"/v1/documents/doc-{number}/versions/{text_version('unknown')}")
        alone = {"type": "eq", "key": "id", "value": f"doc-{number}"}
        question = {"query": f"Is the pier of {EARLIER[number]} closed?", "as_of": site.then, "filter": alone}
        found = f"The pier of {EARLIER[number]} is closed." in client.post("/v1/search", json=question).text
        own = {"document_id": f"doc-{number}", "quote": f"pier of {EARLIER[number]}", "start": 0, "end": 9, "version": then}
        verdict = client.post("/v1/verify", json=own).json["status"]
        if example.may_read_earlier(number):
            assert (shown.status_code, found, verdict) == (200, True, "superseded")
        else:
            assert (shown.status_code, found, verdict) == (404, False, "changed" if example.may_read(number) else "gone")
            assert without_names(shown.text, then) == without_names(unknown.text, text_version("unknown"))


def without_names(body: str, version: str) -> list[str]:
    return without_times(body.replace(version, ""))
