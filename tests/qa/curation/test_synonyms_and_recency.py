"""Synonyms, recency, and what they change in an evaluation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from index.ranking.recency import RECENCY
from qa.answering.explanation import why_not
from qa.evaluation.judging import Judge
from qa.evaluation.question_sets import read_question_set
from qa.evaluation.session import Variant, parse_variant, run_variant
from qa.settings.settings import Settings
from tests.qa.curation.conftest import FEE, PIN, Site

SYNONYMS = """
[[synonyms]]
words = ["ferry", "packet boat"]
[[synonyms]]
from = ["NINO", "quark number"]
to = ["membership"]
[[synonyms]]
collection = "animals"
words = ["trout", "brown fish"]
"""


@pytest.mark.parametrize(
    ("question", "document_id", "pairs"),
    [
        ("When do the packet boats run?", "news-", [["packet boat", "ferry"]]),
        ("My nino", "library", [["NINO", "membership"]]),
        ("Which quark numbers exist?", "library", [["quark number", "membership"]]),
        ("Is membership expensive?", "library", []),
        ("Who fancies brown fish?", "", []),
    ],
)
def test_synonyms_find_passages(site: Site, question: str, document_id: str, pairs: list[Any]) -> None:
    site.curate(SYNONYMS)
    found = site.search(question, explain=True)
    assert found["curation"]["synonyms"] == pairs
    assert found["results"][0]["document"]["id"].startswith(document_id)
    if pairs:
        assert found["results"][0]["explanation"]["lexical"]["share"] > 0
        assert found["missing"] == []  # it is there, in other words
    site.curate("")
    if pairs:
        assert site.search(question, explain=True)["results"][0]["explanation"]["lexical"]["share"] == 0


def test_synonyms_of_a_collection_are_for_questions_to_it(site: Site) -> None:
    site.curate(SYNONYMS)
    question = "Who fancies brown fish?"
    assert site.search(question, explain=True)["curation"]["synonyms"] == []
    found = site.search(question, collection="animals", explain=True)
    assert found["curation"]["synonyms"] == [["brown fish", "trout"]]
    lines = why_not(site.service.answerer, site.service.engine, "My nino", "otters")
    assert "Synonyms were searched too: “membership” for “NINO”." in lines


def test_a_word_with_synonyms_is_not_corrected(site: Site) -> None:
    question = "Is the membershop expensive?"
    assert site.search(question)["rewritten_query"] == "Is the membership expensive?"
    site.curate('[[synonyms]]\nfrom = ["membershop"]\nto = ["library"]\n')
    assert site.search(question)["rewritten_query"] is None


def test_the_newer_of_two_good_documents_comes_first_if_the_editor_says_so(site: Site) -> None:
    question = "How often does the ferry to the island sail in summer?"

    def scores() -> dict[str, float]:
        found = site.search(question, limit=8, explain=True)["results"]
        assert [each["score"] for each in found] == sorted((each["score"] for each in found), reverse=True)
        return {each["document"]["id"]: each["explanation"]["score"] for each in found}

    before = scores()
    assert next(iter(before)) == "news-1"
    site.curate('[recency]\ntypes = ["report"]\n')
    assert scores() == before
    site.curate('[recency]\ntypes = ["page"]\n')
    after = scores()
    gained = {document_id: after[document_id] - before[document_id] for document_id in before}
    assert gained["news-2"] == pytest.approx(RECENCY, abs=1e-3)
    assert 0 < gained["news-1"] < gained["news-3"] < RECENCY
    assert gained["library"] == 0  # without a date
    explained = site.search(question, explain=True)["results"]
    assert all("recency" in each["explanation"]["contributions"] for each in explained)
    assert next(iter(after)) != "otters"


def test_an_evaluation_compares_with_and_without(site: Site, tmp_path: Path) -> None:
    site.curate(PIN)
    questions = tmp_path / "questions.jsonl"
    questions.write_text(json.dumps({"question": FEE, "relevant": "library"}), "utf-8")
    found, settings = read_question_set(questions), Settings(data=Path(site.files.place("")), reader="none")
    judge = Judge(site.service.engine)
    runs = [run_variant(found, site.service, settings, each, judge) for each in (Variant(), parse_variant("curation=off"))]
    with_pins, without = (run.summary.measures["Success@1"] for run in runs)
    assert (with_pins, without) == (1.0, 0.0)
