"""Example questions: the setting's, else those of the press release. Showing them asks nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from unittest.mock import create_autospec

import pytest

from index.embedded.engine import EmbeddedEngine
from index.types import DamagedRow
from qa.settings.collections import CollectionSettings
from qa.settings.settings import Settings
from qa.web.pages.example_questions import PRESS_RELEASE_QUESTIONS, example_questions
from qa.web.server.warm_up import QUESTIONS
from tests.conftest import Server, StartServer
from tests.waiting import wait_for

CACHE_MISSES = 'quotable_cache_lookups_total{cache="questions",result="miss"}'


def examples(server: Server) -> list[str]:
    return [unescape(words) for words in re.findall(r"data-example[^>]*>([^<]*)<", server.get("/").text)]


def question_figures(server: Server) -> list[str]:
    """The metrics that a question moves."""
    stages = tuple(f'quotable_stage_duration_seconds_count{{stage="{stage}"}}' for stage in ("embed", "rank", "quote"))
    names = ("quotable_questions_total", "quotable_cache_lookups_total", *stages)
    return [line for line in server.get("/metrics").text.splitlines() if line.startswith(names)]


def test_the_search_page_asks_no_question(data_folder: Callable[[], Path], start_server: StartServer) -> None:
    with start_server(data_folder()) as running:
        # Each process asks questions before it is ready, and publishes their number a few seconds later.
        misses = f"{CACHE_MISSES} {len(QUESTIONS) * int(os.environ.get('QA_TEST_WORKERS', '1'))}.0"
        wait_for(lambda: misses in question_figures(running))
        before = question_figures(running)
        assert len(before) >= 5
        assert examples(running) == list(PRESS_RELEASE_QUESTIONS)
        # A request is counted a moment after its answer.
        wait_for(lambda: 'quotable_requests_total{method="GET",route="/",status="200"} 1.0' in running.get("/metrics").text)
        assert question_figures(running) == before


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        ("Who signed the memorandum of understanding?", "Sam Altman and the UK Secretary of State"),
        ("When did OpenAI open its London office?", "opened in London in 2023"),
        ("What has the UK Government built with OpenAI’s API?", "an AI chatbot using our API"),
        ("How could AI help civil servants?", "to help civil servants work more efficiently"),
    ],
)
def test_the_press_release_answers_its_examples(server: Server, question: str, quote: str) -> None:
    assert question in PRESS_RELEASE_QUESTIONS
    answer = server.search(question)
    assert answer["confidence"] >= 0.8
    assert quote in answer["answer"]["text"]


def test_without_the_press_release_there_are_no_examples(data_folder: Callable[[], Path], start_server: StartServer) -> None:
    with start_server(data_folder()) as running:
        running.request("DELETE", "/v1/documents/press-release")
        running.finished(running.add(id="press-release", title="Ours", text="We are pleased to announce a new product."))
        assert examples(running) == []


@pytest.mark.parametrize(("value", "shown"), [("How do I renew my passport?,What does it cost?", 2), ("", 0)])
def test_the_setting_replaces_the_examples(
    data_folder: Callable[[], Path], start_server: StartServer, value: str, shown: int
) -> None:
    with start_server(data_folder(), QA_EXAMPLE_QUESTIONS=value) as running:
        assert len(examples(running)) == shown
        assert ",".join(examples(running)) == value


def test_damaged_press_release_leaves_the_page_without_examples() -> None:
    engine = create_autospec(EmbeddedEngine, instance=True)
    engine.document.side_effect = DamagedRow("the stored document 1 is damaged")
    assert example_questions(Settings(), engine, CollectionSettings()) == ()
