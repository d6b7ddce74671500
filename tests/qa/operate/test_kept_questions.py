"""Kept questions and `qa gaps`: kept only with consent, grouped by meaning, and closed when documents answer them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qa.operate.question_log import Outcome, QuestionLog
from qa.state_files import FolderJournal
from tests.conftest import MakeFolder, Response, RunProcess, Server, StartServer

FOREIGN = "What is the capital of France?"
ANSWERED = "Who signed the memorandum?"
HEALTH = ("Asked without a good answer", "Asked most", "Documents in no answer")


def kept(server: Server) -> list[Any]:
    file = server.data / "questions.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def feedback(server: Server, **fields: Any) -> Response:
    given = {"query": ANSWERED, "helped": True, "generation": 1, "results": ["p1"]} | fields
    return server.post("/v1/feedback", json.dumps(given).encode())


@pytest.fixture(scope="module")
def keeping(data_folder: MakeFolder, start_server: StartServer) -> Iterator[Server]:
    """A server with keep_questions and feedback."""
    with start_server(data_folder(), QA_KEEP_QUESTIONS="true", QA_FEEDBACK="true") as running:
        yield running
        assert "Traceback" not in running.log, running.log


def test_keeps_nothing_by_default(server: Server, qa: RunProcess) -> None:
    server.search(FOREIGN)
    server.get("/?q=nobody+knows+this")
    assert feedback(server).status == 403
    form = server.post("/feedback", b"query=a&helped=yes&generation=1&results=p1", "application/x-www-form-urlencoded")
    assert form.status == 403
    assert not (server.data / "questions.jsonl").exists()
    assert "QA_KEEP_QUESTIONS" in qa("--data", server.data, "gaps").stderr


def test_keeps_questions_without_an_answer_from_every_interface(keeping: Server) -> None:
    before = len(kept(keeping))
    found = keeping.search(FOREIGN)
    keeping.get("/v1/search?q=How+tall+is+Mount+Everest")
    keeping.get("/?q=Who+won+the+cup+in+1966")
    entries = kept(keeping)[before:]
    assert [entry["question"] for entry in entries] == [FOREIGN, "How tall is Mount Everest", "Who won the cup in 1966"]
    assert {entry["outcome"] for entry in entries} == {"unanswered"}
    assert entries[0]["results"] == [result["id"] for result in found["results"]]
    assert entries[0]["generation"] == found["generation"]


def test_keeps_answered_questions_with_their_documents_but_no_incomplete_ones(keeping: Server) -> None:
    before = len(kept(keeping))
    found = keeping.search(ANSWERED)
    assert not keeping.search("What is the capital of Fr", typing=True)["answerable"]
    (entry,) = kept(keeping)[before:]
    assert (entry["question"], entry["outcome"]) == (ANSWERED, "answered" if found["confidence"] >= 0.8 else "uncertain")
    assert entry["documents"] == [answer["document"]["id"] for answer in found["answers"]]
    assert entry["documents"]


def test_keeps_feedback_with_the_question_and_its_results(keeping: Server) -> None:
    assert feedback(keeping, helped=False, generation=3, results=["p4", "p2"]).status == 204
    entry = kept(keeping)[-1]
    assert (entry["question"], entry["outcome"]) == (ANSWERED, "did_not_help")
    assert (entry["generation"], entry["results"]) == (3, ["p4", "p2"])
    body = b"query=Who+signed+the+memorandum%3F&helped=yes&generation=3&results=p4+p2"
    assert keeping.post("/feedback", body, "application/x-www-form-urlencoded").status == 200
    assert kept(keeping)[-1]["outcome"] == "helped"


@pytest.mark.parametrize(
    "fields",
    [
        {"query": ""},
        {"query": "x" * 2001},
        {"helped": "yes"},
        {"generation": -1},
        {"results": ["1"]},
        {"results": ["p1"] * 101},
        {"results": "p1"},
        {"who": "me"},
    ],
    ids=str,
)
def test_rejects_invalid_feedback(keeping: Server, fields: Any) -> None:
    before = kept(keeping)
    assert feedback(keeping, **fields).status == 422
    assert kept(keeping) == before


@pytest.mark.parametrize("body", [b"", b"query=a", b"query=a&helped=maybe&generation=1", b"query=a&helped=yes&generation=x"])
def test_rejects_an_invalid_feedback_form(keeping: Server, body: bytes) -> None:
    assert keeping.post("/feedback", body, "application/x-www-form-urlencoded").status == 422


def test_gaps_are_grouped_by_meaning_and_close_when_documents_answer(
    data_folder: MakeFolder, start_server: StartServer, qa: RunProcess
) -> None:
    asked = [
        "When is garden waste collected?",
        "which day do they pick up the garden waste",
        "when is garden waste collected",
        "How much is a parking permit?",
        "what does a permit to park cost",
        "How do I register a death?",
    ]
    with start_server(data_folder(), QA_KEEP_QUESTIONS="true", QA_FEEDBACK="true") as running:
        for question in asked:
            assert not running.search(question)["answerable"]
        feedback(running, query="How do I register a death?", helped=False)
        feedback(running, query="Who is Peter Kyle?", helped=False)
        feedback(running, query="Who is Sam Altman?", helped=True)
        shown = [json.loads(line) for line in qa("--data", running.data, "gaps", "--json").stdout.splitlines()]
        assert [(gap["times"], gap["questions"][0]["question"]) for gap in shown] == [
            (3, "when is garden waste collected"),
            (2, "How do I register a death?"),
            (2, "How much is a parking permit?"),
            (1, "Who is Peter Kyle?"),
        ]
        text = qa("--data", running.data, "gaps", "--limit", "1").stdout
        assert "garden waste" in text
        assert "parking" not in text
        job = running.add(title="Garden waste", text="Garden waste is collected on the first Tuesday of every month.")
        assert running.finished(job)["status"] == "done"
        after = qa("--data", running.data, "gaps").stdout
        assert "garden waste" not in after
        assert "parking permit" in after


def test_the_health_page_and_qa_gaps_count_the_same_questions(
    data_folder: MakeFolder, start_server: StartServer, qa: RunProcess
) -> None:
    folder = data_folder()
    log = QuestionLog(FolderJournal(folder / "questions.jsonl"))
    for outcome, question in (
        (Outcome.UNANSWERED, FOREIGN),
        (Outcome.UNANSWERED, FOREIGN.lower()),
        (Outcome.UNCERTAIN, "Who built the lighthouse?"),
        (Outcome.DID_NOT_HELP, "Who built the lighthouse?"),
        (Outcome.UNCERTAIN, "Who signed it?"),
        (Outcome.HELPED, "Who signed it?"),
        (Outcome.UNCERTAIN, "How tall is the tower?"),
        (Outcome.ANSWERED, "How tall is the tower?"),
    ):
        log.record(outcome, question, 1, [], ["quoted"] if outcome is Outcome.ANSWERED else [])
    with start_server(folder, QA_KEEP_QUESTIONS="true", QA_FEEDBACK="true") as running:
        for document in ("quoted", "forgotten"):
            assert running.finished(running.add(id=document, title=f"The {document} one", text="Words."))["status"] == "done"
        page = running.get("/manage/health").text
        shown = [json.loads(line) for line in qa("--data", folder, "gaps", "--json").stdout.splitlines()]
    gaps, most_asked, unquoted = (re.split("<h2>", page.partition(f"<h2>{title}</h2>")[2])[0] for title in HEALTH)
    assert [re.sub("<.*?>", "", item).strip() for item in re.findall("<li>(.*?)</li>", gaps)] == [
        "Who built the lighthouse? 1 with an uncertain answer, 1 with an answer that did not help",
        "what is the capital of france? 2 without an answer",
    ]
    assert {one["question"]: one["times"] for gap in shown for one in gap["questions"]} == {
        "Who built the lighthouse?": 2,
        FOREIGN.lower(): 2,
    }
    assert "How tall is the tower?" in most_asked
    assert "The forgotten one" in unquoted
    assert "The quoted one" not in unquoted


def test_an_incomplete_line_affects_no_other(tmp_path: Path) -> None:
    log = QuestionLog(FolderJournal(tmp_path / "questions.jsonl"))
    log.record(Outcome.UNANSWERED, "first", 1, ["p1"])
    with (tmp_path / "questions.jsonl").open("ab") as file:
        file.write(b'{"format": 1, "question": "half')
    log.record(Outcome.UNANSWERED, "second \N{CAT FACE}\n", 2, [])
    with (tmp_path / "questions.jsonl").open("ab") as file:
        file.write(b'\xff\n[]\n{"format": 2, "question": "from a later version"}\n')
    assert [entry.question for entry in log.entries()] == ["first", "second \N{CAT FACE}\n"]


def test_a_missing_folder_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = QuestionLog(FolderJournal(tmp_path / "not" / "there.jsonl"))
    log.record(Outcome.UNANSWERED, "first", 1, [])
    log.record(Outcome.UNANSWERED, "second", 1, [])
    assert len(caplog.records) == 1
    assert list(log.entries()) == []
