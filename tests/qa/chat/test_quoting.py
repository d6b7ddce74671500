"""Replies made of quotes over HTTP: every answer is cited, labelled by its own confidence, and shown with its lead-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.qa.web import prepared_answers as prepared


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder: Path = tmp_path_factory.mktemp("prepared")
    return prepared.prepared_app(folder)


def reply(app: Flask, question: str) -> tuple[str, list[dict[str, Any]]]:
    """The text and the annotations."""
    body = {"model": "quotable", "messages": [{"role": "user", "content": question}]}
    message = app.test_client().post("/v1/chat/completions", json=body).get_json()["choices"][0]["message"]
    return message["content"], message["annotations"]


def test_cites_every_answer_and_labels_it_by_its_confidence(app: Flask) -> None:
    text, annotations = reply(app, prepared.SEVERAL)
    shown, sources = text.split("\n\nSources:\n")
    assert shown.split("\n\n") == [
        f"“{prepared.SENTENCE}” [1]",
        "Closest found:",
        "Age | Amount | Paid\n“66 to 79 | £200 | in November” [2]",
        "You can apply if you:\n“- live in England & Wales\n  all year” [3]",
    ]
    assert [line.partition(" ")[0] for line in sources.splitlines()] == ["[1]", "[2]", "[3]"]
    assert [annotation["number"] for annotation in annotations] == [1, 2, 3]
    for annotation in annotations:
        place = annotation["url_citation"]
        assert text[place["start_index"] : place["end_index"]] == annotation["quote"]
        assert prepared.TEXT[annotation["start"] : annotation["end"]] == annotation["quote"]


def test_a_cut_list_says_how_many_items_follow(app: Flask) -> None:
    text, _ = reply(app, prepared.CUT)
    assert "all year” [1] and 7 more\n\nSources:" in text


def test_a_refusal_names_what_the_documents_do_not_mention(app: Flask) -> None:
    text, _ = reply(app, prepared.MISSING)
    assert text.startswith(
        "Not in these documents. These documents say nothing about Germany or <i>1999</i>. The nearest passages"
    )
