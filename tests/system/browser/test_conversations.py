"""The chat page in a browser, with and without JavaScript."""

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

TURNS = ["How much is a night of mooring?", "And how long may boats stay?", "What is the capital of France?", "Thanks!"]
MARKUP = "document.querySelector('.turns').innerHTML"


def say(page: Page, question: str) -> None:
    page.wait_for_load_state()  # loading an address with a fragment moves the focus
    box = page.get_by_label("Your question")
    box.fill(question)
    box.press("Enter")
    page.locator("#latest .reply:not([aria-busy])", has=page.locator(".reply-text")).wait_for()
    page.wait_for_function(
        "q => new URLSearchParams(location.search).getAll('q').at(-1) === q && document.querySelector('#latest .question').innerText === q",
        arg=question,
    )


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("width", [360, 1280])
def test_follow_up_questions_and_links_into_documents(open_page: OpenPage, width: int, scripts: bool) -> None:
    page = open_page("/chat", width=width, scripts=scripts)
    for question in TURNS[:3]:
        say(page, question)
    expect(page.locator(".question")).to_have_text(TURNS[:3])
    expect(page.locator(".reply").last).to_contain_text("Not in these documents")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#latest .reply").evaluate("e => e.getBoundingClientRect().top") < 640
    page.locator(".reply-text a", has_text="£18 a night").first.click()
    page.wait_for_url("**/d/harbour-*#quote")
    expect(page.locator(":target")).to_contain_text("£18 a night")
    page.go_back()
    expect(page.locator(".question")).to_have_text(TURNS[:3])
    page.get_by_role("link", name="Start again").click()
    page.locator(".turn").first.wait_for(state="detached")
    expect(page.locator(".turn")).to_have_count(0)


def test_server_and_script_build_the_same_conversation(open_page: OpenPage) -> None:
    with_scripts = open_page("/chat")
    for question in TURNS:
        say(with_scripts, question)
    address = "/chat?" + "&".join(f"q={quote(question)}" for question in TURNS)
    assert with_scripts.evaluate(MARKUP) == open_page(address, scripts=False).evaluate(MARKUP)
    with_scripts.go_back()
    with_scripts.wait_for_function("() => document.querySelectorAll('.turn').length === 3")


def test_shows_errors_before_and_during_a_reply(open_page: OpenPage) -> None:
    page = open_page("/chat")

    # One route for all answers: replacing it takes the browser a moment, in which a request could pass.
    opening = json.dumps({"error": {"message": "The documents are being opened"}})
    answer: dict[str, Any] = {"status": 503, "content_type": "application/json", "body": opening}
    page.route("**/v1/chat/completions", lambda route: route.fulfill(**answer))
    page.get_by_label("Your question").fill("mooring fee")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("The documents are being opened").wait_for()
    expect(page.get_by_label("Your question")).to_have_value("mooring fee")
    expect(page.locator(".turn")).to_have_count(0)
    chunks = [{"choices": [{"delta": {"content": "Half a "}}]}, {"error": {"message": "The model went away"}}]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    answer = {"status": 200, "content_type": "text/event-stream", "body": body}
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("The model went away").wait_for()
    page.unroute("**/v1/chat/completions")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("You are offline").wait_for()
    page.context.set_offline(False)
    say(page, "mooring fee")
    expect(page.get_by_role("alert")).to_have_text("")


@pytest.mark.parametrize(
    ("query_string", "words"),
    [
        ("q=", "Your question must not be empty."),
        (f"q={'x' * 2001}", "at most 2000 characters"),
        ("x=1", "is unknown"),
        ("&".join(["q=a"] * 21), "at most 20 questions"),
    ],
)
def test_reports_an_invalid_address(open_page: OpenPage, query_string: str, words: str) -> None:
    page = open_page(f"/chat?{query_string}", scripts=False)
    expect(page.get_by_role("alert")).to_contain_text(words)


def test_full_conversation_says_so(open_page: OpenPage) -> None:
    page = open_page("/chat?" + "&".join(["q=mooring+fee"] * 19))
    page.get_by_label("Your question").fill("and for small boats?")
    page.keyboard.press("Enter")
    page.get_by_text("its address can hold no more questions").wait_for()
    expect(page.get_by_label("Your question")).to_have_count(0)


def test_records_an_unanswered_follow_up_as_rewritten(site: Server) -> None:
    messages = [
        {"role": "user", "content": "How much is a night of mooring?"},
        {"role": "assistant", "content": "“The mooring fee is £18 a night.” [1]"},
        {"role": "user", "content": "What is the population of Mongolia?"},
    ]
    for stream in (False, True):
        body = json.dumps({"model": "quotable", "messages": messages, "stream": stream}).encode()
        before = (site.data / "questions.jsonl").read_text("utf-8").count("Mongolia")
        assert site.post("/v1/chat/completions", body).status == 200
        assert (site.data / "questions.jsonl").read_text("utf-8").count("Mongolia") == before + 1
