"""Versions of documents over HTTP."""

from __future__ import annotations

import json
from typing import Any

from corpus.types import text_version
from tests.qa.web.api.documents import assert_problem


def put(documents: Any, document_id: str, text: str, **fields: Any) -> None:
    record = {"id": document_id, "title": "Fees", "text": text, **fields}
    job = documents.post("/v1/documents", json.dumps(record).encode()).json()["job"]
    assert documents.finished(job)["status"] == "done"


def test_lists_versions_and_their_texts(documents: Any) -> None:
    for number, name in enumerate(("fees", "a/b/fees")):
        texts = [f"The fee of {name} is {pounds} pounds." for pounds in (5, 6, 7)]
        for text in texts:
            put(documents, name, text, date=f"2024-0{number + 1}-01")
        listed = documents.get(f"/v1/documents/{name}/versions").json()["data"]
        assert [each["version"] for each in listed] == [text_version(text) for text in reversed(texts)]
        assert [each["until"] for each in listed] == [None, listed[0]["since"], listed[1]["since"]]
        assert {(each["title"], each["date"], each["by"]) for each in listed} == {
            ("Fees", f"2024-0{number + 1}-01", "this machine")
        }
        for each, text in zip(listed, reversed(texts), strict=True):
            assert documents.get(f"/v1/documents/{name}/versions/{each['version']}").json() == {**each, "text": text}
        assert documents.get(f"/v1/documents/{name}").json()["version"] == text_version(texts[-1])
        found = documents.search(f"What was the fee of {name}?")["results"]
        assert not any(texts[0] in result["text"] for result in found)


def test_what_is_not_kept_is_not_found(documents: Any) -> None:
    put(documents, "known", "The otter sleeps.")
    other = text_version("Other words.")
    for address in ("unknown/versions", f"unknown/versions/{other}", f"known/versions/{other}"):
        assert_problem(documents.get(f"/v1/documents/{address}"), 404)
    assert documents.get("/v1/documents/known/versions/latest").status == 404


def test_a_removed_document_has_no_versions(documents: Any) -> None:
    put(documents, "secret", "The password was otter.")
    put(documents, "secret", "There is no password.")
    earlier = text_version("The password was otter.")
    assert documents.get(f"/v1/documents/secret/versions/{earlier}").status == 200
    assert documents.request("DELETE", "/v1/documents/secret").status == 200
    put(documents, "secret", "There is no password.")
    assert len(documents.get("/v1/documents/secret/versions").json()["data"]) == 1
    assert documents.get(f"/v1/documents/secret/versions/{earlier}").status == 404


def test_an_id_does_not_end_as_these_addresses_do(documents: Any) -> None:
    for name in ("a/versions", f"a/versions/{text_version('a')}"):
        record = {"id": name, "title": "T", "text": "Words."}
        problem = assert_problem(documents.post("/v1/documents", json.dumps(record).encode()), 422, "id")
        assert "/versions" in problem["errors"][0]["message"]
