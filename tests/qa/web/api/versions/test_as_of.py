"""`as_of` in `/v1/search`: answers from the texts that were valid then."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from corpus.types import text_version
from tests.qa.web.api.documents import assert_problem

QUESTION = "What does a licence for an otter cost?"
TEXTS = [
    f"# Otter licences\n\nA licence for an otter costs {pounds} pounds. It is valid for a year.\n\n## Post\n\nSend it by post."
    for pounds in ("five", "six", "seven")
]


def put(documents: Any, document_id: str, text: str) -> None:
    record = {"id": document_id, "title": "Licences", "text": text}
    assert documents.finished(documents.post("/v1/documents", json.dumps(record).encode()).json()["job"])["status"] == "done"


@pytest.fixture(scope="module")
def moments(documents: Any) -> Sequence[str]:
    """When each of the texts was stored. A second document was added after the first of them."""
    for number, text in enumerate(TEXTS):
        put(documents, "otters", text)
        if number == 0:
            put(documents, "herons", "A licence for a heron costs nine pounds.")
    return [each["since"] for each in documents.get("/v1/documents/otters/versions").json()["data"]][::-1]


def test_answers_from_the_text_of_that_time(documents: Any, moments: Sequence[str]) -> None:
    for moment, text, pounds in zip(moments, TEXTS, ("five", "six", "seven"), strict=True):
        found = documents.search(QUESTION, as_of=moment)
        answer = found["answer"]
        assert f"costs {pounds} pounds" in answer["text"]
        assert answer["text"] == text[answer["start"] : answer["end"]]
        assert (answer["document"]["id"], answer["document"]["version"]) == ("otters", text_version(text))
        assert found["as_of"] == moment
        assert documents.get(f"/v1/search?{urlencode({'q': QUESTION, 'as_of': moment})}").json()["answer"] == answer
        quote = {"quote": answer["text"], "document_id": "otters", "start": answer["start"], "end": answer["end"]}
        verified = documents.post("/v1/verify", json.dumps(quote | {"version": text_version(text)}).encode()).json()
        assert verified["status"] == ("verbatim" if pounds == "seven" else "superseded")


def test_what_was_not_there_is_not_found(documents: Any, moments: Sequence[str]) -> None:
    then = documents.search(QUESTION, limit=100, as_of=moments[0])
    assert {result["document"]["id"] for result in then["results"]} == {"otters", "press-release"}
    later = documents.search(QUESTION, limit=100, as_of=moments[1])
    assert {result["document"]["id"] for result in later["results"]} == {"otters", "herons", "press-release"}
    before = documents.search(QUESTION, as_of="2020-01-01")
    assert (before["results"], before["answerable"], before["missing"]) == ([], False, [])


def test_is_the_same_as_ever_after_the_last_change(documents: Any, moments: Sequence[str]) -> None:
    now = documents.search(QUESTION, limit=20)
    then = documents.search(QUESTION, limit=20, as_of="2100-01-01")
    assert then.pop("as_of") == "2100-01-01T23:59:59.999+00:00"
    assert "as_of" not in now
    for name in ("answer", "answers", "results", "missing"):
        assert then[name] == now[name]


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01", "2026-11-28T25:00", "", 5, "0001-01-01T00:00+09:00"])
def test_refuses_what_is_no_time(documents: Any, moment: object) -> None:
    body = json.dumps({"query": QUESTION, "as_of": moment}).encode()
    assert_problem(documents.post("/v1/search", body), 422, "as_of")


def test_the_command_answers_as_of_a_time(qa: Callable[..., Any], tmp_path: Path) -> None:
    data = tmp_path / "data"
    for text in TEXTS[:2]:
        (tmp_path / "otters.md").write_text(text)
        assert qa("--data", data, "add", tmp_path / "otters.md").code == 0
    name = qa("--data", data, "list").stdout.split("\t")[0]
    first = json.loads(qa("--data", data, "versions", name, "--json").stdout.splitlines()[-1])
    assert "costs five pounds" in qa("--data", data, "search", QUESTION, "--as-of", first["since"]).stdout
    assert "costs six pounds" in qa("--data", data, "search", QUESTION, "--as-of", "2100-01-01").stdout
    refused = qa("--data", data, "search", QUESTION, "--as-of", "then")
    assert refused.code == 2
    assert "must be a date or a time" in refused.stderr
