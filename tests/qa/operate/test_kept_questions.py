"""Questions that are kept, and `qa gaps`: nothing without consent, nothing unfinished, one line a meaning, and gone once answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qa.operate.question_log import Outcome, QuestionLog

FOREIGN = "What is the capital of France?"
ANSWERED = "Who signed the memorandum?"


def kept(server: Any) -> list[Any]:
    file = server.data / "questions.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def feedback(server: Any, **fields: Any) -> Any:
    given = {"query": ANSWERED, "helped": True, "generation": 1, "results": ["p1"]} | fields
    return server.post("/v1/feedback", json.dumps(given).encode())


@pytest.fixture(scope="module")
def keeping(data_folder: Callable[[], Path], start_server: Any) -> Iterator[Any]:
    """A server whose operator agreed to keep questions and feedback."""
    with start_server(data_folder(), QA_KEEP_QUESTIONS="true", QA_FEEDBACK="true") as running:
        yield running
        assert "Traceback" not in running.log, running.log


def test_nothing_is_kept_unless_the_operator_says_so(server: Any, qa: Any) -> None:
    server.search(FOREIGN)
    server.get("/?q=nobody+knows+this")
    assert feedback(server).status == 403
    form = server.post("/feedback", b"query=a&helped=yes&generation=1&results=p1", "application/x-www-form-urlencoded")
    assert form.status == 403
    assert not (server.data / "questions.jsonl").exists()
    assert "QA_KEEP_QUESTIONS" in qa("--data", server.data, "gaps").stderr


def test_a_question_without_an_answer_is_kept_however_it_was_asked(keeping: Any) -> None:
    before = len(kept(keeping))
    found = keeping.search(FOREIGN)
    keeping.get("/v1/search?q=How+tall+is+Mount+Everest")
    keeping.get("/?q=Who+won+the+cup+in+1966")
    entries = kept(keeping)[before:]
    assert [entry["question"] for entry in entries] == [FOREIGN, "How tall is Mount Everest", "Who won the cup in 1966"]
    assert {entry["outcome"] for entry in entries} == {"unanswered"}
    assert entries[0]["results"] == [result["id"] for result in found["results"]]
    assert entries[0]["generation"] == found["generation"]


def test_neither_answered_nor_unfinished_questions_are_kept(keeping: Any) -> None:
    before = kept(keeping)
    assert keeping.search(ANSWERED)["answerable"]
    assert not keeping.search("What is the capital of Fr", typing=True)["answerable"]
    assert kept(keeping) == before


def test_what_a_reader_said_is_kept_with_the_question_and_what_was_shown(keeping: Any) -> None:
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
def test_feedback_that_says_nothing_is_refused(keeping: Any, fields: Any) -> None:
    before = kept(keeping)
    assert feedback(keeping, **fields).status == 422
    assert kept(keeping) == before


@pytest.mark.parametrize("body", [b"", b"query=a", b"query=a&helped=maybe&generation=1", b"query=a&helped=yes&generation=x"])
def test_a_form_that_says_nothing_is_refused(keeping: Any, body: bytes) -> None:
    assert keeping.post("/feedback", body, "application/x-www-form-urlencoded").status == 422


def test_gaps_are_grouped_by_meaning_the_commonest_first_and_close_when_documents_answer(
    data_folder: Callable[[], Path], start_server: Any, qa: Any
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


def test_a_line_that_a_crash_left_unfinished_harms_no_other(tmp_path: Path) -> None:
    log = QuestionLog(tmp_path)
    log.note(Outcome.UNANSWERED, "first", 1, ["p1"])
    with log.path.open("ab") as file:
        file.write(b'{"format": 1, "question": "half')
    log.note(Outcome.UNANSWERED, "second \N{CAT FACE}\n", 2, [])
    with log.path.open("ab") as file:
        file.write(b'\xff\n[]\n{"format": 2, "question": "from a later version"}\n')
    assert [noted.question for noted in log.noted()] == ["first", "second \N{CAT FACE}\n"]


def test_a_full_or_missing_folder_stops_no_answer(tmp_path: Path, caplog: Any) -> None:
    log = QuestionLog(tmp_path / "not" / "there")
    log.note(Outcome.UNANSWERED, "first", 1, [])
    log.note(Outcome.UNANSWERED, "second", 1, [])
    assert len(caplog.records) == 1
    assert list(log.noted()) == []
