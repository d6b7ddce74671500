"""Recognising small talk: nothing that may be a question counts as a greeting."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from qa.answering.question.small_talk import MAX_CHARACTERS, SmallTalk, small_talk, strip_courtesies

SHARED = Path(__file__).parents[5] / "shared" / "data"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Hello", SmallTalk.GREETING),
        ("hi there 👋", SmallTalk.GREETING),
        ("Good morning, everyone!", SmallTalk.GREETING),
        ("Buenos días", SmallTalk.GREETING),
        ("How are you today?", SmallTalk.GREETING),
        ("Thanks", SmallTalk.THANKS),
        ("thank you so much!!", SmallTalk.THANKS),
        ("Thanks a lot for all your help.", SmallTalk.THANKS),
        ("OK great, thanks, bye", SmallTalk.THANKS),
        ("Goodbye, see you tomorrow", SmallTalk.FAREWELL),
        ("That's all for now.", SmallTalk.FAREWELL),
        ("Who are you?", SmallTalk.ABOUT_ASSISTANT),
        ("Hi! Are you a real person?", SmallTalk.ABOUT_ASSISTANT),
        ("What can you do?", SmallTalk.ABOUT_ASSISTANT),
        ("can you help me", SmallTalk.ABOUT_ASSISTANT),
        ("what topics do you cover?", SmallTalk.ABOUT_ASSISTANT),
        ("What do you know about?", SmallTalk.ABOUT_ASSISTANT),
        ("No thanks", SmallTalk.THANKS),
        ("I see", SmallTalk.ACKNOWLEDGEMENT),
        ("OK", SmallTalk.ACKNOWLEDGEMENT),
    ],
)
def test_recognises_small_talk(message: str, kind: SmallTalk) -> None:
    assert small_talk(message) is kind


@pytest.mark.parametrize(
    "message",
    [
        "Hello, how do I renew my passport?",
        "Thanks. And in Wales?",
        "Thank you letters",
        "What can you do about noise?",
        "What do you know about noise?",
        "What documents do you have to show?",
        "Can you help me renew my passport?",
        "Who are you allowed to bring?",
        "help with rent",
        "how does this work",
        "What is this?",
        "Good morning Britain",
        "Hi-fi",
        "OK Corral",
        "yes",
        "no",
        "Why?",
        "So what?",
        "And now?",
        "How old are you when you get a pension?",
        "",
        "👍",
        "?",
    ],
)
def test_possible_question_is_not_small_talk(message: str) -> None:
    assert small_talk(message) is None


@pytest.mark.parametrize(
    ("message", "question"),
    [
        ("Hello, how do I renew my passport?", "how do I renew my passport?"),
        ("Hi there! Good morning. Who signed it? Many thanks, bye", "Who signed it?"),
        ("hello what is the notice period?", "what is the notice period?"),
        ("Thanks. And in Wales?", "And in Wales?"),
        ("Great, and how much does it cost?", "and how much does it cost?"),
    ],
)
def test_strips_courtesies_around_a_question(message: str, question: str) -> None:
    assert strip_courtesies(message) == question


@pytest.mark.parametrize(
    "message",
    [
        "Hello, Dolly!",
        "Goodbye, Mr. Chips",
        "Hello Kitty",
        "What can you do, if your landlord refuses?",
        "Hello",
        "Thanks!",
        "",
        "?",
    ],
)
def test_keeps_words_that_may_belong_to_the_question(message: str) -> None:
    assert strip_courtesies(message) == message


def test_long_message_takes_no_time() -> None:
    began = time.process_time()
    for phrase in ("thanks so ", "so very much ", "hi there all ", "really very ", "good "):
        assert small_talk((phrase * MAX_CHARACTERS)[: MAX_CHARACTERS - 2] + "x") is None
    assert time.process_time() - began < 5


def test_none_of_nine_thousand_questions_is_small_talk() -> None:
    if not SHARED.is_dir():
        pytest.skip(f"the question sets are not at {SHARED}")
    paths = [
        *SHARED.glob("retrieval/*/queries.jsonl"),
        SHARED / "retrieval/xquad/en/queries.jsonl",
        SHARED / "govuk/queries.jsonl",
    ]
    records = [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]
    taken = {record["text"] for record in records if small_talk(record["text"])}
    conversational = {record["text"] for record in records if record.get("answerability") == "CONVERSATIONAL"}
    assert len(records) > 9_000
    assert taken == conversational
