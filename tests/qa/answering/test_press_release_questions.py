"""Forty questions about the press release, some paraphrased or misspelt, and twenty that it does not answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Server

DATA = Path(__file__).parent.parent.parent / "data"
QUESTIONS: list[dict[str, str]] = json.loads((DATA / "press_release_questions.json").read_text("utf-8"))
OFF_TOPIC: list[str] = json.loads((DATA / "off_topic_questions.json").read_text("utf-8"))
# Of forty questions: nine in ten at rank 1, all within the first three.
FIRST, WITHIN_THREE = 36, 40


@pytest.fixture(scope="module")
def ranks(server: Server) -> dict[str, int]:
    """Question -> rank of the first passage with the answer, 0 if it is not among the first twenty."""
    found = {}
    for asked in QUESTIONS:
        texts = [result["text"] for result in server.search(asked["question"], limit=20)["results"]]
        found[asked["question"]] = next((place for place, text in enumerate(texts, 1) if asked["answer"] in text), 0)
    return found


def test_text_contains_the_answers_of_all_forty_questions(press_release_text: str) -> None:
    assert len({asked["question"] for asked in QUESTIONS}) == 40
    assert [asked["answer"] for asked in QUESTIONS if asked["answer"] not in press_release_text] == []


def test_right_passage_is_first_for_nine_questions_in_ten(ranks: dict[str, int]) -> None:
    others = {question: rank for question, rank in ranks.items() if rank != 1}
    assert len(ranks) - len(others) >= FIRST, others


def test_right_passage_is_among_the_first_three_for_every_question(ranks: dict[str, int]) -> None:
    others = {question: rank for question, rank in ranks.items() if rank not in {1, 2, 3}}
    assert len(ranks) - len(others) >= WITHIN_THREE, others


def test_answers_the_question_of_the_readme(server: Server) -> None:
    found = server.search("Who signed the memorandum")
    assert found["answerable"]
    assert "Sam Altman" in found["answer"]["text"]
    assert "Peter Kyle" in found["answer"]["text"]
    assert found["answer"]["passage_id"] == found["results"][0]["id"]


@pytest.mark.parametrize("question", OFF_TOPIC)
def test_does_not_answer_a_foreign_question(server: Server, question: str) -> None:
    found = server.search(question)
    assert found["answerable"] is False, found["confidence"]
    assert found["answer"] is None
