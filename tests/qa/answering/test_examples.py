"""Example questions: drawn from the documents, answered by them, the same each time, and never of a document that is gone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

TITLES = [
    "Renew your library card",
    "Apply for a parking permit",
    "Report a broken street light",
    "Book a tennis court",
    "Register a death",
    "Pay your council tax",
]


def examples(server: Any) -> list[str]:
    return [unescape(words) for words in re.findall(r"data-example[^>]*>([^<]*)<", server.get("/").text)]


def test_examples_of_the_press_release_are_answered_by_it(server: Any) -> None:
    found = examples(server)
    assert 2 <= len(found) == len(set(found))
    for question in found:
        answer = server.search(question)
        assert answer["answerable"]
        assert answer["confidence"] >= 0.8
    assert examples(server) == found


def test_names_in_examples_are_whole_words_of_the_text(server: Any, press_release_text: str) -> None:
    about = "What is said about "
    names = [question.removeprefix(about).removesuffix("?") for question in examples(server) if question.startswith(about)]
    assert names
    for name in names:
        assert re.search(rf"\b{re.escape(name)}\b", press_release_text), name


def test_examples_come_from_several_documents_and_leave_with_them(data_folder: Callable[[], Path], start_server: Any) -> None:
    with start_server(data_folder()) as running:
        running.request("DELETE", "/v1/documents/press-release")
        assert examples(running) == []
        texts = {title: f"You can {title.lower()} online. It takes five minutes and costs nothing." for title in TITLES}
        lines = "\n".join(json.dumps({"id": t.lower(), "title": t, "text": text}) for t, text in texts.items())
        assert running.finished(running.upload("services.jsonl", lines.encode()).json()["job"])["documents"] == len(TITLES)
        found = examples(running)
        assert len(found) == 4
        assert found[0] == "How do I renew my library card?"
        running.request("DELETE", "/v1/documents/renew%20your%20library%20card")
        after = examples(running)
        assert len(after) == 4
        assert found[0] not in after
    with start_server(running.data) as again:
        assert examples(again) == after
