"""A hundred script injections as title, text, heading, file name, metadata, URL and question: all are shown as text, none runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.conftest import Server, StartServer
from tests.system.browser.conftest import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.system.browser.conftest import OpenPage

PAYLOADS: list[str] = json.loads((Path(__file__).parent.parent.parent / "data" / "markup_payloads.json").read_text("utf-8"))

# Quarters of the payloads: a page for each payload takes long, and pages with all of them are in every run.
QUARTERS = [0, *(pytest.param(number, marks=pytest.mark.long) for number in range(1, 4))]

# The elements of the pages. A payload that became markup would add others, or attributes.
ELEMENTS = set(
    "html head meta title link script base body a header nav main form h1 h2 h3 h4 label div input button span details summary ul ol"
    " li p kbd section blockquote time mark article strong select option textarea datalist table thead tbody tr th td code dl dt dd".split()
)
INSPECT = """() => [[...new Set([...document.querySelectorAll("*")].map((element) => element.localName))],
  [...document.querySelectorAll("*")].flatMap((element) => [...element.attributes].map(({ name }) => name))
    .filter((name) => name.startsWith("on") || name === "style" || name === "srcdoc"),
  [...document.querySelectorAll("[href], [src], [action]")].map((e) => e.href ?? e.src ?? e.action).filter((at) => !/^https?:/.test(at)),
  window.violations ?? []]"""


def test_has_a_hundred_payloads() -> None:
    assert len(set(PAYLOADS)) == 100


def _as_markdown(payload: str) -> str:
    """The payload as escaped Markdown."""
    return re.sub(r"([^\w\s])", r"\\\1", " ".join(payload.split()), flags=re.ASCII)


@pytest.fixture(scope="module")
def hostile(data_folder: Callable[[], Path], start_server: StartServer) -> Iterator[Server]:
    """A server with a document and a file name for each payload."""
    with start_server(data_folder(), QA_FEEDBACK="true") as running:
        records = [
            {
                "id": f"hostile-{number}",
                "title": payload,
                "text": f"Harbour rule number {number} is {payload} and nothing else.\n\n{payload}",
                "url": payload,
                "date": "2025-01-20",
                "metadata": {"note": payload, payload[:200]: "x", "list": [payload]},
            }
            for number, payload in enumerate(PAYLOADS)
        ]
        lines = "\n".join(json.dumps(record) for record in records)
        headed = "\n\n".join(f"## {_as_markdown(payload)}\n\nHarbour heading {n}." for n, payload in enumerate(PAYLOADS))
        html = "".join(f"<h2>{escape(payload)}</h2><p>{payload}</p><p>Harbour markup.</p>" for payload in PAYLOADS)
        jobs = [running.upload("hostile.jsonl", lines.encode()), running.upload("headed.md", headed.encode(), id="headed")]
        jobs.append(running.upload("markup.html", html.encode(), id="markup"))
        names = [payload.replace('"', "%22").replace("\n", " ").replace("\r", " ") + ".txt" for payload in PAYLOADS[::2]]
        for number, name in enumerate(names):
            jobs.append(running.upload(name, f"Harbour file {number}.".encode(), id=f"file-{number}"))
        for job in jobs:
            assert job.status == 202, job.text
            assert running.finished(job.json()["job"])["documents"], job.text
        yield running
        assert "Traceback" not in running.log, running.log


Visit = Callable[[str], None]


@pytest.fixture
def page(open_page: OpenPage, hostile: Server) -> Page:
    """One window for all addresses; `open_page` checks it after the test."""
    return open_page(None, base=hostile.address)


def check_page(page: Page, what: str) -> None:
    elements, attributes, addresses, violations = page.evaluate(INSPECT)
    assert set(elements) <= ELEMENTS, what
    assert attributes == [], what
    assert addresses == [], what
    assert violations == [], what


@pytest.mark.parametrize("quarter", QUARTERS)
def test_document_pages_show_payloads_as_text(page: Page, quarter: int) -> None:
    for number in range(quarter, len(PAYLOADS), 4):
        page.goto(f"/d/hostile-{number}")
        assert page.locator("h1").evaluate("e => e.textContent").split() == PAYLOADS[number].split()
        assert PAYLOADS[number] in page.locator(".text").evaluate("e => e.textContent")
        check_page(page, PAYLOADS[number])


def test_headings_and_html_files_show_payloads_as_text(page: Page) -> None:
    for address, headings in (("/d/headed", 100), ("/d/markup", 80)):  # the HTML reader drops some
        page.goto(address)
        assert page.locator(".text h2, .text h3").count() >= headings
        check_page(page, address)


def test_results_show_payloads_as_text(page: Page) -> None:
    for query in ("Harbour rule number", "Harbour heading", "Harbour file"):
        page.goto(f"/?q={quote(query)}&limit=100")  # rendered on the server
        assert page.locator(".result").count() > 20
        check_page(page, query)
        page.evaluate("history.pushState(null, '', '/')")
        page.evaluate("history.back()")  # rendered by the script
        page.wait_for_function("() => document.querySelectorAll('#results .result').length > 20")
        check_page(page, query)


@pytest.mark.parametrize("quarter", QUARTERS)
def test_questions_are_shown_as_text(page: Page, quarter: int) -> None:
    for payload in PAYLOADS[3 - quarter :: 4]:  # not those of the document pages
        page.goto(f"/?q={quote(payload)}")
        page.locator("#results section.answer").wait_for()
        assert page.locator("#q").input_value() == " ".join(payload.split("\n")).strip() or "\n" in payload
        check_page(page, payload)
    for payload in PAYLOADS[3 - quarter :: 20]:
        page.goto("/")
        page.get_by_label("Ask these documents").fill(payload)
        page.keyboard.press("Enter")
        page.locator("#results section.answer").wait_for()
        check_page(page, payload)


def test_conversations_show_payloads_as_text(page: Page) -> None:
    for first in range(0, len(PAYLOADS), 20):
        page.goto("/chat?" + "&".join(f"q={quote(payload)}" for payload in PAYLOADS[first : first + 20]))
        expect(page.locator(".turn")).to_have_count(20)
        check_page(page, "turns from the server")
    for payload in PAYLOADS[::20]:
        page.goto("/chat")
        page.get_by_label("Your question").fill(payload)
        page.keyboard.press("Enter")
        page.locator("#latest .reply:not([aria-busy])").wait_for()
        check_page(page, payload)


def test_feedback_page_shows_the_question_as_text(open_page: OpenPage, hostile: Server) -> None:
    page = open_page(None, base=hostile.address, scripts=False)
    for payload in PAYLOADS[::20]:
        page.goto(f"/?q={quote(payload)}")
        page.get_by_role("button", name="No", exact=True).click()
        page.wait_for_url("**/feedback")
        check_page(page, payload)


def test_manager_shows_titles_file_names_and_metadata_as_text(page: Page, hostile: Server) -> None:
    page.goto("/manage")
    files = [
        {"name": f"{n} {payload.replace('/', ' ')}.exe", "mimeType": "", "buffer": b"x" * (n % 2)}
        for n, payload in enumerate(PAYLOADS[::4])
    ]
    page.get_by_label("Choose files").set_input_files(files)
    page.locator("#failed", has_text="13").wait_for(timeout=120_000)
    page.wait_for_function("() => document.querySelectorAll('.files li').length === 12")
    check_page(page, "files")
    for sort in ("title", "-title", "file_name", "-added"):
        page.goto(f"/manage?sort={sort}&" + "&".join(f"job={number}" for number in range(1, 51)))
        expect(page.locator(".files li")).to_have_count(50)
        check_page(page, sort)
    for number, payload in [*enumerate(PAYLOADS)][::20]:
        page.goto(f"/manage/document?id=hostile-{number}&list={quote(payload)}")
        check_page(page, payload)
        expect(page.get_by_label("Title", exact=True)).to_have_value(" ".join(payload.split("\n")))
    page.goto("/manage/remove?" + "&".join(f"id=hostile-{number}" for number in range(100)))
    expect(page.locator("main li")).to_have_count(100)
    check_page(page, "removal")
