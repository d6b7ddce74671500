"""Turns in a browser, with and without JavaScript: the address holds the questions, and the reply is the endpoint's own."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

TURNS = ["How much is a night of mooring?", "And how long may boats stay?", "What is the capital of France?", "Thanks!"]
MARKUP = "document.querySelector('.turns').innerHTML"


def say(page: Any, question: str) -> None:
    page.wait_for_load_state()  # an address with a fragment takes the focus away when its page is complete
    box = page.get_by_label("Your question")
    box.fill(question)
    box.press("Enter")
    page.locator("#latest .reply:not([aria-busy])", has=page.locator(".said")).wait_for()
    page.wait_for_function(
        "q => new URLSearchParams(location.search).getAll('q').at(-1) === q && document.querySelector('#latest .asked').innerText === q",
        arg=question,
    )


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("width", [360, 1280])
def test_questions_follow_one_another_and_their_quotes_lead_into_documents(open_page: Any, width: int, scripts: bool) -> None:
    page = open_page("/chat", width=width, scripts=scripts)
    for question in TURNS[:3]:
        say(page, question)
    assert page.locator(".asked").all_inner_texts() == TURNS[:3]
    assert "Not in these documents" in page.locator(".reply").last.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#latest .reply").evaluate("e => e.getBoundingClientRect().top") < 640
    page.locator(".said a", has_text="£18 a night").first.click()
    page.wait_for_url("**/d/harbour-*#p*")
    assert "£18 a night" in page.locator(":target").inner_text()
    page.go_back()
    assert page.locator(".asked").all_inner_texts() == TURNS[:3]
    page.get_by_role("link", name="Start again").click()
    page.locator(".turn").first.wait_for(state="detached")
    assert page.locator(".turn").count() == 0


def test_the_server_and_the_script_show_a_conversation_alike(open_page: Any) -> None:
    with_scripts = open_page("/chat")
    for question in TURNS:
        say(with_scripts, question)
    address = "/chat?" + "&".join(f"q={quote(question)}" for question in TURNS)
    assert with_scripts.evaluate(MARKUP) == open_page(address, scripts=False).evaluate(MARKUP)
    with_scripts.go_back()
    with_scripts.wait_for_function("() => document.querySelectorAll('.turn').length === 3")


def test_a_reply_is_shown_as_it_comes_and_what_goes_wrong_is_told(open_page: Any) -> None:
    page = open_page("/chat")

    # One route that is never taken away meanwhile: the browser needs a moment to take one up, and a request could come first.
    opening = json.dumps({"error": {"message": "The documents are being opened"}})
    answer: dict[str, Any] = {"status": 503, "content_type": "application/json", "body": opening}
    page.route("**/v1/chat/completions", lambda route: route.fulfill(**answer))
    page.get_by_label("Your question").fill("mooring fee")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("The documents are being opened").wait_for()
    assert page.get_by_label("Your question").input_value() == "mooring fee"
    assert page.locator(".turn").count() == 0
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
    assert page.get_by_role("alert").inner_text() == ""


@pytest.mark.parametrize(
    ("query_string", "words"),
    [
        ("q=", "Your question must not be empty."),
        (f"q={'x' * 2001}", "at most 2000 characters"),
        ("x=1", "is not known here"),
        ("&".join(["q=a"] * 21), "at most 20 questions"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_of(open_page: Any, query_string: str, words: str) -> None:
    page = open_page(f"/chat?{query_string}", scripts=False)
    assert words in page.get_by_role("alert").inner_text()


def test_a_conversation_as_long_as_an_address_can_hold_says_so(open_page: Any) -> None:
    page = open_page("/chat?" + "&".join(["q=mooring+fee"] * 19))
    page.get_by_label("Your question").fill("and for small boats?")
    page.keyboard.press("Enter")
    page.get_by_text("as long as its address can hold").wait_for()
    assert page.get_by_label("Your question").count() == 0


def test_a_follow_up_without_an_answer_is_kept_as_it_was_understood(site: Any) -> None:
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
