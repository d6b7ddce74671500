"""The search box in a browser: with and without JavaScript, on a phone and on a wide screen, light and dark."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.conftest import Server
from tests.system.browser.conftest import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.system.browser.conftest import OpenPage

LIKELY = "How much is a night of mooring?"
NONE = "What is the capital of France?"
VIEWS = [(360, "dark"), (1280, "light")]
# Every tag of the results with its attributes and text.
MARKUP = "document.getElementById('results').innerHTML"


def wait_for_answer(page: Page, words: str) -> None:
    page.wait_for_function("words => document.querySelector('#results')?.innerText.includes(words)", arg=words)


def query_of(page: Page) -> str:
    return str(page.evaluate("new URLSearchParams(location.search).get('q') ?? ''"))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_question_answer_and_link_into_the_document(open_page: OpenPage, width: int, scheme: str, scripts: bool) -> None:
    page = open_page("/", width=width, scheme=scheme, scripts=scripts)
    page.get_by_label("Ask these documents").fill(LIKELY)
    page.get_by_role("button", name="Ask").click()
    page.wait_for_url("**/?q=*")
    page.get_by_text("The mooring fee is £18 a night.").first.wait_for()
    expect(page.locator("h2", has_text="Likely the answer")).to_be_visible()
    assert page.title() == f"{LIKELY} – Quotable"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#results h3 a").first.click()
    page.wait_for_url(re.compile(r"/d/harbour-.*#quote$"))
    passage = page.locator(":target")
    expect(passage).to_contain_text("The mooring fee is £18 a night.")
    assert passage.evaluate("e => e.getBoundingClientRect().top") < 800
    assert passage.evaluate("e => getComputedStyle(e).backgroundColor") != "rgba(0, 0, 0, 0)"
    page.go_back()
    page.get_by_text("The mooring fee is £18 a night.").first.wait_for()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_without_an_answer_shows_nearest_passages_and_advice(open_page: OpenPage, scripts: bool) -> None:
    page = open_page("/", scripts=scripts)
    page.get_by_label("Ask these documents").fill(NONE)
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=*")
    page.get_by_role("heading", name="Not in these documents").wait_for()
    expect(page.get_by_role("heading", name="Nearest passages")).to_be_visible()
    expect(page.locator(".advice li")).to_have_count(3)
    expect(page.locator("#results .result")).to_have_count(5)
    expect(page.locator("blockquote")).to_have_count(0)


@pytest.mark.parametrize(
    "question",
    [
        LIKELY,
        NONE,
        "visitors permit",
        "mooring fee for smal boats",
        "¿Cuánto cuesta el amarre por noche?",
        "How long does a visitor’s permit last?",
    ],
)
def test_server_and_script_build_the_same_markup(open_page: OpenPage, question: str) -> None:
    with_scripts, without = open_page("/"), open_page(f"/?q={quote(question)}", scripts=False)
    with_scripts.get_by_label("Ask these documents").fill(question)
    with_scripts.keyboard.press("Enter")
    with_scripts.locator("#results section").wait_for()
    assert with_scripts.evaluate(MARKUP) == without.evaluate(MARKUP)
    assert with_scripts.title() == without.title()
    assert with_scripts.url == without.url.replace("%20", "+") or query_of(with_scripts) == question


@pytest.mark.parametrize(("locale", "label"), [("de-DE", "Diese Dokumente fragen"), ("cy-GB", "Gofynnwch i’r dogfennau hyn")])
@pytest.mark.parametrize("question", [LIKELY, "What does a permit cost in Germany?", "visitors permit"])
def test_server_and_script_build_the_same_markup_in_every_language(
    open_page: OpenPage, question: str, locale: str, label: str
) -> None:
    with_scripts = open_page("/", locale=locale)
    without = open_page(f"/?q={quote(question)}", scripts=False, locale=locale)
    with_scripts.get_by_label(label).fill(question)
    with_scripts.keyboard.press("Enter")
    with_scripts.locator("#results section").wait_for()
    assert with_scripts.evaluate(MARKUP) == without.evaluate(MARKUP)
    expect(with_scripts.locator("main")).not_to_contain_text("Show in document")


def test_searches_while_typing_and_updates_the_address(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_label("Ask these documents").press_sequentially("mooring fee", delay=10)
    # The answer to "mooring" may come first.
    page.wait_for_function("() => new URLSearchParams(location.search).get('q') === 'mooring fee'")
    wait_for_answer(page, "£18 a night")
    page.get_by_label("Ask these documents").fill("parking permit cost")
    wait_for_answer(page, "£85 a year")
    expect(page.get_by_role("status").first).to_contain_text("The permit costs £85 a year.")
    page.reload()
    wait_for_answer(page, "£85 a year")
    expect(page.get_by_label("Ask these documents")).to_have_value("parking permit cost")
    page.go_back()  # typing makes one history entry
    page.wait_for_function("() => document.querySelector('#home').checkVisibility()")
    page.go_forward()
    wait_for_answer(page, "£85 a year")


def test_late_answer_does_not_replace_a_newer_one(open_page: OpenPage) -> None:
    page = open_page("/")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if "mooring" in route.request.post_data:
            held.append(route)
        else:
            route.continue_()

    # Without the browser's cancelling the late answer arrives.
    page.evaluate("AbortController.prototype.abort = () => {}")
    page.route("**/v1/search", hold_the_first)
    box = page.get_by_label("Ask these documents")
    box.fill("mooring fee")
    page.wait_for_timeout(400)
    box.fill("parking permit cost")
    wait_for_answer(page, "£85 a year")
    held[0].continue_()
    page.wait_for_timeout(400)
    expect(page.locator("#results .answer")).to_contain_text("£85 a year")
    assert query_of(page) == "parking permit cost"


def test_cancels_the_request_of_an_older_question(open_page: OpenPage) -> None:
    page = open_page("/")
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.post_data))
    page.route("**/v1/search", lambda route: None if "mooring" in route.request.post_data else route.continue_())
    page.get_by_label("Ask these documents").fill("mooring fee")
    page.wait_for_timeout(400)
    page.get_by_label("Ask these documents").fill("parking permit cost")
    wait_for_answer(page, "£85 a year")
    assert [json.loads(body)["query"] for body in failed] == ["mooring fee"]


def test_works_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("mooring fee")
    wait_for_answer(page, "£18 a night")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('.source-link') !== null")
    page.keyboard.press("ArrowDown")
    first = page.evaluate("document.activeElement.closest('.result') && document.activeElement.href")
    assert "#quote" in first
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url(first)
    page.go_back()
    wait_for_answer(page, "£18 a night")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Ask these documents")).to_have_value("")
    expect(page.locator("#results")).to_have_text("")
    expect(page.locator("#home")).to_be_visible()
    assert page.url.endswith("/")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('.examples') !== null")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_narrows_by_facets(open_page: OpenPage, scripts: bool) -> None:
    page = open_page(f"/?q={quote('what does it cost')}", scripts=scripts)
    page.get_by_text("Narrow the search").click()
    for name in ("Type", "Year"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.get_by_role("link", name="2024").click()
    page.get_by_role("link", name="Year: 2024").wait_for()
    titles = page.locator("#results h3")
    expect(titles.filter(has_not_text="Renew your library card")).to_have_count(0)
    expect(titles.first).to_be_visible()
    page.get_by_role("link", name="Year: 2024").click()
    page.wait_for_url(lambda url: "year" not in url)
    expect(titles.filter(has_text="Apply for a parking permit").first).to_be_visible()


def test_facets_stay_selected_while_typing(open_page: OpenPage) -> None:
    page = open_page("/?year=2025")
    page.get_by_label("Ask these documents").fill("library card fee")
    page.locator("#results .result").first.wait_for()
    expect(page.locator("#results")).not_to_contain_text("Renew your library card")
    assert "year=2025" in page.url
    page.get_by_role("link", name="Year: 2025").click()
    page.wait_for_url(lambda url: "year" not in url)
    assert query_of(page) == "library card fee"
    expect(page.locator("#results")).to_contain_text("Renew your library card")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_examples_are_links_to_answered_questions(open_page: OpenPage, site: Server, scripts: bool) -> None:
    page = open_page("/", scripts=scripts)
    questions = page.locator(".examples a").all_inner_texts()
    assert len(questions) == 4
    assert all(site.search(question)["answerable"] for question in questions)
    page.locator(".examples a").first.click()
    page.locator("#results .answer").wait_for()
    expect(page.get_by_label("Ask these documents")).to_have_value(questions[0])
    expect(page.locator("#results h2", has_text="Likely the answer")).to_have_count(1)


def test_more_passages_have_an_address(open_page: OpenPage) -> None:
    page = open_page("/?q=fee")
    page.get_by_role("link", name="Show more passages").click()
    page.wait_for_url("**limit=20**")
    expect(page.locator("#results .result").nth(5)).to_be_visible()
    page.get_by_label("Ask these documents").fill("mooring fee")
    page.wait_for_function("() => document.querySelectorAll('#results .result').length === 5")
    page.go_back()
    page.wait_for_function("() => document.querySelectorAll('#results .result').length > 5")


def test_shows_problems_as_text(open_page: OpenPage) -> None:
    page = open_page("/")
    refused = {"detail": "Cannot use: query", "errors": [{"field": "query", "message": "must be shorter"}]}
    answer: dict[str, Any] = {"status": 422, "content_type": "application/problem+json", "body": json.dumps(refused)}
    page.route("**/v1/search", lambda route: route.fulfill(**answer))
    page.get_by_label("Ask these documents").fill("anything at all")
    page.get_by_role("alert").get_by_text("Your question must be shorter.").wait_for()
    answer |= {"status": 503, "body": json.dumps({"detail": "The documents are being opened"})}
    page.get_by_label("Ask these documents").fill("anything else")
    page.get_by_role("alert").get_by_text("The documents are being opened").wait_for()


def test_reports_a_lost_connection_and_repeats_the_request(open_page: OpenPage) -> None:
    page = open_page("/")
    page.context.set_offline(True)
    page.get_by_label("Ask these documents").fill("mooring fee")
    page.get_by_role("alert").get_by_text("You are offline").wait_for()
    page.context.set_offline(False)
    wait_for_answer(page, "£18 a night")
    page.route("**/v1/search", lambda route: route.abort())
    page.get_by_label("Ask these documents").fill("parking permit cost")
    page.get_by_role("alert").get_by_text("The server cannot be reached").wait_for()
    page.unroute("**/v1/search")
    page.get_by_role("button", name="Try again").click()
    wait_for_answer(page, "£85 a year")
    expect(page.get_by_role("alert")).to_have_text("")


def test_shows_that_it_waits_and_keeps_the_previous_answer(open_page: OpenPage) -> None:
    page = open_page("/?q=mooring+fee")
    held: list[Route] = []
    page.route("**/v1/search", lambda route: held.append(route))
    page.get_by_label("Ask these documents").fill("parking permit cost")
    page.locator("form.waiting").wait_for()
    expect(page.locator("#results")).to_contain_text("£18 a night")
    held[0].continue_()
    wait_for_answer(page, "£85 a year")
    expect(page.locator("form.waiting")).to_have_count(0)


def test_layout_does_not_shift(open_page: OpenPage) -> None:
    for width in (360, 1280):
        page = open_page("/", width=width)
        page.get_by_label("Ask these documents").press_sequentially("mooring fee", delay=20)
        wait_for_answer(page, "£18 a night")
        page.wait_for_timeout(700)  # shifts within 500 ms of a key press do not count
        page.get_by_label("Ask these documents").fill(NONE)
        wait_for_answer(page, "Not in these documents")
        page.evaluate("history.back()")
        page.wait_for_timeout(700)
        assert page.evaluate("window.shifts") == []
        page.goto(f"/?q={quote(LIKELY)}")
        page.wait_for_timeout(300)
        assert page.evaluate("window.shifts") == []
        page.locator("#results h3 a").first.click()
        page.locator(":target").wait_for()
        page.wait_for_timeout(300)
        assert page.evaluate("window.shifts") == []
