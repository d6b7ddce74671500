"""Follow-up questions use the conversation; questions that stand alone are searched unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from index.ranking.query import PreparedQuery
from index.types import Vector
from qa.answering.question.follow_ups import (
    NOT_IN_THESE_DOCUMENTS,
    FollowUp,
    complete_question,
    read_context,
    resolve_follow_up,
)
from qa.answering.question.turn import Turn
from tests.conftest import Server, StartServer

PASSPORT = "How do I renew a passport?"
GUIDANCE = {
    "passports": (
        "Renewing a passport",
        "You can renew a passport online or at a post office. It costs £82 online for an adult.",
    ),
    "passports-wales": (
        "Renewing a passport in Wales",
        "In Wales you can renew a passport at any post office, in Welsh if you want to.",
    ),
    "dogs": ("Keeping a dog in Wales", "In Wales a dog must have a microchip. A dog licence in Wales costs £20 a year."),
    "bins": (
        "How much garden waste costs",
        "How much does garden waste cost? It costs £40 a year. Bins are emptied every two weeks.",
    ),
}


def user(*texts: str) -> list[Turn]:
    return [Turn("user", text) for text in texts]


@pytest.fixture(scope="module")
def guidance(data_folder: Callable[[], Path], start_server: StartServer) -> Iterator[Server]:
    with start_server(data_folder()) as running:
        for document_id, (title, text) in GUIDANCE.items():
            assert running.finished(running.add(id=document_id, title=title, text=text))["status"] == "done"
        yield running


@pytest.mark.parametrize(
    ("question", "whole"),
    [
        ("And in Wales?", "How do I renew a passport in Wales?"),
        ("in Wales", "How do I renew a passport in Wales?"),
        ("What about for children under 16?", "How do I renew a passport for children under 16?"),
        ("And how much is it?", "And how much is it?"),
        ("In which year is it due?", "In which year is it due?"),
        ("In which countries?", "In which countries?"),
        ("What about Wales?", "What about Wales?"),
    ],
)
def test_phrase_completes_the_previous_question(question: str, whole: str) -> None:
    assert complete_question(question, read_context(user(PASSPORT))) == whole


def test_phrase_replaces_one_with_the_same_preposition() -> None:
    assert (
        complete_question("And in Wales?", read_context(user("How do I renew a passport in England?")))
        == "How do I renew a passport in Wales?"
    )
    assert (
        complete_question("And in Scotland?", read_context(user(PASSPORT, "And in Wales?")))
        == "How do I renew a passport in Scotland?"
    )


def test_phrase_without_a_previous_question_is_unchanged() -> None:
    assert complete_question("And in Wales?", read_context([])) == "And in Wales?"
    assert complete_question("And in Wales?", read_context(user("Hello!"))) == "And in Wales?"


def vector(*components: float) -> Vector:
    return np.array(components, np.float32)


QUESTION, CONTEXT = vector(1, 0, 0), vector(0, 1, 0)


def resolve(question: str, history: list[Turn], nearest: float, suits_context: float = 0.6) -> FollowUp | None:
    """The follow-up of a question after a history. `suits_context`: cosine of its nearest passage with the context."""
    context = read_context(history)
    if context is None:
        return None
    everything = (vector(nearest, suits_context, 0), vector(0, 0.7, 0))
    query = PreparedQuery(question, lambda: QUESTION)
    return resolve_follow_up(
        query, context, nearest, lambda texts: CONTEXT, lambda one: max(float(one @ each) for each in everything)
    )


def context_share(found: FollowUp | None) -> float:
    """The share of the context vector in the query vector."""
    return float(found.query.vector @ CONTEXT) if found else 0.0


@pytest.mark.parametrize(
    ("question", "nearest", "reason"),
    [
        ("How much does it cost?", 0.9, "it points back with “it”"),
        ("And what does the office want to see?", 0.9, "it opens with “And”"),
        ("Opening hours?", 0.9, "it has few words of its own"),
        ("Which is cheaper for an adult today?", 0.9, "it opens with “Which”"),
        ("What photographs does the office accept today?", 0.3, "the documents match it poorly without the conversation"),
    ],
)
def test_uses_the_context_and_gives_the_reason(question: str, nearest: float, reason: str) -> None:
    found = resolve(question, user(PASSPORT), nearest)
    assert found is not None
    assert found.reason == reason
    assert found.question == f"{question} (after “{PASSPORT}”)"


@pytest.mark.parametrize(
    "question",
    [
        "What photographs does the passport office accept?",
        "Which photographs does the office accept today?",
        "Who was Robert?",
        "In which year was season one shown?",
    ],
)
def test_question_that_stands_alone_is_no_follow_up(question: str) -> None:
    assert resolve(question, user(PASSPORT), 0.7) is None


def test_no_context_without_earlier_questions() -> None:
    assert resolve("How much does it cost?", [], 0.3) is None
    assert resolve("How much does it cost?", user("Hello", "Thanks!"), 0.3) is None


def test_lower_similarity_gives_the_context_more_weight() -> None:
    shares = [
        context_share(resolve("What photographs does the office accept?", user(PASSPORT), near))
        for near in (0.57, 0.53, 0.48, 0.45)
    ]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[1] < shares[2] == shares[3]


def test_change_of_topic_ignores_the_context() -> None:
    question, pointing_back = "What photographs does the office accept?", "What photographs does it accept?"
    assert resolve(question, user(PASSPORT), 0.4, 0.0) is None
    assert resolve(question, user(PASSPORT), 0.4, 0.1) is None
    assert context_share(resolve(question, user(PASSPORT), 0.4, 0.3)) > 0
    assert context_share(resolve(pointing_back, user(PASSPORT), 0.4, 0.1)) > 0
    assert resolve(pointing_back, user(PASSPORT), 0.4, -0.1) is None


def test_context_is_the_last_questions_and_the_start_of_the_last_reply() -> None:
    earlier = [f"What is the fee for {number} visas?" for number in range(6)]
    context = read_context([*user(*earlier, PASSPORT), Turn("assistant", "word " * 50), *user("Thanks!")])
    assert context is not None
    assert context.earlier == earlier[-4:]
    assert context.questions == f"{earlier[-1]} {PASSPORT}"
    assert context.last_exchange == f"{PASSPORT} {('word ' * 30).strip()}"


def test_reads_only_the_end_of_a_long_conversation() -> None:
    context = read_context(user(PASSPORT, *["Thanks!"] * 40))
    assert context is None


def test_context_ignores_refusals_and_small_talk() -> None:
    history = [
        *user(PASSPORT),
        Turn("assistant", f"{NOT_IN_THESE_DOCUMENTS} The nearest passages are about bins."),
        *user("Thanks!"),
        Turn("assistant", "You are welcome."),
    ]
    context = read_context(history)
    assert context is not None
    assert (context.last_exchange, context.earlier) == (PASSPORT, [])


def test_follow_up_ranks_like_the_complete_question(guidance: Server) -> None:
    history = [
        {"role": "user", "content": PASSPORT},
        {"role": "assistant", "content": "“You can renew a passport online.” [1]"},
    ]
    alone = guidance.search("And in Wales?")
    assert alone["rewritten_query"] is None
    found = guidance.search("And in Wales?", history=history)
    whole = guidance.search("How do I renew a passport in Wales?")
    assert found["results"][0]["document"]["id"] == "passports-wales"
    assert (found["query"], found["rewritten_query"]) == ("And in Wales?", "How do I renew a passport in Wales?")
    assert found["rewrite_reason"] == "it completes the previous question"
    assert [result["id"] for result in found["results"]] == [result["id"] for result in whole["results"]]


def test_pronoun_finds_the_topic_of_the_conversation(guidance: Server) -> None:
    history = [
        {"role": "user", "content": PASSPORT},
        {"role": "assistant", "content": "“You can renew a passport online.” [1]"},
    ]
    assert guidance.search("How much does it cost?")["results"][0]["document"]["id"] != "passports"
    found = guidance.search("How much does it cost?", history=history)
    assert found["results"][0]["document"]["id"] == "passports"
    assert "82" in found["results"][0]["text"]
    assert found["rewritten_query"] == f"How much does it cost? (after “{PASSPORT}”)"


def test_history_does_not_change_a_question_that_stands_alone(guidance: Server) -> None:
    question = "How much does garden waste cost a year?"
    history = [
        {"role": "user", "content": PASSPORT},
        {"role": "assistant", "content": "“You can renew a passport online.” [1]"},
    ]
    alone, after = guidance.search(question), guidance.search(question, history=history)
    for answer in (alone, after):
        del answer["took_ms"]
    assert after == alone


def test_filter_applies_to_follow_ups(guidance: Server) -> None:
    history = [{"role": "user", "content": PASSPORT}]
    only = {"type": "eq", "key": "id", "value": "dogs"}
    found = guidance.search("And in Wales?", history=history, filter=only)
    assert {result["document"]["id"] for result in found["results"]} == {"dogs"}


@pytest.mark.parametrize(
    ("history", "field"),
    [
        ([{"role": "system", "content": "x"}], "history.0.role"),
        ([{"role": "user"}], "history.0.content"),
        ([{"role": "user", "content": "x", "name": "y"}], "history.0.name"),
        ([{"role": "user", "content": "a\0b"}], "history.0.content"),
        ("And?", "history"),
        ([{"role": "user", "content": "x"}] * 2_001, "history"),
    ],
)
def test_rejects_an_invalid_history_by_field(guidance: Server, history: object, field: str) -> None:
    refused = guidance.post("/v1/search", json.dumps({"query": "And?", "history": history}).encode())
    assert refused.status == 422
    assert refused.json()["errors"][0]["field"] == field
