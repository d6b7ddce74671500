"""`/v1/search`: documented fields, verbatim passages and quotes, order and limits; the health routes."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

DATA = Path(__file__).parent.parent.parent.parent / "data"
ON_TOPIC = [asked["question"] for asked in json.loads((DATA / "press_release_questions.json").read_text("utf-8"))]
OFF_TOPIC = json.loads((DATA / "off_topic_questions.json").read_text("utf-8"))
ODD = [
    "?",
    "the",
    "'",
    '"AND" OR (',
    "field:value^2 ~",
    "%",
    "\\",
    "<b>",
    "日本",
    "مذكرة",
    "🙂",
    "a" * 2000,
    "word " * 399,
    "\u0000x"[1:],
    "e\u0301",
]

RESPONSE = {
    "query",
    "rewritten_query",
    "read_as",
    "rewrite_reason",
    "corrected",
    "answerable",
    "confidence",
    "answer",
    "answers",
    "results",
    "missing",
    "stop_answer",
    "notice",
    "generation",
    "took_ms",
}
ANSWER = {
    "text",
    "kind",
    "passage_id",
    "document",
    "url",
    "page",
    "page_url",
    "headings",
    "start",
    "end",
    "span",
    "items",
    "lead_in",
    "copies",
    "more",
    "confidence",
}
RESULT = {
    "id", "document", "text", "start", "end", "page", "page_url", "headings", "url", "score", "pinned", "copies", "highlights", "metadata",
}  # fmt: skip


@pytest.mark.parametrize("question", [*ON_TOPIC[:5], *OFF_TOPIC[:3]])
def test_the_answer_has_the_documented_fields_and_types(server: Any, question: str) -> None:
    found = server.search(question)
    assert set(found) == RESPONSE
    assert found["query"] == question
    assert found["rewritten_query"] is None or found["rewritten_query"] != question
    assert isinstance(found["answerable"], bool)
    assert 0 <= found["confidence"] <= 1
    assert isinstance(found["generation"], int)
    assert found["took_ms"] >= 0
    for result in found["results"]:
        assert set(result) == RESULT
        assert set(result["document"]) == {"id", "title", "url", "date", "note", "version", "collection"}
        assert all(set(highlight) == {"start", "end"} for highlight in result["highlights"])
        assert 0 <= result["score"] <= 1
        assert result["page"] is None
        assert result["page_url"] is None
        assert result["url"] == result["document"]["url"]
        assert result["headings"] == []


def test_a_result_names_its_document(server: Any, press_release_text: str) -> None:
    document = server.search("Who signed the memorandum?")["results"][0]["document"]
    assert document["id"] == "press-release"
    assert document["date"] == "2025-07-21"
    assert document["url"].startswith("https://openai.com/")
    assert "strategic partnership" in document["title"]
    assert document["version"] == "sha256:" + hashlib.sha256(press_release_text.encode()).hexdigest()


@pytest.mark.parametrize("question", [*ON_TOPIC, *OFF_TOPIC, *ODD])
def test_every_passage_quote_and_highlight_is_verbatim(server: Any, press_release_text: str, question: str) -> None:
    found = server.search(question, limit=100)
    assert found["results"]
    for result in found["results"]:
        assert press_release_text[result["start"] : result["end"]] == result["text"]
        assert result["highlights"]
        for highlight in result["highlights"]:
            assert result["start"] <= highlight["start"] < highlight["end"] <= result["end"]
    answers = found["answers"]
    assert found["answer"] == (answers[0] if answers else None)
    assert bool(answers) == found["answerable"]
    assert len(answers) <= 3
    assert [answer["confidence"] for answer in answers[:1]] == [found["confidence"]][: len(answers)]
    for answer in answers:
        assert set(answer) == ANSWER
        assert press_release_text[answer["start"] : answer["end"]] == answer["text"]
        (source,) = [result for result in found["results"] if result["id"] == answer["passage_id"]]
        assert answer["document"] == source["document"]
        assert answer["start"] < source["end"]
        assert source["start"] < answer["end"]
        if span := answer["span"]:
            assert answer["start"] <= span["start"] < span["end"] <= answer["end"]
            assert press_release_text[span["start"] : span["end"]] == span["text"]


@pytest.mark.parametrize("question", [*ON_TOPIC[:10], *OFF_TOPIC[:5]])
def test_scores_descend_and_passages_are_unique(server: Any, question: str) -> None:
    results = server.search(question, limit=100)["results"]
    scores = [result["score"] for result in results]
    assert scores == sorted(scores, reverse=True)
    assert len({result["id"] for result in results}) == len(results)


def test_the_default_limit_is_five(server: Any) -> None:
    everything = server.search("artificial intelligence", limit=100)["results"]
    assert len(everything) > 5
    for limit in (1, 2, 100):
        assert [r["id"] for r in server.search("artificial intelligence", limit=limit)["results"]] == [
            r["id"] for r in everything[:limit]
        ]
    assert len(server.search("artificial intelligence")["results"]) == 5


@pytest.mark.parametrize("question", ["Who signed the memorandum?", "café & Größe + 100%", "日本 🙂", "  padded\n"])
def test_get_and_post_give_the_same_answer(server: Any, question: str) -> None:
    posted = server.search(question, limit=3)
    for encode in (quote, quote_plus):
        response = server.get(f"/v1/search?q={encode(question)}&limit=3")
        assert response.status == 200
        assert response.json() | {"took_ms": 0} == posted | {"took_ms": 0}
    assert posted["query"] == question.strip()


def test_a_request_says_whether_spelling_is_corrected(server: Any) -> None:
    misspelt = "Who signed the memorandom?"
    found = server.search(misspelt)
    assert (found["corrected"], found["rewritten_query"]) == (True, "Who signed the memorandum?")
    for as_written in (
        server.search(misspelt, spelling=False),
        server.get(f"/v1/search?q={quote(misspelt)}&spelling=false").json(),
    ):
        assert (as_written["corrected"], as_written["rewritten_query"]) == (False, None)
    instead = '<a target="_self" href="/?q=Who+signed+the+memorandom%3F&amp;spelling=false">'
    assert instead in server.get(f"/?q={quote(misspelt)}").text
    assert instead not in server.get(f"/?q={quote(misspelt)}&spelling=false").text


def test_says_what_a_word_that_may_be_misspelt_was_read_as(server: Any) -> None:
    question = "How many stff are there?"
    found, as_written = server.search(question), server.search(question, spelling=False)
    assert (found["corrected"], found["read_as"]) == (False, "How many staff are there?")
    assert as_written["read_as"] is None
    page = server.get(f"/?q={quote(question)}").text
    assert "Also searched for “How many staff are there?”." in page
    assert '<a target="_self" href="/?q=How+many+stff+are+there%3F&amp;spelling=false">' in page
    assert "Also searched" not in server.get(f"/?q={quote(question)}&spelling=false").text


@pytest.mark.parametrize("read", ["auto", "always", "never"])
def test_a_request_says_when_the_reading_model_reads(server: Any, read: str) -> None:
    question = "Who signed the memorandum?"
    posted = server.search(question, read=read)
    got = server.get(f"/v1/search?q={quote(question)}&read={read}").json()
    assert got | {"took_ms": 0} == posted | {"took_ms": 0}
    assert posted["answerable"]


def test_refuses_another_value_of_read_by_name(server: Any) -> None:
    posted = server.post("/v1/search", json.dumps({"query": "Who signed?", "read": "sometimes"}).encode())
    for refused in (posted, server.get("/v1/search?q=Who&read=sometimes")):
        assert refused.status == 422
        message = "must be 'auto', 'always' or 'never', not 'sometimes'"
        assert refused.json()["errors"] == [{"field": "read", "message": message}]


def test_explains_which_units_were_considered_and_what_decided(server: Any, press_release_text: str) -> None:
    question = "Who signed the memorandum?"
    assert not {"units", "decided_by"} & set(server.search(question))
    found = server.search(question, explain=True)
    assert all(found["decided_by"].values())
    for unit in found["units"]:
        assert press_release_text[unit["start"] : unit["end"]] == unit["text"]
        assert unit["kind"] in {"sentence", "list", "item", "row", "step"}
        assert unit["features"]
    for unit in found["units"][:1]:  # the first is quoted
        assert found["answer"]["start"] <= unit["start"] < unit["end"] <= found["answer"]["end"]


def test_the_length_of_a_question_counts_code_points_after_trimming(server: Any) -> None:
    assert server.search("  " + "🙂" * 2000 + "\n")["query"] == "🙂" * 2000


def test_the_answer_is_json_in_utf_8(server: Any) -> None:
    response = server.get("/v1/search?q=" + quote("the UK’s AI Opportunities Action Plan"))
    assert response.headers.get_content_type() == "application/json"
    assert "UK’s" in response.body.decode("utf-8")


def test_concurrent_requests_get_the_same_answer(server: Any) -> None:
    def ask(question: str) -> Any:
        return server.search(question) | {"took_ms": 0}

    questions = [*ON_TOPIC, *OFF_TOPIC]
    one_by_one = [ask(question) for question in questions]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, questions)) == one_by_one


def test_health_and_readiness(server: Any) -> None:
    health, ready = server.get("/healthz"), server.get("/readyz")
    assert (health.status, health.json()) == (200, {"status": "ok"})
    assert ready.status == 200
    assert ready.json()["status"] == "ready"
    assert ready.json()["documents"] == 1
    assert ready.json()["passages"] > 5


@pytest.mark.parametrize("target", ["/", "/healthz", "/readyz", "/v1/search?q=memorandum", "/d/press-release"])
def test_head_responds_like_get_without_a_body(server: Any, target: str) -> None:
    asked, got = server.request("HEAD", target), server.get(target)
    assert (asked.status, asked.body) == (200, b"")
    assert asked.headers.get_content_type() == got.headers.get_content_type()
