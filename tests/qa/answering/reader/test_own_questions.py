"""The questions that train the reading model are complete, and verbatim in their pages."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from benchmarks.quality.dev_sets import DATA
from benchmarks.reader.check import KINDS, judged_pages, normalize, problems
from benchmarks.reader.own import QUESTIONS

FIELDS = {"id", "kind", "corpus", "document", "question", "evidence", "answer"}
OPTIONAL = {"also", "polarity", "lead_in", "near_page"}


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(QUESTIONS.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]


def test_every_question_is_complete(questions: list[dict[str, Any]]) -> None:
    assert len(questions) > 1500
    assert set(Counter(question["id"] for question in questions).values()) == {1}
    for question in questions:
        assert question.keys() >= FIELDS, question["id"]
        assert question.keys() <= FIELDS | OPTIONAL, question["id"]
        assert question["kind"] in KINDS
        assert (question["document"] is None) == (question["kind"] == "near_miss")
        for part in (question["answer"] or "").split("\n"):
            assert normalize(part) in normalize(question["evidence"] or ""), question["id"]


@pytest.mark.long
@pytest.mark.skipif(not (DATA / "govuk").is_dir(), reason="the pages are not at hand")
def test_every_question_is_verbatim_in_a_page_that_judges_nothing(questions: list[dict[str, Any]]) -> None:
    pages = judged_pages()
    assert {question["id"]: found for question in questions if (found := list(problems(question, pages)))} == {}
