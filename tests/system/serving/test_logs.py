"""The log: request ids, a line for each request, and no question, document text or key in it."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from qa.operate.keys import Role, create_key, revoke_key
from qa.state_files import FolderFiles
from qa.web.server.admission import Admission
from qa.web.telemetry.request_log import RefusalLog
from tests.conftest import PATIENCE, RunProcess, Server, StartServer
from tests.waiting import wait_for

QUESTION = "zqcanaryquestion"
DOCUMENT = "zqcanarydocument"
STORED = re.compile(
    r"store\.sqlite|generations/|audit\.jsonl|curation\.toml|sources(-pages)?\.json"
)  # documents, their indexes, who changed them, rules, and where they come from


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    return {"unknown": "qtb_00000000_zqcanarykey" + "x" * 31}


@pytest.fixture(scope="module", params=["json", "text"])
def queried(
    request: pytest.FixtureRequest, data_folder: Callable[[], Path], start_server: StartServer, secrets: dict[str, str]
) -> Iterator[Server]:
    """A server that needs keys, after requests with a question, a document or a key in every possible place."""
    folder = data_folder()
    secrets |= {name: create_key(FolderFiles(folder), name, Role.WRITE) for name in ("valid", "revoked")}
    revoke_key(FolderFiles(folder), "revoked")
    with start_server(folder, QA_REQUIRE_KEY="1", QA_LOG_FORMAT=request.param) as running:
        send_canaries(running, secrets)
        yield running


def send_canaries(server: Server, secrets: dict[str, str]) -> None:
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
        with socket.create_connection((server.host, server.port), timeout=PATIENCE) as connection:
            connection.sendall(malformed.encode())
            assert b" 400 " in connection.recv(65536)
    with socket.create_connection((server.host, server.port), timeout=PATIENCE) as gone:
        head = f"GET /v1/search?q={QUESTION} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer['Authorization']}\r\n\r\n"
        gone.sendall(head.encode() * 20)  # and never read the answers
    while server.request("GET", job.headers["Location"], headers=bearer).json()["finished"] is None:
        time.sleep(0.05)


def test_no_canary_is_in_the_log_or_in_unexpected_files(queried: Server, secrets: dict[str, str]) -> None:
    queried.stop()  # flushes all files
    written = {str(path.relative_to(queried.data)): path.read_bytes() for path in queried.data.rglob("*") if path.is_file()}
    assert "keys-used.json" in written
    assert DOCUMENT.encode() in b"".join(written.values())
    hidden = [secret.rpartition("_")[2] if secret.count("_") == 2 else secret for secret in secrets.values()]
    assert len(queried.log.splitlines()) > 40
    for text in (QUESTION, QUESTION.upper(), DOCUMENT, *hidden):
        assert text not in queried.log
    for name, contents in written.items():
        for text in (QUESTION, *hidden, *(() if STORED.match(name) else (DOCUMENT,))):
            assert text.encode() not in contents, f"{text} in {name}"


@pytest.fixture(scope="module")
def json_server(data_folder: Callable[[], Path], start_server: StartServer) -> Iterator[Server]:
    with start_server(data_folder(), QA_LOG_FORMAT="json") as running:
        yield running


def log_entry(server: Server, request_id: str) -> Any:
    """The log entry of a request, which is written a moment after the answer."""

    def find() -> Any:
        entries = map(json.loads, server.log.splitlines())
        return next((entry for entry in entries if entry.get("request_id") == request_id), None)

    return wait_for(find)


def test_logs_route_status_and_stages(json_server: Server) -> None:
    answer = json_server.get("/v1/search?q=Who+signed+the+memorandum")
    entry = log_entry(json_server, answer.headers["X-Request-Id"])
    assert (entry["level"], entry["method"], entry["route"], entry["status"]) == ("info", "GET", "/v1/search", 200)
    assert entry["key"] == "this machine"
    assert entry["answerable"] is True
    assert list(entry["stages_ms"]) == ["queue", "request", "embed", "rank", "quote", "response"]
    assert sum(entry["stages_ms"].values()) == pytest.approx(entry["duration_ms"], abs=0.01)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", entry["time"])


def test_logs_a_streamed_answer_when_it_is_complete(json_server: Server) -> None:
    body = {"messages": [{"role": "user", "content": "Who signed the memorandum?"}], "stream": True}
    answer = json_server.post("/v1/chat/completions", json.dumps(body).encode())
    entry = log_entry(json_server, answer.headers["X-Request-Id"])
    assert (entry["route"], entry["status"], entry["answerable"]) == ("/v1/chat/completions", 200, True)


@pytest.mark.parametrize("sent", ["0af7651916cd43dd8448eb211c80319c", "a-1.B_2:c=/+", "x" * 128])
def test_keeps_a_well_formed_request_id(json_server: Server, sent: str) -> None:
    answer = json_server.request("GET", "/nothing", headers={"X-Request-Id": sent})
    assert answer.headers["X-Request-Id"] == sent
    assert answer.json()["request_id"] == sent
    assert log_entry(json_server, sent)["status"] == 404


@pytest.mark.parametrize("sent", ["", "two words", "x" * 129, 'quote"', "é"])
def test_replaces_a_malformed_request_id(json_server: Server, sent: str) -> None:
    answer = json_server.request("GET", "/nothing", headers={"X-Request-Id": sent.encode().decode("latin-1")})
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-Id"])
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_malformed_http_has_a_request_id_and_a_line(json_server: Server) -> None:
    with socket.create_connection((json_server.host, json_server.port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET\r\n\r\n")
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    found = re.search(rb"(?i)x-request-id: (\w+)", head)
    assert found
    assert json.loads(body)["request_id"] == found[1].decode()
    assert log_entry(json_server, found[1].decode())["status"] == 400


def test_every_line_is_a_json_object(
    data_folder: Callable[[], Path], start_server: StartServer, qa: RunProcess, qa_path: Path
) -> None:
    with start_server(data_folder(), command=(qa_path,), QA_LOG_FORMAT="json") as running:
        refused = qa("--data", running.data, "serve", "--port", running.port, QA_LOG_FORMAT="json")
        health = running.get("/healthz")
        running.stop()
        entries = [json.loads(line) for line in running.log.splitlines()]
    assert any("press release" in entry["message"] for entry in entries)
    assert not any(entry.get("request_id") == health.headers["X-Request-Id"] for entry in entries)  # a probe
    (entry,) = [json.loads(line) for line in refused.stderr.splitlines()]
    assert (refused.code, entry["level"]) == (1, "critical")


def test_log_requests_off(data_folder: Callable[[], Path], start_server: StartServer) -> None:
    with start_server(data_folder(), QA_LOG_REQUESTS="0") as running:
        assert running.search("who")["results"]
        running.stop()
        assert "/v1/search" not in running.log


UNEXPECTED_ERRORS = """
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
unfinished.after_request(lambda response: fails())  # an error after the answer
with unfinished.test_client().get("/v1/documents/zqcanaryquestion") as answer:
    assert answer.status_code == 500
thread = threading.Thread(target=fails)
thread.start()
thread.join()
logging.getLogger("uvicorn.error").warning('Malformed header "%s": %s', "Forwarded", "zqcanaryquestion")
logging.getLogger("uvicorn.error").warning("Cancel %d running task(s)", 3)
logging.getLogger("other").warning("of %(a)s", {"a": "zqcanaryquestion"})
logging.getLogger("qa").info("zqcanaryquestion")
warnings.warn("zqcanaryquestion")
fails()
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_logs_unexpected_errors_by_type_and_place_without_their_message(python: RunProcess, form: str) -> None:
    ended = python(UNEXPECTED_ERRORS, form)
    assert ended.code == 1
    assert "zqcanaryquestion" not in ended.stderr
    for expected in (
        "KeyError",
        "ValueError",
        "in fails",
        "Malformed header",
        "Cancel 3 running",
        "UserWarning at",
        "/v1/search",
    ):
        assert expected in ended.stderr
    if form == "json":
        entries = [json.loads(line) for line in ended.stderr.splitlines()]
        assert sum("error" in entry for entry in entries) == 5
        assert entries[0]["request_id"] == entries[1]["request_id"]


def test_control_characters_are_escaped(python: RunProcess) -> None:
    program = r"""
import logging
from qa.operate import logs
logs.configure("text")
logging.getLogger("qa").warning("who\x1b[2J\x9b2J\r\n12:00:00 GET /fine 200\u2028?")
"""
    (line,) = python(program).stderr.splitlines()
    assert line.endswith("warning: who\\x1b[2J\\x9b2J\\x0d\\x0a12:00:00 GET /fine 200\\x2028?")


def test_logs_refusals_as_one_number(caplog: pytest.LogCaptureFixture) -> None:
    admission = Admission()
    log = RefusalLog(admission)
    log.log_new()
    for _ in range(1_000):
        admission.count_refusal()
    log.log_new()
    log.log_new()
    assert [record.message for record in caplog.records] == ["refused 1000 requests: server overloaded"]
