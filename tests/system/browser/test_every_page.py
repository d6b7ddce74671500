"""Every page in every state: axe-core's rules, contrast, weight, width."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import pytest

from tests.conftest import Server, StartServer
from tests.system.browser.conftest import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

    from tests.system.browser.conftest import Axe, OpenPage

WIDTHS = (360, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
MOST_BYTES = 60_000
LEAST_CONTRAST = 4.5

# The lowest contrast of any visible text, with the text (WCAG 2.2, relative luminance and contrast ratio).
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (color, ground) => {
    canvas.fillStyle = ground; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const css = (rgb) => `rgb(${rgb.join(",")})`;
  const ground = (element) => {
    const chain = [];
    for (let at = element; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
    return chain.reduce((below, color) => css(over(color, below)), matchMedia("(prefers-color-scheme: dark)").matches ? "#000" : "#fff");
  };
  const luminance = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = [];
  const look = (element, words) => {
    const below = ground(element);
    const [a, b] = [luminance(over(getComputedStyle(element).color, below)), luminance(over(below, "#000"))];
    seen.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), words]);
  };
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const words = texts.currentNode.data;
    if (words.trim() && element.checkVisibility() && !element.closest(".visually-hidden, .skip")) look(element, words);
  }
  for (const input of document.querySelectorAll("input:not([type=hidden])")) look(input, input.value);
  return seen.sort(([a], [b]) => a - b)[0];
}"""

# What leaves the window or is cut off when text has twice its size. Inputs scroll, so they may be wider than they show.
LOST_AT_DOUBLE_SIZE = """() => {
  const { style, clientWidth } = document.documentElement;
  style.fontSize = "200%";
  const isHidden = (element) => element.closest(".visually-hidden, .skip, thead, [hidden]") || !element.checkVisibility();
  const isLost = (element) => {
    const { right, left } = element.getBoundingClientRect();
    const cut = getComputedStyle(element).overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1;
    return right > clientWidth + 1 || left < -1 || cut;
  };
  const lost = [...document.querySelectorAll("body *:not(input, textarea)")].filter((each) => !isHidden(each) && isLost(each));
  style.fontSize = "";
  return lost.map((element) => element.outerHTML.slice(0, 150));
}"""


def ask_and_wait(words: str) -> Callable[[Page], None]:
    """Type the question and wait for the answer."""

    def ask(page: Page) -> None:
        page.get_by_label("Ask these documents").fill(words)
        page.locator("#results section").wait_for()

    return ask


def get_a_problem(page: Page) -> None:
    body = json.dumps({"detail": "no", "errors": [{"field": "query", "message": "must be shorter"}]})
    page.route("**/v1/search", lambda route: route.fulfill(status=422, content_type="application/problem+json", body=body))
    page.get_by_label("Ask these documents").fill("anything")
    page.locator(".error").wait_for()


def lose_the_server(page: Page) -> None:
    page.route("**/v1/search", lambda route: route.abort())
    page.get_by_label("Ask these documents").fill("anything")
    page.locator(".error").wait_for()


def keep_waiting(page: Page) -> None:
    page.route("**/v1/search", lambda route: None)
    page.get_by_label("Ask these documents").fill("anything")
    page.locator("form.waiting").wait_for()


def open_facets(page: Page) -> None:
    page.get_by_text("Narrow the search").click()


def send_feedback(page: Page) -> None:
    page.get_by_role("button", name="Yes").click()
    page.get_by_text("Thank you").wait_for()


def choose_files(page: Page) -> None:
    buffers = [("note.txt", b"A note on boats."), ("none.pdf", b"%PDF-1.7")]
    page.get_by_label("Choose files").set_input_files([{"name": n, "mimeType": "", "buffer": b} for n, b in buffers])
    page.locator(".done").wait_for()
    page.locator("#failures li").first.wait_for()


def select_documents(page: Page) -> None:
    page.get_by_label("Select all on this page").check()
    page.get_by_text("selected…").wait_for()


def save_a_mistake(page: Page) -> None:
    page.get_by_label("Rules").fill('[[rule]]\nwords = ["fee"]\n')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("line 1: the rule does nothing")


def save_an_empty_title(page: Page) -> None:
    page.get_by_label("Title").fill(" ")
    page.get_by_text("Add a field").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Nothing was saved").wait_for()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Nothing was changed").wait_for()


def chat(page: Page) -> None:
    for question in ("How much is a night of mooring?", "What is the capital of France?"):
        page.get_by_label("Your question").fill(question)
        page.keyboard.press("Enter")
        page.locator("#latest .sources").wait_for()


def do_nothing(page: Page) -> None:
    pass


# Every page and state: its address, and the actions that lead to it.
STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "home": ("/", do_nothing),
    "likely": ("/", ask_and_wait("How much is a night of mooring?")),
    "likely from the server": ("/?q=mooring+fee", do_nothing),
    "closest": ("/", ask_and_wait("harbour opening hours for boats that come late")),
    "none": ("/", ask_and_wait("What is the capital of France?")),
    "corrected": ("/", ask_and_wait("moorring fee at the quay")),
    "notice": ("/", ask_and_wait("¿Cuánto cuesta el amarre por noche en el puerto?")),
    "nothing left": (f"/?type=none&q={quote('mooring fee')}", do_nothing),
    "narrowed": ("/?q=fee&type=jsonl", open_facets),
    "refused": ("/", get_a_problem),
    "refused by the server": ("/?q=", do_nothing),
    "unreachable": ("/", lose_the_server),
    "waiting": ("/", keep_waiting),
    "feedback": ("/?q=mooring+fee", send_feedback),
    "document": ("/d//parking-permit", do_nothing),
    "document with a quote": ("/d//parking-permit?start=10&end=50", do_nothing),
    "document that has changed": ("/d//parking-permit?start=10&end=50&version=0000", do_nothing),
    "versions": ("/d//parking-permit/versions", do_nothing),
    "the only version": ("/d//library-card/versions", do_nothing),
    "page image": ("/d//ferry/page/1?start=0&end=51", do_nothing),
    "last page image": ("/d//ferry/page/2", do_nothing),
    "missing page image": ("/d//ferry/page/3", do_nothing),
    "missing": ("/d/none", do_nothing),
    "embedded": ("/embed?q=mooring+fee", do_nothing),
    "chat": ("/chat", do_nothing),
    "chat with turns": ("/chat", chat),
    "chat refused": ("/chat?q=", do_nothing),
    "manage": ("/manage", do_nothing),
    "manage files": ("/manage", choose_files),
    "manage selected": ("/manage?sort=title&type=jsonl", select_documents),
    "manage nothing": ("/manage?title=unicorn", do_nothing),
    "manage refused": ("/manage?date_from=soon", do_nothing),
    "edit refused": ("/manage/document?id=/library-card", save_an_empty_title),
    "edit saved": ("/manage/document?id=/library-card", save),
    "remove": ("/manage/remove?id=/library-card", do_nothing),
    "health": ("/manage/health", do_nothing),
    "rules refused": ("/manage/curation", save_a_mistake),
    "settings": ("/manage/settings", do_nothing),
}


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_pass_axe_and_have_contrast_and_fit_the_window(open_page: OpenPage, axe: Axe, width: int) -> None:
    page = open_page(None, width=width)
    for name, (address, act) in STATES.items():
        page.emulate_media(color_scheme="light")
        page.goto(address)
        act(page)
        assert axe(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        if width == min(WIDTHS):
            assert page.evaluate(LOST_AT_DOUBLE_SIZE) == [], name
        if width == max(WIDTHS):  # colours do not depend on the width
            check_colours_in_both_schemes(page, axe, name)
        page.unroute("**/v1/search")


def check_colours_in_both_schemes(page: Page, axe: Axe, name: str) -> None:
    """The page follows the scheme in its style sheet only, so that nothing else differs."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        contrast, words = page.evaluate(CONTRAST)
        assert contrast >= LEAST_CONTRAST, (name, scheme, words)
    assert axe(page, "cat.color") == [], (name, SCHEMES[-1])


@pytest.mark.parametrize("width", WIDTHS)
def test_linked_passage_passes_axe_and_has_contrast(open_page: OpenPage, axe: Axe, site: Server, width: int) -> None:
    (result, *_) = site.search("mooring fee")["results"]
    page = open_page(f"/d/{result['document']['id']}#{result['id']}", width=width)
    page.get_by_text("Contents").click()
    assert axe(page) == []
    check_colours_in_both_schemes(page, axe, "linked passage")


def test_empty_collection(browser: Browser, axe: Axe, data_folder: Callable[[], Path], start_server: StartServer) -> None:
    with start_server(data_folder()) as empty:
        assert empty.request("DELETE", "/v1/documents/press-release").status == 200
        context = browser.new_context(base_url=empty.address)
        page = context.new_page()
        page.goto("/")
        expect(page.get_by_role("heading", name="There are no documents here yet")).to_be_visible()
        assert axe(page) == []
        page.goto("/?q=anything")
        expect(page.get_by_role("heading", name="Not in these documents")).to_be_visible()
        assert axe(page) == []
        page.goto("/manage")
        expect(page.get_by_text("There are no documents yet")).to_be_visible()
        assert axe(page) == []
        context.close()


@pytest.mark.parametrize("address", ["/", "/?q=mooring+fee", "/embed", "/chat?q=mooring+fee", "/manage", "/d//parking-permit"])
def test_page_weight(open_page: OpenPage, address: str) -> None:
    page = open_page(None)
    loaded: list[Response] = []
    page.on("response", lambda response: loaded.append(response))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    weights = [len(response.body()) for response in loaded]
    assert len(weights) > 3
    assert sum(weights) <= MOST_BYTES


def test_print_style_hides_controls(open_page: OpenPage) -> None:
    page = open_page("/?q=mooring+fee")
    page.emulate_media(media="print")
    expect(page.get_by_text("The mooring fee is £18 a night.").first).to_be_visible()
    for hidden in ("#q", "header", ".links", ".feedback"):
        expect(page.locator(hidden).first).to_be_hidden()


def test_reduced_motion_stops_the_animation(open_page: OpenPage) -> None:
    page = open_page("/", reduced_motion="reduce")
    keep_waiting(page)
    assert page.evaluate("getComputedStyle(document.querySelector('form.waiting'), '::after').animationName") == "none"
