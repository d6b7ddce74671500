"""What a server says of itself: an id and a line for each request, and in none of it a question, a document's words or a key."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from qa.operate.keys import Role, create_key, revoke_key
from qa.web.telemetry.request_log import RefusalLog

QUESTION = "zqcanaryquestion"
DOCUMENT = "zqcanarydocument"
STORED = re.compile(r"store\.sqlite|generations/")  # documents, and the indexes that are made of them


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    return {"unknown": "qtb_00000000_zqcanarykey" + "x" * 31}


@pytest.fixture(scope="module", params=["json", "text"])
def told(request: Any, data_folder: Any, start_server: Any, secrets: dict[str, str]) -> Iterator[Any]:
    """A server that asks everyone for a key, and was asked in every way that a question, a document or a key can come."""
    folder = data_folder()
    secrets |= {name: create_key(folder, name, Role.WRITE) for name in ("valid", "revoked")}
    revoke_key(folder, "revoked")
    with start_server(folder, QA_REQUIRE_KEY="1", QA_LOG_FORMAT=request.param) as running:
        ask_in_every_way(running, secrets)
        yield running


def ask_in_every_way(server: Any, secrets: dict[str, str]) -> None:
    bearer = {"Authorization": f"Bearer {secrets['valid']}"}

    def post(target: str, body: Any, **headers: str) -> int:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        status: int = server.request("POST", target, raw, {"Content-Type": "application/json", **bearer, **headers}).status
        return status

    statuses = [
        server.request("GET", f"/v1/search?q={QUESTION}", headers=bearer).status,
        server.request("GET", f"/?q={QUESTION}&source={QUESTION}", headers=bearer).status,
        server.request("GET", f"/chat?q={QUESTION}&q={QUESTION}", headers=bearer).status,
        post("/v1/search", {"query": QUESTION, "explain": True, "facets": ["type"]}),
        post("/v1/search", {"query": "And there?", "history": [{"role": "user", "content": f"Where is {QUESTION}?"}]}),
        post("/v1/search", {"query": "who", "filter": {"type": "eq", "key": "title", "value": QUESTION}}),
        post("/v1/chat/completions", {"messages": [{"role": "user", "content": f"Who is {QUESTION}?"}]}),
        post("/v1/chat/completions", {"messages": [{"role": "user", "content": QUESTION}], "stream": True}),
        post("/v1/vector_stores/default/search", {"query": [QUESTION, "who"]}),
        post("/v1/verify", {"quote": QUESTION, "document_id": "press-release", "start": 0, "end": 3}),
        post("/v1/documents", {"id": "d", "title": DOCUMENT, "text": f"{DOCUMENT}. " * 50, "metadata": {"a": DOCUMENT}}),
    ]
    assert set(statuses) == {200, 202}
    refused = [
        post("/v1/search", {"query": QUESTION, "limit": QUESTION}),
        post("/v1/search", {"query": QUESTION * 1000}),
        post("/v1/search", {QUESTION: 1}),
        post("/v1/search", b'{"query": "' + QUESTION.encode()),
        post("/v1/search", {"query": QUESTION}, Host=f"{QUESTION}.example.org"),
        post("/v1/search", {"query": QUESTION}, Origin=f"https://{QUESTION}.example.org"),
        post("/v1/feedback", {"query": QUESTION, "helped": True, "generation": 1, "results": []}),
        post(f"/v1/{QUESTION}", {"query": QUESTION}),
        post("/v1/documents", {"title": DOCUMENT, "text": "", "body": DOCUMENT}),
        server.request("GET", f"/{QUESTION}?q={QUESTION}", headers=bearer).status,
        server.request(QUESTION.upper(), "/v1/search", headers=bearer).status,
        server.request("GET", f"/v1/documents/{QUESTION}", headers=bearer).status,
        server.request(
            "GET", "/v1/documents", headers=bearer | {"X-Forwarded-For": QUESTION, "X-Request-Id": "a " + QUESTION}
        ).status,
        *(
            server.request("GET", f"/v1/search?q={QUESTION}&key={quote(secret)}", headers=headers).status
            for secret in secrets.values()
            for headers in (
                {},
                {"Authorization": f"Bearer {secret}x"},
                {"Authorization": secret},
                {"Authorization": f"Basic {secret}"},
            )
        ),
        server.request("GET", f"/v1/search?q={QUESTION}", headers={"Authorization": f"Bearer {secrets['revoked']}"}).status,
        server.request(
            "POST", "/v1/documents", f"%PDF-1.4 {DOCUMENT}".encode(), {"Content-Type": f"x/{DOCUMENT}", **bearer}
        ).status,
    ]
    assert all(status == 200 or 400 <= status < 500 for status in refused), refused
    broken = (
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{DOCUMENT}.pdf"\r\n\r\n%PDF-1.7 {DOCUMENT}\r\n--b--\r\n'
    )
    job = server.request(
        "POST", "/v1/documents", broken.encode(), {"Content-Type": "multipart/form-data; boundary=b", **bearer}
    )
    assert job.status == 202
    for malformed in (f"{QUESTION}\r\n\r\n", f"GET /?q={QUESTION} HTTP/9.9 x\r\n\r\n", f"GET / HTTP/1.1\r\n{QUESTION}\r\n\r\n"):
        with socket.create_connection((server.host, server.port), timeout=30) as connection:
            connection.sendall(malformed.encode())
            assert b" 400 " in connection.recv(65536)
    with socket.create_connection((server.host, server.port), timeout=30) as gone:
        head = f"GET /v1/search?q={QUESTION} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer['Authorization']}\r\n\r\n"
        gone.sendall(head.encode() * 20)  # and nobody takes the answers
    while server.request("GET", job.headers["Location"], headers=bearer).json()["finished"] is None:
        time.sleep(0.05)


def test_no_question_document_or_key_is_in_the_log_or_in_a_file_that_is_not_for_it(told: Any, secrets: dict[str, str]) -> None:
    told.stop()  # so that everything is written
    written = {str(path.relative_to(told.data)): path.read_bytes() for path in told.data.rglob("*") if path.is_file()}
    assert "keys-used.json" in written
    assert DOCUMENT.encode() in b"".join(written.values())
    hidden = [secret.rpartition("_")[2] if secret.count("_") == 2 else secret for secret in secrets.values()]
    assert len(told.log.splitlines()) > 40
    for text in (QUESTION, QUESTION.upper(), DOCUMENT, *hidden):
        assert text not in told.log
    for name, contents in written.items():
        for text in (QUESTION, *hidden, *(() if STORED.match(name) else (DOCUMENT,))):
            assert text.encode() not in contents, f"{text} in {name}"


@pytest.fixture(scope="module")
def server_of_json(data_folder: Any, start_server: Any) -> Iterator[Any]:
    with start_server(data_folder(), QA_LOG_FORMAT="json") as running:
        yield running


def line_about(server: Any, request_id: str) -> Any:
    """What the log says of a request; it is written a moment after the answer."""
    for _ in range(200):
        for line in server.log.splitlines():
            entry = json.loads(line)
            if entry.get("request_id") == request_id:
                return entry
        time.sleep(0.02)
    raise AssertionError(f"nothing about {request_id} in {server.log}")


def test_each_request_has_a_line_with_its_route_status_and_stages(server_of_json: Any) -> None:
    answer = server_of_json.get("/v1/search?q=Who+signed+the+memorandum")
    entry = line_about(server_of_json, answer.headers["X-Request-Id"])
    assert (entry["level"], entry["method"], entry["route"], entry["status"]) == ("info", "GET", "/v1/search", 200)
    assert entry["key"] == "this machine"
    assert entry["answerable"] is True
    assert list(entry["stages_ms"]) == ["queue", "request", "embed", "rank", "quote", "response"]
    assert sum(entry["stages_ms"].values()) == pytest.approx(entry["duration_ms"], abs=0.01)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", entry["time"])


def test_a_streamed_answer_is_told_when_it_is_complete(server_of_json: Any) -> None:
    body = {"messages": [{"role": "user", "content": "Who signed the memorandum?"}], "stream": True}
    answer = server_of_json.post("/v1/chat/completions", json.dumps(body).encode())
    entry = line_about(server_of_json, answer.headers["X-Request-Id"])
    assert (entry["route"], entry["status"], entry["answerable"]) == ("/v1/chat/completions", 200, True)


@pytest.mark.parametrize("sent", ["0af7651916cd43dd8448eb211c80319c", "a-1.B_2:c=/+", "x" * 128])
def test_a_request_id_that_is_well_formed_is_kept(server_of_json: Any, sent: str) -> None:
    answer = server_of_json.request("GET", "/nothing", headers={"X-Request-Id": sent})
    assert answer.headers["X-Request-Id"] == sent
    assert answer.json()["request_id"] == sent
    assert line_about(server_of_json, sent)["status"] == 404


@pytest.mark.parametrize("sent", ["", "two words", "x" * 129, 'quote"', "é"])
def test_another_is_made_in_the_place_of_one_that_is_not(server_of_json: Any, sent: str) -> None:
    answer = server_of_json.request("GET", "/nothing", headers={"X-Request-Id": sent.encode().decode("latin-1")})
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-Id"])
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_what_is_no_request_at_all_has_an_id_and_a_line_too(server_of_json: Any) -> None:
    with socket.create_connection((server_of_json.host, server_of_json.port), timeout=30) as connection:
        connection.sendall(b"GET\r\n\r\n")
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    found = re.search(rb"X-Request-Id: (\w+)", head)
    assert found
    assert json.loads(body)["request_id"] == found[1].decode()
    assert line_about(server_of_json, found[1].decode())["status"] == 400


def test_each_line_is_one_json_object_the_first_and_the_last_too(data_folder: Any, start_server: Any, qa: Any) -> None:
    with start_server(data_folder(), QA_LOG_FORMAT="json") as running:
        refused = qa("--data", running.data, "serve", "--port", running.port, QA_LOG_FORMAT="json")
        health = running.get("/healthz")
        running.stop()
        entries = [json.loads(line) for line in running.log.splitlines()]
    assert any("press release" in entry["message"] for entry in entries)
    assert not any(entry.get("request_id") == health.headers["X-Request-Id"] for entry in entries)  # asked every few seconds
    (entry,) = [json.loads(line) for line in refused.stderr.splitlines()]
    assert (refused.code, entry["level"]) == (1, "critical")


def test_requests_are_not_told_where_that_is_set(data_folder: Any, start_server: Any) -> None:
    with start_server(data_folder(), QA_LOG_REQUESTS="0") as running:
        assert running.search("who")["results"]
        running.stop()
        assert "/v1/search" not in running.log


UNFORESEEN = """
import logging, sys, threading, warnings
from qa.operate import logs
from qa.web.application import create_app
from qa.web.telemetry.request_log import log_request

logs.configure(sys.argv[1])

def fails():
    try:
        raise KeyError("zqcanaryquestion in the cause")
    except KeyError as error:
        raise ValueError("zqcanaryquestion jo@example.org") from error

app = create_app(fails, observers=[log_request])
with app.test_client().get("/v1/search?q=zqcanaryquestion") as answer:
    assert answer.status_code == 500
unfinished = create_app(lambda: None)
unfinished.after_request(lambda response: fails())  # an answer that cannot even be finished
with unfinished.test_client().get("/v1/documents/zqcanaryquestion") as answer:
    assert answer.status_code == 500
thread = threading.Thread(target=fails)
thread.start()
thread.join()
logging.getLogger("waitress").error("Exception while serving %s" % "/zqcanaryquestion")
logging.getLogger("waitress").warning('Malformed proxy header "%s": %s', "Forwarded", "zqcanaryquestion")
logging.getLogger("waitress").warning("%d thread(s) still running", 3)
logging.getLogger("other").warning("of %(a)s", {"a": "zqcanaryquestion"})
logging.getLogger("qa").info("zqcanaryquestion")
warnings.warn("zqcanaryquestion")
fails()
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_error_nobody_foresaw_is_told_by_its_kind_and_place_and_not_by_its_words(
    python: Callable[..., Any], form: str
) -> None:
    ended = python(UNFORESEEN, form)
    assert ended.code == 1
    assert "zqcanaryquestion" not in ended.stderr
    for said in (
        "KeyError",
        "ValueError",
        "in fails",
        "Exception while serving",
        "3 thread(s)",
        "UserWarning at",
        "/v1/search",
    ):
        assert said in ended.stderr
    if form == "json":
        entries = [json.loads(line) for line in ended.stderr.splitlines()]
        assert sum("error" in entry for entry in entries) == 5
        assert entries[0]["request_id"] == entries[1]["request_id"]


def test_control_characters_are_escaped(python: Callable[..., Any]) -> None:
    program = r"""
import logging
from qa.operate import logs
logs.configure("text")
logging.getLogger("qa").warning("who\x1b[2J\x9b2J\r\n12:00:00 GET /fine 200\u2028?")
"""
    (line,) = python(program).stderr.splitlines()
    assert line.endswith("warning: who\\x1b[2J\\x9b2J\\x0d\\x0a12:00:00 GET /fine 200\\x2028?")


def test_those_refused_under_load_are_told_together(caplog: pytest.LogCaptureFixture) -> None:
    from qa.web.server.admission import Admission

    admission = Admission()
    log = RefusalLog(admission)
    log.log_new()
    for _ in range(1_000):
        admission.count_refusal()
    log.log_new()
    log.log_new()
    assert [record.message for record in caplog.records] == ["refused 1000 requests: server overloaded"]
