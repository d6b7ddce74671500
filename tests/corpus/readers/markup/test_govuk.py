"""GOV.UK content items: text, headings with anchors, metadata and failures."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from corpus.readers import read
from corpus.types import Document, ReadFailure

Reading = Callable[[bytes, str], Document]


def item(**fields: Any) -> dict[str, Any]:
    return {"base_path": "/vat-rates", "title": "VAT rates", "document_type": "answer", "locale": "en", **fields}


def as_file(*items: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(each) for each in items).encode()


def places(document: Document) -> list[tuple[int, str, str | None]]:
    return [(heading.level, heading.title, heading.anchor) for heading in document.headings]


def test_item_becomes_a_document(document: Reading) -> None:
    body = '<p>The rate is 20%.</p><h2 id="reduced-rate">Reduced rate</h2><ul><li>5%</li></ul>'
    found = document(
        as_file(item(description="What you pay", public_updated_at="2024-03-05T10:00:00.000+00:00", details={"body": body})),
        "item.json",
    )
    assert found.text == "What you pay\n\nThe rate is 20%.\n\nReduced rate\n\n- 5%"
    assert (found.id, found.url, found.title) == ("/vat-rates", "https://www.gov.uk/vat-rates", "VAT rates")
    assert (found.type, found.language, found.date) == ("answer", "en", "2024-03-05T10:00:00+00:00")
    assert places(found) == [(2, "Reduced rate", "reduced-rate")]


def test_prefers_html_of_several_content_types(document: Reading) -> None:
    body = [
        {"content_type": "text/govspeak", "content": "## No"},
        {"content_type": "text/html", "content": "<h2 id=y>Yes</h2><p>So.</p>"},
    ]
    assert document(as_file(item(details={"body": body})), "item.json").text == "Yes\n\nSo."


def test_renders_govspeak_without_marks(document: Reading) -> None:
    source = "## How to pay {#pay}\n\n$CTA\nUse the [service](/pay).\n$CTA\n\n^Pay early.^\n\n"
    source += "s1. Log in\ns2. Pay\n\n*[VAT]: Value\n\n%Stop.%"
    found = document(as_file(item(details={"body": [{"content_type": "text/govspeak", "content": source}]})), "item.json")
    assert found.text == "How to pay\n\nUse the service.\n\nPay early.\n\n1. Log in\n2. Pay\n\nStop."
    assert places(found) == [(2, "How to pay", "pay")]


def test_headings_without_ids_get_the_slugs_of_the_site(document: Reading) -> None:
    body = "## If you’re 19 and over\n\nText.\n\n## 2. Fees\n\nText.\n\n## Fees\n\nMore [text](/x)."
    found = document(as_file(item(details={"body": body})), "item.json")
    assert [anchor for _, _, anchor in places(found)] == ["if-youre-19-and-over", "fees", "fees-1"]


def test_parts_have_paths_except_the_first(document: Reading) -> None:
    parts = [
        {"title": "Overview", "slug": "overview", "body": "<p>One.</p><h2 id='who'>Who</h2><p>You.</p>"},
        {"title": "How to apply", "slug": "apply", "body": "<p>Two.</p><h2 id='form'>The form</h2><p>Fill it in.</p>"},
    ]
    found = document(as_file(item(details={"body": "## Overview\n\nOne.", "parts": parts})), "item.json")
    assert found.text.count("One.") == 1
    assert places(found) == [
        (2, "Overview", None),
        (3, "Who", "who"),
        (2, "How to apply", "/apply"),
        (3, "The form", "/apply#form"),
    ]


def test_withdrawn_page_has_metadata(document: Reading) -> None:
    notice = {"explanation": "<p>Out of <b>date</b>.</p>", "withdrawn_at": "2019-05-15T11:29:10Z"}
    found = document(as_file(item(details={"body": "<p>Old.</p>"}, withdrawn_notice=notice)), "item.json")
    assert found.metadata["withdrawn"] is True
    assert found.metadata["withdrawn_at"] == "2019-05-15T11:29:10+00:00"
    assert found.metadata["withdrawn_explanation"] == "Out of date."
    assert "withdrawn" not in document(as_file(item(details={"body": "<p>New.</p>"}, withdrawn_notice={})), "i.json").metadata


def test_reads_content_outside_the_body_but_not_history(document: Reading) -> None:
    details = {
        "introductory_paragraph": "<p>Start here.</p>",
        "more_information": "<p>More.</p>",
        "collection_groups": [{"title": "Group", "body": "<p>In the group.</p>"}],
        "change_history": [{"note": "<p>Published.</p>"}],
    }
    found = document(as_file(item(details=details)), "item.json")
    assert found.text == "Start here.\n\nMore.\n\nGroup\n\nIn the group."


def test_text_of_an_empty_item_is_its_title(document: Reading) -> None:
    assert document(as_file(item(details={})), "item.json").text == "VAT rates"


def test_reads_a_manual_section(document: Reading) -> None:
    section = {"base_path": "/hmrc-internal-manuals/a/a1", "title": "Trade", "body": "<p>Words.</p>", "section_id": "A1"}
    found = document(as_file(section), "sections.jsonl")
    assert (found.text, found.type, found.metadata["section_id"]) == ("Words.", "hmrc_manual_section", "A1")


def test_reads_lists_and_lines_with_failures() -> None:
    good, empty = item(details={"body": "<p>Words.</p>"}), {"base_path": "/gone", "title": None, "details": {}}
    for data in (as_file(good, empty, good) + b"\n{broken", json.dumps([good, empty, good]).encode()):
        found = list(read(data, "items.json"))
        assert [isinstance(each, ReadFailure) for each in found[:3]] == [False, True, False]
    assert [each.name for each in read(as_file(good) + b"\n{broken", "items.json") if isinstance(each, ReadFailure)] == [
        "items.json, line 2"
    ]


def test_item_without_path_is_a_failure() -> None:
    found = list(read(as_file(item(), item(base_path=None)), "items.json"))
    assert isinstance(found[1], ReadFailure)
    assert "base_path" in found[1].reason
