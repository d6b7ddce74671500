"""Forty questions about the press release, some in other words and some misspelt, and twenty that it does not answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent.parent.parent / "data"
QUESTIONS: list[dict[str, str]] = json.loads((DATA / "press_release_questions.json").read_text("utf-8"))
OFF_TOPIC: list[str] = json.loads((DATA / "off_topic_questions.json").read_text("utf-8"))
# Of the forty: nine in ten first, all within three.
FIRST, WITHIN_THREE = 36, 40


@pytest.fixture(scope="module")
def ranks(server: Any) -> dict[str, int]:
    """The place of the first passage that holds the answer, from 1; 0 where it is not among the first twenty."""
    found = {}
    for asked in QUESTIONS:
        texts = [result["text"] for result in server.search(asked["question"], limit=20)["results"]]
        found[asked["question"]] = next((place for place, text in enumerate(texts, 1) if asked["answer"] in text), 0)
    return found


def test_there_are_forty_questions_and_the_text_holds_every_answer(press_release_text: str) -> None:
    assert len({asked["question"] for asked in QUESTIONS}) == 40
    assert [asked["answer"] for asked in QUESTIONS if asked["answer"] not in press_release_text] == []


def test_the_right_passage_comes_first_for_nine_questions_in_ten(ranks: dict[str, int]) -> None:
    others = {question: rank for question, rank in ranks.items() if rank != 1}
    assert len(ranks) - len(others) >= FIRST, others


def test_the_right_passage_is_among_the_first_three_for_every_question(ranks: dict[str, int]) -> None:
    others = {question: rank for question, rank in ranks.items() if rank not in {1, 2, 3}}
    assert len(ranks) - len(others) >= WITHIN_THREE, others


def test_the_question_of_the_readme_is_answered_with_the_signers(server: Any) -> None:
    found = server.search("Who signed the memorandum")
    assert found["answerable"]
    assert "Sam Altman" in found["answer"]["text"]
    assert "Peter Kyle" in found["answer"]["text"]
    assert found["answer"]["passage_id"] == found["results"][0]["id"]


@pytest.mark.parametrize("question", OFF_TOPIC)
def test_a_question_about_something_else_is_not_answered(server: Any, question: str) -> None:
    found = server.search(question)
    assert found["answerable"] is False, found["confidence"]
    assert found["answer"] is None
