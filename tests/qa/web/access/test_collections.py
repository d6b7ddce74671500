"""Collections over HTTP: documents are added to them, moved between them, listed, counted and searched by them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from index.embedded.opening import open_engine_to_write
from qa.assembly import service_of
from qa.ingest.writer import DocumentWriter
from qa.settings.settings import Settings
from qa.web.application import create_app
from tests.index.engine.reference import HashingEmbedder
from tests.waiting import wait_for

FEE = "The ferry to the island costs seven pounds."


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    writer = DocumentWriter(open_engine_to_write(settings.data, lambda _: ("hashing", HashingEmbedder())))
    service = service_of(writer, settings)
    assert service.worker
    service.worker.start()
    app = create_app(lambda: service, settings)
    opened = app.test_client()
    for document_id, place in (("ferry", {"collection": "press"}), ("harbour", {}), ("gate", {"collection": "hr-desk"})):
        add(opened, id=document_id, title=document_id.title(), text=f"{FEE} It leaves from the {document_id}.", **place)
    yield opened
    service.worker.stop()
    writer.close()


def add(client: FlaskClient, **record: Any) -> Any:
    """Add a document and return how it is shown when its job is done."""
    return finished(client, client.post("/v1/documents", json=record))


def finished(client: FlaskClient, accepted: Any) -> Any:
    assert accepted.status_code == 202, accepted.text
    job = accepted.json["job"]
    wait_for(lambda: client.get(f"/v1/jobs/{job['id']}").json["finished"])
    assert client.get(f"/v1/jobs/{job['id']}").json["status"] == "done"
    return client.get(f"/v1/documents/{job['document_id']}").json


def collections_found(body: Any) -> set[str]:
    return {result["document"]["collection"] for result in body["results"]}


def test_a_document_keeps_its_collection_and_groups_until_they_are_changed(client: FlaskClient) -> None:
    note = {"id": "note", "title": "Note", "text": "A note about otters."}
    added = add(client, **note, collection="hr-desk", access=["staff", "board"])
    assert (added["collection"], added["access"], added["edited"]) == ("hr-desk", ["staff", "board"], [])
    replaced = add(client, **{**note, "text": "Another note about otters."})
    assert (replaced["collection"], replaced["access"]) == ("hr-desk", ["staff", "board"])
    moved = client.patch("/v1/documents/note", json={"collection": "press", "access": None}).json
    assert (moved["collection"], moved["access"], moved["job"]) == ("press", None, None)
    unchanged = add(client, **{**note, "text": "Another note about otters."}, access=["staff"])
    assert (unchanged["collection"], unchanged["access"]) == ("press", ["staff"])
    assert client.delete("/v1/documents/note").status_code == 200


def test_an_upload_names_collection_and_groups(client: FlaskClient) -> None:
    form = {"file": (io.BytesIO(b"Otters swim."), "otters.txt"), "collection": "hr-desk", "access": "staff, board"}
    added = finished(client, client.post("/v1/documents", data=form))
    assert (added["collection"], added["access"]) == ("hr-desk", ["staff", "board"])
    form = {"file": (io.BytesIO(b"Otters dive."), "otters.txt"), "access": "All staff!"}
    refused = client.post("/v1/documents", data=form)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "access.1")
    assert client.delete(f"/v1/documents/{added['id']}").status_code == 200


@pytest.mark.parametrize("wrong", [{"collection": "Press"}, {"collection": ""}, {"access": []}, {"access": ["a b"]}])
def test_names_that_do_not_fit_are_refused_by_field(client: FlaskClient, wrong: dict[str, Any]) -> None:
    for response in (
        client.post("/v1/documents", json={"title": "T", "text": "Text", **wrong}),
        client.patch("/v1/documents/ferry", json=wrong),
    ):
        assert response.status_code == 422
        assert response.json["errors"][0]["field"].split(".")[0] in wrong


def test_search_stays_in_a_collection(client: FlaskClient) -> None:
    asked = {"query": "What does the ferry cost?", "facets": ["collection"]}
    everywhere = client.post("/v1/search", json=asked).json
    assert collections_found(everywhere) <= {"press", "default", "hr-desk"}
    assert {one["value"]: one["count"] for one in everywhere["facets"]["collection"]} == {
        "press": 1,
        "default": 1,
        "hr-desk": 1,
    }
    for name in ("press", "default", "hr-desk"):
        inside = client.post("/v1/search", json={**asked, "collection": name}).json
        assert collections_found(inside) == {name}
        assert inside["facets"]["collection"] == [{"value": name, "count": 1}]
        assert collections_found(client.get(f"/v1/search?q=ferry&collection={name}").json) == {name}
        listed = client.get(f"/v1/documents?collection={name}").json
        assert (listed["total"], [one["collection"] for one in listed["data"]]) == (1, [name])
    own = {"type": "in", "key": "collection", "value": ["press", "hr-desk"]}
    assert collections_found(client.post("/v1/search", json={**asked, "filter": own}).json) <= {"press", "hr-desk"}
    assert client.post("/v1/search", json={**asked, "collection": "none"}).json["results"] == []


def test_each_collection_is_a_model_and_a_vector_store(client: FlaskClient) -> None:
    models = [model["id"] for model in client.get("/v1/models").json["data"]]
    assert models[:2] == ["quotable", "quotable-quotes"]
    assert {"quotable/press", "quotable-quotes/hr-desk"} <= set(models)
    assert client.get("/v1/models/quotable/press").json["id"] == "quotable/press"
    chat = {"model": "quotable/press", "messages": [{"role": "user", "content": "What does the ferry cost?"}]}
    message = client.post("/v1/chat/completions", json=chat).json["choices"][0]["message"]
    assert {one["document"]["id"] for one in message["annotations"]} == {"ferry"}
    stores = client.get("/v1/vector_stores").json
    assert [(store["id"], store["file_counts"]["total"]) for store in stores["data"]] == [
        ("default", 1), ("hr-desk", 1), ("press", 1),
    ]  # fmt: skip
    found = client.post("/v1/vector_stores/hr-desk/search", json={"query": "ferry"}).json["data"]
    assert {one["file_id"] for one in found} == {"gate"}
    for path in ("/v1/models/quotable/none", "/v1/vector_stores/none"):
        assert client.get(path).status_code == 404
    assert client.post("/v1/chat/completions", json={**chat, "model": "quotable/none"}).status_code == 404


def test_each_collection_has_a_page(client: FlaskClient) -> None:
    start = client.get("/").text
    assert 'href="/c/press"' in start
    page = client.get("/c/press?q=What+does+the+ferry+cost%3F")
    assert page.status_code == 200
    assert 'action="/c/press"' in page.text
    assert "leaves from the ferry" in page.text
    assert "leaves from the gate" not in page.text
    assert client.get("/c/none").status_code == 404
    assert '<span class="hint">hr-desk</span>' in client.get("/manage?collection=hr-desk").text


def test_the_manager_moves_a_document(client: FlaskClient) -> None:
    form = {"id": "gate", "title": "Gate", "date": "", "collection": "press", "access": "staff, board"}
    assert client.post("/manage/document", data=form).status_code == 303
    shown = client.get("/v1/documents/gate").json
    assert (shown["collection"], shown["access"]) == ("press", ["staff", "board"])
    assert client.post("/manage/document", data={**form, "collection": "hr-desk", "access": ""}).status_code == 303
    shown = client.get("/v1/documents/gate").json
    assert (shown["collection"], shown["access"]) == ("hr-desk", None)
    assert client.post("/manage/document", data={**form, "collection": "No!"}).status_code == 422
