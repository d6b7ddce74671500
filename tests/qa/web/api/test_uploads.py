"""Uploaded files of every format, and files and forms that are refused."""

from __future__ import annotations

import io
import json
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import docx
import pytest

from corpus.types import text_version
from tests.qa.web.api.documents import address, assert_problem, found_texts, pdf_file


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
def test_adds_and_finds_a_file_of_each_format(documents: Any, extension: str) -> None:
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


def test_a_mail_and_its_attachments_are_found_and_removed_together(documents: Any) -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "Ann Example <ann@example.org>", "Trip to the lighthouse"
    mail.set_content("Please read the plan before Monday.")
    mail.add_attachment(pdf_file(), maintype="application", subtype="pdf", filename="plan.pdf")
    mail.add_attachment(b"\x89PNG\r\n\x1a\n" + bytes(2000), maintype="image", subtype="png", filename="map.png")
    job = documents.finished(documents.upload("trip.eml", mail.as_bytes(), id="trip").json()["job"])
    assert (job["status"], job["documents"]) == ("done", 2)
    (failure,) = job["failures"]
    assert failure.startswith("trip.eml: map.png is a PNG image")
    sender = documents.search("Who sent the mail about the trip to the lighthouse?")
    assert sender["answer"]["text"] == "From: Ann Example <ann@example.org>"
    assert sender["answer"]["document"]["note"] == "From Ann Example <ann@example.org>"
    fare = documents.search("How much is the ferry to the island?")["results"][0]
    assert fare["document"]["id"] == "trip/plan.pdf"
    assert fare["document"]["note"] == "Attached to “Trip to the lighthouse” from Ann Example <ann@example.org>"
    assert fare["document"]["date"] is None
    assert fare["metadata"]["created"]
    assert fare["page_url"].startswith("/d/trip/plan.pdf/page/2?")
    assert '<rect id="quote"' in documents.get(fare["page_url"].partition("#")[0]).text
    assert documents.get("/d/trip/plan.pdf/page/2.png").body.startswith(b"\x89PNG")
    page = documents.get("/d/trip/plan.pdf").text
    assert '<a href="/d/trip">Attached to “Trip to the lighthouse” from Ann Example &lt;ann@example.org&gt;</a>' in page
    documents.request("DELETE", address("trip"))
    assert documents.get(address("trip/plan.pdf")).status == 404


def test_an_upload_with_an_id_replaces_the_document(documents: Any) -> None:
    for words in ("Bread is baked at four.", "Bread is baked at five."):
        response = documents.upload("bakery.txt", words.encode(), id="shops/bakery 1")
        assert response.json()["document"]["id"] == "shops/bakery 1"
        assert documents.finished(response.json()["job"])["status"] == "done"
        assert found_texts(documents, "When is bread baked?", "shops/bakery 1") == [words]


def test_the_same_file_name_replaces_and_equal_content_is_already_there(documents: Any) -> None:
    jobs = []
    for price in ("five", "five", "six"):
        response = documents.upload("prices/milk.txt", f"Milk costs {price} pence.".encode())
        jobs.append(documents.finished(response.json()["job"]))
    assert [job["outcomes"] for job in jobs] == [{"added": 1}, {"unchanged": 1}, {"replaced": 1}]
    assert len({job["document"]["id"] for job in jobs}) == 1
    document = documents.get(address(jobs[2]["document"]["id"])).json()
    assert (document["version"], document["source"]) == (jobs[2]["document"]["version"], "prices/milk.txt")
    assert response.json()["document"]["stored"]["version"] == text_version("Milk costs five pence.")
    found = documents.search("What does milk cost?", limit=100)["results"]
    assert [result["text"] for result in found if "Milk costs" in result["text"]] == ["Milk costs six pence."]


def test_the_original_is_a_download_that_no_browser_runs(documents: Any) -> None:
    body = b"<h1>Quay</h1><p>The quay is closed on Mondays.</p><script>alert(1)</script>"
    job = documents.finished(documents.upload('Größe "1"; x=y.html'.replace('"', "%22"), body).json()["job"])
    document_id = job["document"]["id"]
    original = documents.get(address(document_id, "/original"))
    assert (original.status, original.body) == (200, body)
    headers = original.headers
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith("attachment; ")
    assert "filename*=UTF-8''Gr%C3%B6%C3%9Fe" in headers["Content-Disposition"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers.get_all("Content-Security-Policy") == ["sandbox"]
    documents.finished(documents.add(id="no-file", title="No file", text="It was sent as JSON."))
    assert_problem(documents.get(address("no-file", "/original")), 404)
    documents.request("DELETE", address(document_id))
    assert documents.get(address(document_id, "/original")).status == 404


def test_lines_that_left_an_uploaded_file_are_removed(documents: Any) -> None:
    for numbers in ((1, 2, 3), (1, 3)):
        lines = "\n".join(json.dumps({"id": f"tram-{number}", "text": f"Tram {number} goes to the sea."}) for number in numbers)
        job = documents.finished(documents.upload("trams.jsonl", lines.encode()).json()["job"])
    assert job["outcomes"] == {"unchanged": 2}
    assert [documents.get(address(f"tram-{number}")).status for number in (1, 2, 3)] == [200, 404, 200]


def test_if_exists_says_what_happens_to_a_stored_document(documents: Any) -> None:
    def upload(price: str, if_exists: str) -> Any:
        body = f'--b\r\nContent-Disposition: form-data; name="file"; filename="tea.txt"\r\n\r\nTea costs {price}.\r\n--b--\r\n'
        target = f"/v1/documents?if_exists={if_exists}"
        return documents.request("POST", target, body.encode(), {"Content-Type": "multipart/form-data; boundary=b"})

    added = documents.finished(upload("one pound", "fail").json()["job"])
    assert added["outcomes"] == {"added": 1}
    problem = assert_problem(upload("two pounds", "fail"), 409)
    assert added["document"]["id"] in problem["detail"]
    assert documents.finished(upload("two pounds", "keep").json()["job"])["outcomes"] == {"kept": 1}
    assert documents.get(address(added["document"]["id"], "/text")).json()["text"] == "Tea costs one pound."
    assert documents.finished(upload("two pounds", "replace").json()["job"])["outcomes"] == {"replaced": 1}
    assert_problem(upload("three pounds", "ask"), 422, "if_exists")


def test_a_failed_addition_is_listed_until_it_is_retried_or_dismissed(documents: Any, qa: Any) -> None:
    broken = [documents.finished(documents.upload("plan.pdf", b"%PDF-1.4 broken").json()["job"]) for _ in range(3)]
    other = documents.finished(documents.upload("map.pdf", b"%PDF-1.4 broken").json()["job"])

    def listed() -> list[str]:
        jobs = documents.get("/v1/jobs?status=failed").json()["data"]
        assert all(job["failures"] for job in jobs)
        return [job["id"] for job in jobs if job["name"] in ("plan.pdf", "map.pdf")]

    assert listed() == [other["id"], broken[-1]["id"]]  # one for each document
    status = qa("--data", documents.data, "status")
    assert f"job {other['id']}" in status.stdout
    assert "map.pdf" in status.stdout
    lines = [line.split() for line in documents.get("/metrics").text.splitlines() if not line.startswith("#")]
    metrics = {name: float(value) for name, value, *_ in lines}
    assert (metrics["quotable_job_failures_total"] >= 4, metrics["quotable_jobs_failed"] >= 2) == (True, True)
    assert any("warning" in line.lower() and f"job {other['id']} failed" in line for line in documents.log.splitlines())

    retried = documents.post(f"/v1/jobs/{other['id']}/retry", b"", None)
    assert retried.status == 202, retried.text
    assert documents.finished(retried.json())["status"] == "failed"
    assert documents.request("DELETE", f"/v1/jobs/{other['id']}").json() == {"id": other["id"], "deleted": True}
    assert listed() == [broken[-1]["id"]]
    fixed = documents.finished(documents.upload("plan.pdf", pdf_file()).json()["job"])
    assert fixed["status"] == "done"
    assert listed() == []
    assert_problem(documents.post(f"/v1/jobs/{fixed['id']}/retry", b"", None), 409)
    assert_problem(documents.request("DELETE", f"/v1/jobs/{fixed['id']}"), 409)
    assert_problem(documents.post(f"/v1/jobs/{other['id']}/retry", b"", None), 404)


def test_json_lines_add_each_record_and_report_invalid_ones(documents: Any) -> None:
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
def test_an_unreadable_file_is_a_failed_job_with_a_reason(documents: Any, name: str, body: bytes, reason: str) -> None:
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
def test_a_file_name_is_never_a_path(documents: Any, name: str) -> None:
    def files() -> list[Path]:
        derived = {"generations", "originals"}
        return sorted(path for path in documents.data.rglob("*") if not derived.intersection(path.parts))

    before = files()
    response = documents.upload(name, b"The mill grinds at night.")
    assert response.status == 202, response.text
    document_id = response.json()["document"]["id"]
    assert len(document_id) < 100
    assert "/" not in document_id
    assert documents.finished(response.json()["job"])["status"] == "done"
    assert documents.get(address(document_id)).json()["title"]
    assert files() == before
    assert all(file.parent.parent.parent == documents.data for file in documents.data.glob("originals/*/*"))
    documents.request("DELETE", address(document_id))


@pytest.mark.parametrize(
    ("fields", "field"), [({"id": ".."}, "id"), ({"id": ""}, "id"), ({"id": "a/text"}, "id"), ({"title": "T"}, "title")]
)
def test_names_the_invalid_form_field(documents: Any, fields: dict[str, str], field: str) -> None:
    assert_problem(documents.upload("a.txt", b"Words.", **fields), 422, field)


def test_refuses_a_form_without_exactly_one_file(documents: Any) -> None:
    assert_problem(documents.upload("", b"Words."), 422, "file")
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nWords.\r\n' * 2 + b"--b--\r\n"
    assert_problem(documents.post("/v1/documents", body, "multipart/form-data; boundary=b"), 422, "file")
    for body, content_type in ((b"", "multipart/form-data"), (b"\xff" * 100, "multipart/form-data; boundary=b")):
        assert documents.post("/v1/documents", body, content_type).status in {400, 415, 422}
    assert_problem(documents.post("/v1/documents", b"Words.", "text/plain"), 415)


def test_removing_a_large_document_during_its_job_does_not_block_others(documents: Any) -> None:
    """Adding it completely would exceed the time limit of the tests."""
    response = documents.upload("large.txt", b"The tide table of the harbour has another line for every day.\n\n" * 100_000)
    assert documents.request("DELETE", address(response.json()["document"]["id"])).status == 200
    assert documents.finished(documents.add(id="next", title="Next", text="The next document."))["status"] == "done"
    assert documents.finished(response.json()["job"])["status"] == "cancelled"


def test_a_passage_links_to_its_heading(documents: Any) -> None:
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
        "Children!": "https://www.gov.uk/ferries/fares",  # its anchor would be the same as the other's
    }
    assert documents.get(address("/ferries")).json()["url"] == "https://www.gov.uk/ferries"
    page = documents.get("/?q=children+sail+free")
    assert 'href="https://www.gov.uk/ferries/fares#children:~:text=Children%20sail%20free."' in page.text
