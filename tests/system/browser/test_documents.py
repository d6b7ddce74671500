"""The document page (headings, links, copying) and feedback in a browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.conftest import Server
from tests.system.browser.conftest import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.system.browser.conftest import OpenPage


def passage_of(site: Server, question: str) -> Any:
    return site.search(question)["results"][0]


def address_of(result: Any) -> str:
    return f"/d/{quote(result['document']['id'])}#{result['id']}"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_document_has_headings_and_contents(open_page: OpenPage, site: Server, scripts: bool) -> None:
    page = open_page(address_of(passage_of(site, "mooring fee")), scripts=scripts)
    headings = page.locator("h1, .text h2, .text h3, .text h4, .text h5").all_inner_texts()
    assert [heading.lstrip("# ") for heading in headings] == ["Harbour guide", "Harbour guide", "Mooring", "Fees", "Rules"]
    page.get_by_text("Contents").click()
    page.get_by_role("link", name="Rules").click()
    assert page.locator(":target").inner_text().endswith("Rules")


def test_page_holds_the_text_character_for_character(open_page: OpenPage, site: Server) -> None:
    for document in site.get("/v1/documents").json()["data"]:
        page = open_page(f"/d/{quote(document['id'])}")
        text = site.get(f"/v1/documents/{quote(document['id'])}/text").json()["text"]
        assert page.evaluate("document.querySelector('.text').textContent") == text


def clipboard(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_copies_the_linked_passage_with_its_citation(open_page: OpenPage, site: Server) -> None:
    result = passage_of(site, "visitors permit")
    page = open_page(address_of(result), permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Plain text").click()
    page.get_by_text("Copied.").wait_for()
    plain = f"“{result['text']}”\nApply for a parking permit, 20 January 2025, https://www.example.org/parking-permit"
    assert clipboard(page) == plain
    page.get_by_role("button", name="Markdown").click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).startsWith('> ')")
    assert "> — [Apply for a parking permit](<https://www.example.org/parking-permit>), 20 January 2025" in clipboard(page)
    page.get_by_role("button", name="JSON").click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).startsWith('{')")
    copied = json.loads(clipboard(page))
    assert (copied["quote"], copied["start"], copied["end"]) == (result["text"], result["start"], result["end"])
    assert copied["document"]["version"] == result["document"]["version"]
    version = result["document"]["version"].removeprefix("sha256:")[:12]
    place = f"start={result['start']}&end={result['end']}&version={version}"
    assert copied["address"] == f"{site.address}/d//parking-permit?{place}#quote"


@pytest.mark.parametrize(
    "words", ["🅿️ Signs show where it holds", "number of their car", "permit costs £85 a year.\n\nA visitor’s"]
)
def test_copies_a_selection_with_its_offsets(open_page: OpenPage, site: Server, words: str) -> None:
    page = open_page("/d//parking-permit", permissions=["clipboard-read", "clipboard-write"])
    expect(page.locator(".copy")).to_be_hidden()
    page.evaluate(
        """words => {
          const all = document.createTreeWalker(document.querySelector(".text"), NodeFilter.SHOW_TEXT);
          const whole = document.querySelector(".text").textContent;
          const [from, to] = [whole.indexOf(words), whole.indexOf(words) + words.length];
          const range = document.createRange();
          let place = 0;
          while (all.nextNode()) {
            const length = all.currentNode.data.length;
            if (from >= place && from <= place + length) range.setStart(all.currentNode, from - place);
            if (to > place && to <= place + length) range.setEnd(all.currentNode, to - place);
            place += length;
          }
          getSelection().removeAllRanges();
          getSelection().addRange(range);
        }""",
        words,
    )
    page.get_by_text("Copy the selection").wait_for()
    page.get_by_role("button", name="JSON").click()
    page.get_by_text("Copied.").wait_for()
    copied = json.loads(clipboard(page))
    text = site.get("/v1/documents//parking-permit/text").json()["text"]
    assert copied["quote"] == words
    assert text[copied["start"] : copied["end"]] == words
    verdict = site.post("/v1/verify", json.dumps(verification(copied)).encode()).json()
    assert (verdict["status"], verdict["version_is_current"]) == ("verbatim", True)


def verification(copied: Any) -> Any:
    place = {key: copied[key] for key in ("quote", "start", "end")}
    return place | {"document_id": copied["document"]["id"], "version": copied["document"]["version"]}


def test_reports_a_missing_passage(open_page: OpenPage) -> None:
    page = open_page("/d//parking-permit#p999999")
    page.get_by_text("no longer in this document").wait_for()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("address", ["/d/none", "/nothing-here"])
def test_unknown_addresses_get_an_error_page(open_page: OpenPage, address: str, scripts: bool) -> None:
    page = open_page(address, scripts=scripts)
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Ask these documents").click()
    page.get_by_label("Ask these documents").wait_for()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_records_feedback(open_page: OpenPage, site: Server, scripts: bool) -> None:
    question = f"How much is a night of mooring {'with' if scripts else 'without'} scripts?"
    page = open_page(f"/?q={quote(question)}", scripts=scripts)
    results = [result["id"] for result in site.search(question)["results"]]
    page.get_by_role("button", name="No", exact=True).click()
    page.get_by_text("Thank you").first.wait_for()
    lines = (site.data / "questions.jsonl").read_text("utf-8").splitlines()
    (kept,) = [
        entry for entry in map(json.loads, lines) if entry["question"] == question and entry["outcome"] == "did_not_help"
    ]
    assert kept["results"] == results
    assert kept["generation"] == site.search(question)["generation"]


def test_records_only_submitted_questions(open_page: OpenPage, site: Server) -> None:
    page = open_page("/")
    box = page.get_by_label("Ask these documents")
    box.press_sequentially("who won the cricket world cup", delay=5)
    page.get_by_role("heading", name="Not in these documents").wait_for()
    assert "cricket" not in (site.data / "questions.jsonl").read_text("utf-8")
    with page.expect_response("**/v1/search"):
        page.keyboard.press("Enter")
    assert "who won the cricket world cup" in (site.data / "questions.jsonl").read_text("utf-8")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_an_answer_leads_to_the_page_with_the_quote_in_boxes(open_page: OpenPage, site: Server, scripts: bool) -> None:
    page = open_page(f"/?q={quote('What does the ferry to the island cost?')}", scripts=scripts)
    page.locator(".answer").get_by_role("link", name="Show page").click()
    page.wait_for_url("**/d//ferry/page/2?*")
    expect(page.locator(".sheet rect")).to_have_count(1)
    box, image = page.locator("#quote").bounding_box(), page.locator(".sheet image").bounding_box()
    assert box
    assert image
    assert 0 <= box["y"] <= 800 - box["height"], "the quote is in view"
    # The words are about an inch from the left edge and 700 of 842 points from the bottom.
    assert abs((box["x"] - image["x"]) / image["width"] - 72 / 595) < 0.01
    assert abs((box["y"] - image["y"]) / image["height"] - 135 / 842) < 0.01
    expect(page.locator("mark")).to_have_text("The ferry to the island costs seven pounds in pdf.")
    page.get_by_role("link", name="Page 1").first.click()
    expect(page.get_by_text("Line 7 of the first page")).to_be_visible()
    expect(page.locator(".sheet rect")).to_have_count(0)
    page.go_back()
    page.get_by_role("link", name="Show in text").click()
    page.wait_for_url("**/d//ferry?*#quote")
    expect(page.locator("#quote")).to_have_text("The ferry to the island costs seven pounds in pdf.")


def test_draws_the_page_image(open_page: OpenPage) -> None:
    page = open_page("/d//ferry/page/2")
    dark = """async address => {
      const image = new Image();
      image.src = address;
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
      canvas.drawImage(image, 0, 0);
      const rows = [0, 0];
      const { data } = canvas.getImageData(0, 0, image.width, image.height);
      for (let at = 0; at < data.length; at += 4) if (data[at] < 100) rows[at / 4 < data.length / 8 ? 0 : 1] += 1;
      return rows;
    }"""
    upper, lower = page.evaluate(dark, page.locator(".sheet image").get_attribute("href"))
    assert upper > 200
    assert lower == 0


def test_copies_by_keyboard(open_page: OpenPage, site: Server) -> None:
    page = open_page(address_of(passage_of(site, "mooring fee")), permissions=["clipboard-read", "clipboard-write"])
    page.keyboard.press("Tab")  # starts at the linked passage
    for _ in range(12):
        if page.evaluate("document.activeElement.dataset.as === 'plain'"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Copied.").wait_for()
    assert "£18 a night" in clipboard(page)


def test_facets_by_keyboard(open_page: OpenPage) -> None:
    page = open_page("/?q=fee")
    tab_to(page, "document.activeElement.localName === 'summary'")
    page.keyboard.press("Enter")
    tab_to(page, "document.activeElement.textContent === '2024'")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Year: 2024").wait_for()


def tab_to(page: Page, condition: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(condition):
            return
    raise AssertionError(f"no key leads to where {condition}")
