"""Documents over HTTP: accepted, taken in, found, replaced and deleted in one step each; in every format; across a kill."""

from __future__ import annotations

import io
import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from corpus.types import text_version

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


@pytest.fixture(scope="module")
def documents(data_folder: Callable[[], Path], start_server: Callable[..., Any]) -> Iterator[Any]:
    """A server whose documents the tests of this file change, each under ids of its own."""
    with start_server(data_folder()) as running:
        yield running
        assert "Traceback" not in running.log, running.log


def address(document_id: str, rest: str = "") -> str:
    return f"/v1/documents/{quote(document_id, safe='')}{rest}"


def found_texts(server: Any, query: str, document_id: str) -> list[str]:
    results = server.search(query, limit=100, filter={"type": "eq", "key": "id", "value": document_id})["results"]
    return [result["text"] for result in results]


def assert_problem(response: Any, status: int, field: str | None = None) -> Any:
    assert response.status == status, (response.status, response.text)
    assert response.headers.get_content_type() == "application/problem+json"
    problem = response.json()
    if field is not None:
        assert [error["field"] for error in problem["errors"] if error["message"]] == [field], problem
    return problem


def test_a_document_is_accepted_taken_in_and_found(documents: Any) -> None:
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
    assert accepted["document"] == {"id": "otters"}
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
        "version": text_version(text),
    }
    assert text[first["start"] : first["end"]] == first["text"]
    assert first["url"] == "https://example.org/otters"
    assert first["metadata"] == record["metadata"]
    shown = documents.get(address("otters")).json()
    assert shown == first["document"] | {
        "source": None,
        "type": "jsonl",
        "language": "en",
        "passages": 1,
        "metadata": record["metadata"],
    }
    assert documents.get(address("otters", "/text")).json() == {"text": text, "version": text_version(text)}
    passage = documents.get(f"/v1/passages/{first['id']}").json()
    assert {**first, **passage} == first


def test_a_document_without_an_id_gets_one_that_is_readable_and_the_same_again(documents: Any) -> None:
    record = {"title": "The Great Crested Newt!", "text": "Newts overwinter under logs."}
    first, again = documents.add(**record), documents.add(**record)
    answers = [json.loads(documents.post("/v1/documents", json.dumps(record).encode()).body) for _ in range(2)]
    (document_id,) = {answer["document"]["id"] for answer in answers}
    assert document_id.startswith("the-great-crested-newt-")
    assert [documents.finished(job)["status"] for job in (first, again, *(a["job"] for a in answers))] == ["done"] * 4
    assert documents.get(address(document_id)).status == 200
    assert len(found_texts(documents, "newts", document_id)) == 1


def test_a_given_id_replaces_in_one_step_so_that_old_and_new_are_never_found_together(documents: Any) -> None:
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


def test_what_was_deleted_is_found_no_more_from_the_answer_on(documents: Any) -> None:
    documents.finished(documents.add(id="heron", title="Heron", text="A heron stands still for hours."))
    passage = documents.search("heron")["results"][0]["id"]
    response = documents.request("DELETE", address("heron"))
    assert (response.status, response.json()) == (200, {"id": "heron", "deleted": True})
    assert found_texts(documents, "heron", "heron") == []
    assert all(result["id"] != passage for result in documents.search("heron", limit=100)["results"])
    for target in (address("heron"), address("heron", "/text"), f"/v1/passages/{passage}", "/d/heron"):
        assert documents.get(target).status == 404
    assert_problem(documents.request("DELETE", address("heron")), 404)


def test_a_delete_cancels_the_job_that_would_bring_the_document(documents: Any) -> None:
    """At whatever moment of the job it comes: the pauses go over all of them."""
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


def test_the_list_goes_through_all_documents_page_by_page_in_the_order_of_their_ids(documents: Any) -> None:
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
    assert everything == {"data": listed, "next": None}
    assert pages == -(-len(listed) // 3)
    names = [document["id"] for document in listed]
    assert set(ids) | {"press-release"} <= set(names)
    assert names == sorted(set(names), key=str.encode)
    assert documents.get(f"/v1/documents?after={quote(ids[-1])}").json()["data"] == listed[names.index(ids[-1]) + 1 :]


@pytest.mark.parametrize(
    ("query_string", "field"),
    [("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("after=a%00b", "after"), ("before=a", "before")],
)
def test_a_page_that_cannot_be_shown_is_refused(documents: Any, query_string: str, field: str) -> None:
    assert_problem(documents.get(f"/v1/documents?{query_string}"), 422, field)


@pytest.mark.parametrize("document_id", ODD_IDS, ids=lambda value: ascii(value)[:30])
def test_any_printable_id_is_kept_and_leads_to_its_document(documents: Any, document_id: str) -> None:
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


@pytest.mark.parametrize(
    "document_id",
    ["", " ", "x" * 501, "a\0b", "a\nb", "\x7f", "\u2028", ".", "..", "a/text", "\ud800", 5, True, ["a"], {"id": "a"}],
    ids=lambda value: ascii(value)[:30],
)
def test_an_id_that_cannot_stand_in_an_address_is_refused(documents: Any, document_id: object) -> None:
    body = json.dumps({"id": document_id, "title": "T", "text": "Words."}).encode()
    assert_problem(documents.post("/v1/documents", body), 422, "id")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": None}, "title"),
        ({"title": ""}, "title"),
        ({"title": " \n"}, "title"),
        ({"title": "x" * 1001}, "title"),
        ({"title": 5}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"text": None}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \n\t\u3000"}, "text"),
        ({"text": ["Words."]}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "\udfff"}, "text"),
        ({"text": "x" * 10_000_001}, "text"),
        ({"url": 5}, "url"),
        ({"url": "a\0"}, "url"),
        ({"url": "\ud800"}, "url"),
        ({"url": "x" * 2001}, "url"),
        ({"date": "yesterday"}, "date"),
        ({"date": "2024-13-01"}, "date"),
        ({"date": 2024}, "date"),
        ({"date": "2024\0"}, "date"),
        ({"date": "\ud800"}, "date"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"": 1}}, "metadata."),
        ({"metadata": {"k": "a\0"}}, "metadata.k"),
        ({"metadata": {"k": "\ud800"}}, "metadata.k"),
        ({"metadata": {"k": None}}, "metadata.k"),
        ({"metadata": {"k": {"a": 1}}}, "metadata.k"),
        ({"metadata": {"k": [1]}}, "metadata.k"),
        ({"metadata": {"k": ["a\0"]}}, "metadata.k"),
        ({"metadata": {str(number): 1 for number in range(101)}}, "metadata"),
        ({"txet": "Words."}, "txet"),
        ({"source": "/etc/passwd"}, "source"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_field_that_cannot_be_used_is_named(documents: Any, change: dict[str, object], field: str) -> None:
    body = json.dumps({"title": "T", "text": "Words."} | change).encode()
    problem = assert_problem(documents.post("/v1/documents", body), 422)
    assert any(error["field"].startswith(field) and error["message"] for error in problem["errors"]), problem


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_beyond_all_numbers_is_refused(documents: Any, number: str) -> None:
    body = f'{{"title": "T", "text": "Words.", "metadata": {{"k": {number}}}}}'.encode()
    assert documents.post("/v1/documents", body).status == 422


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["a\0", "\ud800", "2024-01-01", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "title": st.just("T") | JSON,
        "text": st.just("Words.") | JSON,
        "url": JSON,
        "date": JSON,
        "metadata": st.dictionaries(st.text(max_size=5), JSON, max_size=3) | JSON,
        "more": JSON,
    },
)


@given(RECORD)
@settings(max_examples=200)
def test_any_json_is_taken_in_or_refused_and_never_an_error_of_the_server(documents: Any, record: object) -> None:
    response = documents.post("/v1/documents", json.dumps(record).encode())
    assert response.status in {202, 400, 422}, (record, response.text)
    if response.status == 202:
        document_id = response.json()["document"]["id"]
        assert documents.finished(response.json()["job"])["status"] == "done"
        json.loads(documents.get(address(document_id)).body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert documents.get("/?q=words").status == 200
        assert documents.request("DELETE", address(document_id)).status == 200


@pytest.mark.parametrize("url", ["http://[", "javascript:alert(1)", "https://a b/", "//x", "http://x:y"])
def test_an_address_that_nobody_can_follow_breaks_no_page(documents: Any, url: str) -> None:
    documents.finished(documents.add(id="odd-address", title="Address", text="The lighthouse blinks.", url=url))
    for target in ("/?q=lighthouse%20blinks", "/d/odd-address"):
        page = documents.get(target)
        assert page.status == 200
        assert "lighthouse" in page.text
        assert 'href="javascript' not in page.text
    documents.request("DELETE", address("odd-address"))


def pdf_file() -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for line in range(20):
        canvas.drawString(72, 750 - 20 * line, f"Line {line} of the first page is about nothing much.")
    canvas.showPage()
    canvas.drawString(72, 700, "The ferry to the island costs seven pounds in pdf.")
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def docx_file() -> bytes:
    document, buffer = docx.Document(), io.BytesIO()
    document.core_properties.title = "Ferries"
    document.add_heading("Prices", 1)
    document.add_paragraph("The ferry to the island costs seven pounds in docx.")
    document.save(buffer)
    return buffer.getvalue()


FILES = {
    "txt": b"The ferry to the island costs seven pounds in txt.",
    "md": b"# Ferries\n\n## Prices\n\nThe ferry to the island costs seven pounds in md.\n",
    "html": (
        b"<html><head><title>Ferries</title></head><body><nav>Home News</nav><main><h1>Ferries</h1><h2 id='prices'>Prices</h2>"
        + b"<p>Whoever goes to the island in summer does well to come early, for the quay is small.</p>" * 20
        + b"<p>The ferry to the island costs seven pounds in html.</p></main></body></html>"
    ),
    "pdf": pdf_file(),
    "docx": docx_file(),
    "eml": (
        b"From: harbour@example.org\r\nTo: you@example.org\r\nSubject: Ferry prices\r\nDate: Mon, 6 May 2024 10:00:00 +0000\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nThe ferry to the island costs seven pounds in eml.\r\n"
    ),
}


@pytest.mark.parametrize("extension", FILES)
def test_a_file_of_each_format_is_taken_in_and_found(documents: Any, extension: str) -> None:
    response = documents.upload(f"ferries.{extension}", FILES[extension])
    assert response.status == 202, response.text
    document_id = response.json()["document"]["id"]
    assert document_id.startswith("ferries-")
    job = documents.finished(response.json()["job"])
    assert (job["status"], job["documents"], job["failures"]) == ("done", 1, [])
    text = documents.get(address(document_id, "/text")).json()["text"]
    found = documents.search("How much is the ferry to the island?", filter={"type": "eq", "key": "id", "value": document_id})[
        "results"
    ]
    (result,) = [one for one in found if f"costs seven pounds in {extension}." in one["text"]]
    assert text[result["start"] : result["end"]] == result["text"]
    assert result["page"] == (2 if extension == "pdf" else None)
    if extension in {"md", "html", "docx"}:
        assert result["headings"][-1] == "Prices"
    if extension == "eml":
        assert (result["document"]["title"], result["document"]["date"][:10]) == ("Ferry prices", "2024-05-06")
    documents.request("DELETE", address(document_id))


def test_an_upload_may_be_given_an_id_and_replaces_what_has_it(documents: Any) -> None:
    for words in ("Bread is baked at four.", "Bread is baked at five."):
        response = documents.upload("bakery.txt", words.encode(), id="shops/bakery 1")
        assert response.json()["document"] == {"id": "shops/bakery 1"}
        assert documents.finished(response.json()["job"])["status"] == "done"
        assert found_texts(documents, "When is bread baked?", "shops/bakery 1") == [words]


def test_json_lines_bring_each_record_under_its_own_id_and_report_those_that_are_none(documents: Any) -> None:
    records = [{"id": f"lines/{number}", "title": f"Line {number}", "text": f"Tram line {number}."} for number in range(20)]
    lines = [json.dumps(record) for record in records]
    lines[5:5] = ["{broken", '{"id": "lines/none", "title": "No text"}', '{"id": "lines/x/text", "text": "No address."}']
    job = documents.finished(documents.upload("lines.jsonl", "\n".join(lines).encode()).json()["job"])
    assert (job["status"], job["documents"]) == ("done", 20)
    assert len(job["failures"]) == 3
    assert "line 6" in job["failures"][0]
    assert "'text'" in job["failures"][1]
    assert "lines/x/text" in job["failures"][2]
    for record in records:
        assert documents.get(address(str(record["id"]), "/text")).json()["text"] == record["text"]


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG image"),
        ("program", b"\x7fELF" + bytes(range(256)) * 4, "."),
        ("empty.txt", b"", "no text|empty"),
        ("blank.md", b" \n\n ", "no text|empty"),
        ("broken.pdf", b"%PDF-1.4 and nothing of the kind", "."),
        ("broken.docx", b"PK\x03\x04 and nothing of the kind", "."),
    ],
)
def test_a_file_that_cannot_be_read_is_a_failed_job_with_its_reason(
    documents: Any, name: str, body: bytes, reason: str
) -> None:
    response = documents.upload(name, body)
    assert response.status == 202
    job = documents.finished(response.json()["job"])
    assert (job["status"], job["documents"]) == ("failed", 0)
    (failure,) = job["failures"]
    assert name in failure
    assert any(word in failure for word in reason.split("|")), failure
    assert documents.get(address(response.json()["document"]["id"])).status == 404


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..", "a/../../b.txt", "x" * 3000, "C:\\boot.ini", "a\tb.txt"]
)
def test_the_name_of_a_file_is_only_a_name(documents: Any, name: str) -> None:
    before = sorted(path for path in documents.data.rglob("*") if "generations" not in path.parts)
    response = documents.upload(name, b"The mill grinds at night.")
    assert response.status == 202, response.text
    document_id = response.json()["document"]["id"]
    assert len(document_id) < 100
    assert "/" not in document_id
    assert documents.finished(response.json()["job"])["status"] == "done"
    assert documents.get(address(document_id)).json()["title"]
    assert sorted(path for path in documents.data.rglob("*") if "generations" not in path.parts) == before
    documents.request("DELETE", address(document_id))


@pytest.mark.parametrize(
    ("fields", "field"), [({"id": ".."}, "id"), ({"id": ""}, "id"), ({"id": "a/text"}, "id"), ({"title": "T"}, "title")]
)
def test_a_form_field_that_cannot_be_used_is_named(documents: Any, fields: dict[str, str], field: str) -> None:
    assert_problem(documents.upload("a.txt", b"Words.", **fields), 422, field)


def test_a_form_without_one_file_is_refused(documents: Any) -> None:
    assert_problem(documents.upload("", b"Words."), 422, "file")
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nWords.\r\n' * 2 + b"--b--\r\n"
    assert_problem(documents.post("/v1/documents", body, "multipart/form-data; boundary=b"), 422, "file")
    for body, content_type in ((b"", "multipart/form-data"), (b"\xff" * 100, "multipart/form-data; boundary=b")):
        assert documents.post("/v1/documents", body, content_type).status in {400, 415, 422}
    assert_problem(documents.post("/v1/documents", b"Words.", "text/plain"), 415)


def test_a_body_that_is_too_large_is_refused_with_the_limit_of_its_route(documents: Any) -> None:
    large = b'{"query": "' + b"x" * 1_000_000 + b'"}'
    assert "1,000,000" in assert_problem(documents.post("/v1/search", large), 413)["detail"]
    assert "50,000,000" in assert_problem(documents.post("/v1/documents", bytes(50_000_001)), 413)["detail"]
    assert "50,000,000" in assert_problem(documents.upload("a.txt", bytes(50_000_000)), 413)["detail"]
    response = documents.upload("a.html", b"<p>Words.</p><!--" + b"x" * 3_000_000 + b"-->", id="large")
    assert response.status == 202
    assert documents.finished(response.json()["job"])["status"] == "done"
    body = b'{"id": "large", "title": "T", "text": "Words.' + b" " * 3_000_000 + b'"}'
    assert documents.finished(documents.post("/v1/documents", body).json()["job"])["status"] == "done"


def test_a_large_document_that_is_deleted_while_it_is_taken_in_holds_up_no_other(documents: Any) -> None:
    """Taking it in whole would take longer than anything here may wait."""
    response = documents.upload("large.txt", b"The tide table of the harbour has another line for every day.\n\n" * 100_000)
    assert documents.request("DELETE", address(response.json()["document"]["id"])).status == 200
    assert documents.finished(documents.add(id="next", title="Next", text="The next document."))["status"] == "done"
    assert documents.finished(response.json()["job"])["status"] == "cancelled"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/jobs/0"),
        ("GET", "/v1/jobs/999999999999999999"),
        ("GET", "/v1/jobs/9" + "9" * 30),
        ("GET", "/v1/jobs/-1"),
        ("GET", "/v1/jobs/x"),
        ("GET", "/v1/jobs/%00"),
        ("GET", "/v1/passages/p0"),
        ("GET", "/v1/passages/1"),
        ("GET", "/v1/passages/p9" + "9" * 30),
        ("GET", "/v1/documents/none"),
        ("GET", "/v1/documents/%00"),
        ("GET", "/v1/documents/%ff"),
        ("GET", "/v1/documents/none/text"),
        ("GET", "/v1/documents/../../etc/passwd"),
        ("GET", "/v1/documents/%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
        ("DELETE", "/v1/documents/none"),
        ("DELETE", "/v1/documents/%00"),
        ("DELETE", "/v1/documents/%ed%a0%80"),
        ("GET", "/d/none"),
    ],
)
def test_what_is_not_there_is_a_404(documents: Any, method: str, target: str) -> None:
    assert_problem(documents.request(method, target), 404)


def test_what_is_not_done_to_documents_is_a_405(documents: Any) -> None:
    for method, target in (("PUT", "/v1/documents/a"), ("DELETE", "/v1/documents"), ("POST", "/v1/jobs/1")):
        assert_problem(documents.request(method, target, b"{}"), 405)


def test_a_passage_leads_to_its_heading_at_the_address_of_its_document(documents: Any) -> None:
    item = {
        "base_path": "/ferries",
        "title": "Ferries",
        "document_type": "guide",
        "locale": "en",
        "public_updated_at": "2024-05-06T10:00:00Z",
        "details": {
            "parts": [
                {"title": "Overview", "slug": "overview", "body": "<p>Ferries sail daily from the quay.</p>"},
                {
                    "title": "Fares",
                    "slug": "fares",
                    "body": "<p>Fares rise in May on all crossings.</p><h2 id='children'>Children</h2><p>Children sail free.</p>"
                    "<h2>Children!</h2><p>Children must not run on deck.</p>",
                },
            ]
        },
    }
    job = documents.finished(documents.upload("ferries.json", json.dumps(item).encode()).json()["job"])
    assert job["status"] == "done", job
    results = documents.search("ferries fares children", limit=100, filter={"type": "eq", "key": "id", "value": "/ferries"})
    urls = {result["headings"][-1]: result["url"] for result in results["results"]}
    assert urls == {
        "Overview": "https://www.gov.uk/ferries",
        "Fares": "https://www.gov.uk/ferries/fares",
        "Children": "https://www.gov.uk/ferries/fares#children",
        "Children!": "https://www.gov.uk/ferries/fares",  # its own would be that of the other
    }
    assert documents.get(address("/ferries")).json()["url"] == "https://www.gov.uk/ferries"
    page = documents.get("/?q=children+sail+free")
    assert 'href="https://www.gov.uk/ferries/fares#children"' in page.text


def test_the_same_text_under_another_id_is_recognised_and_shown_once(documents: Any) -> None:
    text = "The bell of the old church rings at noon."
    for one in ("bell-1", "bell-2"):
        documents.finished(documents.add(id=one, title="Bell", text=text))
    found = documents.search("When does the bell of the old church ring?", limit=100)["results"]
    assert [result["document"]["id"] for result in found if result["text"] == text] in (["bell-1"], ["bell-2"])
    first = next(result["document"]["id"] for result in found if result["text"] == text)
    documents.request("DELETE", address(first))
    found = documents.search("When does the bell of the old church ring?", limit=100)["results"]
    assert [result["document"]["id"] for result in found if result["text"] == text] == [
        {"bell-1", "bell-2"}.difference({first}).pop()
    ]


def test_a_document_that_was_accepted_arrives_once_though_the_server_is_killed(
    data_folder: Callable[[], Path], start_server: Callable[..., Any]
) -> None:
    data = data_folder()
    records = [{"id": f"kept-{n}", "title": f"Kept {n}", "text": f"Kept document {n}.\n\n" * 40} for n in range(12)]
    lines = "\n".join(json.dumps({"id": f"line-{n}", "text": f"Line {n} of the file."}) for n in range(300)).encode()
    jobs = []
    with start_server(data) as running:
        jobs = [running.add(**record) for record in records]
        jobs.append(running.upload("lines.jsonl", lines).json()["job"])
        assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    with start_server(data) as running:  # killed again, this time among the records of the file
        while running.get(address("line-20")).status != 200 and not running.finished(jobs[-2])["failures"]:
            time.sleep(0.01)
        assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    with start_server(data) as running:
        assert [running.finished(job)["status"] for job in jobs] == ["done"] * 13
        listed = running.get("/v1/documents?limit=1000").json()["data"]
        expected = {"press-release", *(record["id"] for record in records), *(f"line-{n}" for n in range(300))}
        assert sorted(document["id"] for document in listed) == sorted(expected)
        for record in records:
            found = running.search("kept document", limit=100, filter={"type": "eq", "key": "id", "value": record["id"]})
            assert len(found["results"]) >= 1
            assert running.get(address(str(record["id"]), "/text")).json()["text"] == record["text"]
        assert "Traceback" not in running.log


def test_the_methods_that_a_text_s_address_says_it_takes_are_those_that_it_takes(server: Any) -> None:
    target = "/v1/documents/press-release/text"
    allowed = {method.strip() for method in server.request("OPTIONS", target).headers["Allow"].split(",")}
    assert allowed == {"GET", "HEAD", "OPTIONS"}
    assert server.request("DELETE", target).status == 405
