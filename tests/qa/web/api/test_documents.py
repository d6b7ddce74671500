"""Documents over HTTP: added, found, replaced, listed and removed, each in one step; also when the server is killed."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from corpus.types import text_version
from tests.qa.web.api.documents import address, assert_problem, found_texts

ODD_IDS = [
    "plain",
    "a/b/c",
    "/vat-rates",
    "//double",
    "a//b/",
    "with space",
    "100%",
    "a%2Fb",
    "q?x=1&y#z",
    "größe-日本-🙂",
    "e\u0301",
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "<script>alert(1)</script>",
    "'; DROP TABLE documents; --",
    "text",
    "x" * 500,
]


def test_adds_and_finds_a_document(documents: Any) -> None:
    text = "The otter sleeps in a holt by the river. It eats about fifteen percent of its weight a day."
    record = {
        "id": "otters",
        "title": "Otters",
        "text": text,
        "url": "https://example.org/otters",
        "date": "2024-05-06",
        "metadata": {"kind": "animal", "weight": 9.5, "wild": True, "names": ["otter", "dyfrgi"]},
    }
    response = documents.post("/v1/documents", json.dumps(record).encode())
    accepted = response.json()
    assert response.status == 202
    assert accepted["document"] == {"id": "otters", "stored": None}
    assert accepted["job"]["status"] in {"queued", "running", "done"}
    assert response.headers["Location"] == f"/v1/jobs/{accepted['job']['id']}"
    job = documents.finished(accepted["job"])
    assert job == documents.get(response.headers["Location"]).json()
    assert (job["status"], job["documents"], job["failures"]) == ("done", 1, [])
    first = documents.search("Where does the otter sleep?")["results"][0]
    assert first["document"] == {
        "id": "otters",
        "title": "Otters",
        "url": "https://example.org/otters",
        "date": "2024-05-06",
        "collection": "default",
        "note": None,
        "version": text_version(text),
    }
    assert text[first["start"] : first["end"]] == first["text"]
    assert first["url"] == "https://example.org/otters"
    assert first["metadata"] == record["metadata"]
    shown = documents.get(address("otters")).json()
    assert first["document"]["version"] == job["document"]["version"]
    assert shown == first["document"] | {
        "source": None,
        "file_name": None,
        "type": "jsonl",
        "language": "en",
        "passages": 1,
        "added": shown["added"],
        "changed": job["document"]["changed"],
        "state": "ready",
        "original": False,
        "access": None,
        "edited": [],
        "metadata": record["metadata"],
    }
    assert documents.get(address("otters", "/text")).json() == {"text": text, "version": text_version(text)}
    passage = documents.get(f"/v1/passages/{first['id']}").json()
    assert {**first, **passage} == first


def test_generates_a_readable_and_stable_id(documents: Any) -> None:
    record = {"title": "The Great Crested Newt!", "text": "Newts overwinter under logs."}
    first, again = documents.add(**record), documents.add(**record)
    answers = [json.loads(documents.post("/v1/documents", json.dumps(record).encode()).body) for _ in range(2)]
    (document_id,) = {answer["document"]["id"] for answer in answers}
    assert document_id.startswith("the-great-crested-newt-")
    assert [documents.finished(job)["status"] for job in (first, again, *(a["job"] for a in answers))] == ["done"] * 4
    assert documents.get(address(document_id)).status == 200
    assert len(found_texts(documents, "newts", document_id)) == 1


def test_replaces_a_document_in_one_step(documents: Any) -> None:
    versions = [f"The harbour office opens at {word} in the morning." for word in ("six", "seven", "eight", "nine", "ten") * 4]
    documents.finished(documents.add(id="harbour", title="Harbour", text=versions[-1]))
    seen = set()
    for text in versions:
        job = documents.add(id="harbour", title="Harbour", text=text)
        while True:
            finished = documents.get(f"/v1/jobs/{job['id']}").json()["finished"]
            texts = found_texts(documents, "When does the harbour office open?", "harbour")
            assert len(texts) == 1
            seen.update(texts)
            if finished:
                break
        assert texts == [text]
        assert documents.get(address("harbour", "/text")).json()["text"] == text
    assert seen == set(versions)


def test_a_removed_document_is_not_found_after_the_response(documents: Any) -> None:
    documents.finished(documents.add(id="heron", title="Heron", text="A heron stands still for hours."))
    passage = documents.search("heron")["results"][0]["id"]
    response = documents.request("DELETE", address("heron"))
    assert (response.status, response.json()) == (200, {"id": "heron", "deleted": True})
    assert found_texts(documents, "heron", "heron") == []
    assert all(result["id"] != passage for result in documents.search("heron", limit=100)["results"])
    for target in (address("heron"), address("heron", "/text"), f"/v1/passages/{passage}", "/d/heron"):
        assert documents.get(target).status == 404
    assert_problem(documents.request("DELETE", address("heron")), 404)


def test_removing_a_document_cancels_its_job(documents: Any) -> None:
    """The pauses vary, so that the removal comes in every phase of the job."""
    chance = random.Random(7)
    statuses = set()
    for number in range(150):
        document_id = f"shortlived-{number}"
        job = documents.add(id=document_id, title="Mayfly", text=f"Mayfly number {number} lives for a day.")
        time.sleep(chance.choice([0, 0, 0.002, 0.005, 0.01, 0.02, 0.05]) * chance.random())
        assert documents.request("DELETE", address(document_id)).status == 200
        assert documents.get(address(document_id)).status == 404
        statuses.add(documents.finished(job)["status"])
        assert documents.get(address(document_id)).status == 404
        assert found_texts(documents, "mayfly", document_id) == []
    assert "cancelled" in statuses
    assert statuses <= {"cancelled", "done"}


def test_lists_all_documents_by_page_in_order_of_ids(documents: Any) -> None:
    ids = [f"listed-{number:02}" for number in range(7)]
    jobs = [documents.add(id=one, title=one, text=f"Listed document {one}.") for one in ids]
    assert all(documents.finished(job)["status"] == "done" for job in jobs)
    listed, after, pages = [], "", 0
    while after is not None:
        page = documents.get(f"/v1/documents?limit=3{f'&after={quote(after)}' if after else ''}").json()
        assert len(page["data"]) == 3 or page["next"] is None
        listed += page["data"]
        after, pages = page["next"], pages + 1
    everything = documents.get("/v1/documents?limit=1000").json()
    assert everything == {"data": listed, "next": None, "total": len(listed)}
    assert pages == -(-len(listed) // 3)
    names = [document["id"] for document in listed]
    assert set(ids) | {"press-release"} <= set(names)
    assert names == sorted(set(names), key=str.encode)
    assert documents.get(f"/v1/documents?after={quote(ids[-1])}").json()["data"] == listed[names.index(ids[-1]) + 1 :]


def test_an_edit_is_searched_and_stays_when_the_file_is_replaced(documents: Any) -> None:
    def edit(fields: dict[str, Any]) -> Any:
        body = json.dumps(fields).encode()
        return documents.request("PATCH", address(document_id), body, {"Content-Type": "application/json"})

    def upload(body: bytes) -> Any:
        return documents.finished(documents.upload("lamp.md", body).json()["job"])

    document_id = upload(b"# Lamp\n\nIt is lit at dusk.")["document"]["id"]
    edited = edit({"title": "The lighthouse of Skerryvore", "date": "2024-03-01", "metadata": {"kind": "guide", "old": 1}})
    assert edited.status == 200, edited.text
    assert documents.finished(edited.json()["job"])["status"] == "done"
    found = documents.search("Skerryvore lighthouse")["results"][0]
    assert (found["document"]["id"], found["document"]["date"]) == (document_id, "2024-03-01")
    assert "Skerryvore" in documents.get(address(document_id)).json()["title"]
    assert edit({"metadata": {"old": None}}).json()["job"] is None
    assert upload(b"# Lamp\n\nIt is lit at dusk.")["outcomes"] == {"unchanged": 1}
    assert upload(b"# Lamp\n\nIt is lit at nine.")["outcomes"] == {"replaced": 1}
    shown = documents.get(address(document_id)).json()
    assert (shown["title"], shown["date"], shown["metadata"]["kind"]) == ("The lighthouse of Skerryvore", "2024-03-01", "guide")
    assert shown["edited"] == ["date", "metadata", "title"]
    assert "old" not in shown["metadata"]
    first = documents.search("When is the lighthouse of Skerryvore lit?")["results"][0]
    assert (first["document"]["id"], "nine" in first["text"]) == (document_id, True)
    assert edit({"date": None}).json()["date"] is None
    for fields, field in (({}, "body"), ({"title": " "}, "title"), ({"date": "soon"}, "date"), ({"text": "New"}, "text")):
        assert_problem(edit(fields), 422, field)
    assert documents.request("DELETE", address(document_id)).status == 200
    assert_problem(edit({"title": "Gone"}), 404)


def test_lists_documents_by_title_type_date_and_state_in_any_order(documents: Any) -> None:
    for number, (title, date) in enumerate(
        (("Zebra Crossing", "2023-05-01"), ("ÄPFEL und zebra", "2024-05-01"), ("Apples", "2024-06-01"))
    ):
        record = {"id": f"fruit-{number}", "title": title, "text": f"Fruit number {number}.", "date": date}
        documents.finished(documents.add(**record, metadata={"set": "fruit"}))
    documents.finished(documents.upload("zebra-stripes.txt", b"Stripes are black and white.", id="fruit-3").json()["job"])

    def ids(parameters: str) -> list[str]:
        page = documents.get(f"/v1/documents?{parameters}").json()
        assert page["total"] >= len(page["data"])
        return [document["id"] for document in page["data"] if document["id"].startswith("fruit-")]

    assert ids("title=ZEBRA&sort=added") == ["fruit-0", "fruit-1", "fruit-3"]
    assert ids("title=zebra+äp".replace("ä", "%C3%A4")) == ["fruit-1"]
    assert ids("title=zebra&type=text") == ["fruit-3"]
    assert ids("date_from=2024-05&date_to=2024&sort=-date&limit=1000") == ["fruit-2", "fruit-1"]
    assert ids("title=zebra&state=ready") == ["fruit-0", "fruit-1", "fruit-3"]
    assert ids("title=zebra&state=failed") == []
    documents.finished(documents.upload("zebra-stripes.txt", b"\x89PNG\r\n\x1a\n" + bytes(99), id="fruit-3").json()["job"])
    assert ids("title=zebra&state=failed") == ["fruit-3"]
    assert documents.get(address("fruit-3")).json()["state"] == "failed"
    for sort in ("id", "title", "-title", "type", "-date", "-changed", "file_name", "-id"):
        listed, after = [], ""
        while after is not None:
            page = documents.get(f"/v1/documents?sort={sort}&limit=2{after and f'&after={quote(after)}'}").json()
            listed += [document["id"] for document in page["data"]]
            after = page["next"]
        assert listed == [each["id"] for each in documents.get(f"/v1/documents?sort={sort}&limit=1000").json()["data"]], sort
        assert len(listed) == len(set(listed)) == page["total"]
    assert_problem(documents.get("/v1/documents?sort=title&after=nonsense"), 422, "after")
    assert_problem(documents.get("/v1/documents?sort=size"), 422, "sort")


@pytest.mark.parametrize("document_id", ODD_IDS, ids=lambda value: ascii(value)[:30])
def test_accepts_any_printable_id(documents: Any, document_id: str) -> None:
    text = f"Document number {ODD_IDS.index(document_id)} about odd names."
    assert documents.finished(documents.add(id=document_id, title=document_id, text=text))["status"] == "done"
    assert documents.get(address(document_id)).json()["id"] == document_id
    assert documents.get(address(document_id, "/text")).json()["text"] == text
    assert found_texts(documents, "odd names", document_id) == [text]
    page = documents.get(f"/d/{quote(document_id)}")
    assert page.status == 200
    assert "<script>alert" not in page.text
    assert any(document["id"] == document_id for document in documents.get("/v1/documents?limit=1000").json()["data"])
    assert documents.request("DELETE", address(document_id)).json()["id"] == document_id
    assert documents.get(address(document_id)).status == 404


def test_the_same_text_under_two_ids_is_shown_once(documents: Any) -> None:
    text = "The bell of the old church rings at noon."
    for one in ("bell-1", "bell-2"):
        documents.finished(documents.add(id=one, title="Bell", text=text))
    found = documents.search("When does the bell of the old church ring?", limit=100)["results"]
    assert [result["document"]["id"] for result in found if result["text"] == text] == ["bell-2"]  # the newer one
    assert [copy["id"] for result in found if result["text"] == text for copy in result["copies"]] == ["bell-1"]
    first = next(result["document"]["id"] for result in found if result["text"] == text)
    documents.request("DELETE", address(first))
    found = documents.search("When does the bell of the old church ring?", limit=100)["results"]
    assert [result["document"]["id"] for result in found if result["text"] == text] == [
        {"bell-1", "bell-2"}.difference({first}).pop()
    ]


def test_an_accepted_document_survives_a_kill(data_folder: Callable[[], Path], start_server: Callable[..., Any]) -> None:
    data = data_folder()
    records = [{"id": f"kept-{n}", "title": f"Kept {n}", "text": f"Kept document {n}.\n\n" * 40} for n in range(6)]
    lines = "\n".join(json.dumps({"id": f"line-{n}", "text": f"Line {n} of the file."}) for n in range(120)).encode()
    jobs = []
    with start_server(data) as running:
        jobs = [running.add(**record) for record in records]
        jobs.append(running.upload("lines.jsonl", lines).json()["job"])
        assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    with start_server(data) as running:  # killed again, in the middle of the file
        while running.get(address("line-20")).status != 200 and not running.finished(jobs[-2])["failures"]:
            time.sleep(0.01)
        assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    with start_server(data) as running:
        assert [running.finished(job)["status"] for job in jobs] == ["done"] * 7
        listed = running.get("/v1/documents?limit=1000").json()["data"]
        expected = {"press-release", *(record["id"] for record in records), *(f"line-{n}" for n in range(120))}
        assert sorted(document["id"] for document in listed) == sorted(expected)
        for record in records:
            found = running.search("kept document", limit=100, filter={"type": "eq", "key": "id", "value": record["id"]})
            assert len(found["results"]) >= 1
            assert running.get(address(str(record["id"]), "/text")).json()["text"] == record["text"]
        assert "Traceback" not in running.log
