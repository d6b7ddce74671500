"""A hundred texts that would run a script wherever a page took them for markup: as title, text, heading, file name, metadata, URL and
question. Nothing runs, and the policy has nothing to report, because nothing of it ever becomes markup."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

PAYLOADS: list[str] = json.loads((Path(__file__).parent.parent.parent / "data" / "markup_payloads.json").read_text("utf-8"))

# Every element that a page may have; a payload that became markup would bring another, or an attribute that is not among these.
ELEMENTS = set(
    "html head meta title link script base body a header nav main form h1 h2 h3 h4 label div input button span details summary ul ol"
    " li p kbd section blockquote time mark article".split()
)
LOOK = """() => [[...new Set([...document.querySelectorAll("*")].map((element) => element.localName))],
  [...document.querySelectorAll("*")].flatMap((element) => [...element.attributes].map(({ name }) => name))
    .filter((name) => name.startsWith("on") || name === "style" || name === "srcdoc"),
  [...document.querySelectorAll("[href], [src], [action]")].map((e) => e.href ?? e.src ?? e.action).filter((at) => !/^https?:/.test(at)),
  window.violations ?? []]"""


def test_there_are_a_hundred_of_them() -> None:
    assert len(set(PAYLOADS)) == 100


def _as_written(payload: str) -> str:
    """Markdown for a heading that reads so."""
    return re.sub(r"([^\w\s])", r"\\\1", " ".join(payload.split()), flags=re.ASCII)


@pytest.fixture(scope="module")
def hostile(data_folder: Callable[[], Path], start_server: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """A server of documents that are made of them: one for each, and files that are called by them."""
    with start_server(data_folder(), QA_FEEDBACK="true", QA_UPLOAD_PAGE="true") as running:
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
        headed = "\n\n".join(f"## {_as_written(payload)}\n\nHarbour heading {n}." for n, payload in enumerate(PAYLOADS))
        html = "".join(f"<h2>{escape(payload)}</h2><p>{payload}</p><p>Harbour markup.</p>" for payload in PAYLOADS)
        jobs = [running.upload("hostile.jsonl", lines.encode()), running.upload("headed.md", headed.encode(), id="headed")]
        jobs.append(running.upload("markup.html", html.encode(), id="markup"))
        names = [payload.replace('"', "%22").replace("\n", " ").replace("\r", " ") + ".txt" for payload in PAYLOADS]
        for number, name in enumerate(names):
            jobs.append(running.upload(name, f"Harbour file {number}.".encode(), id=f"file-{number}"))
        for job in jobs:
            assert job.status == 202, job.text
            assert running.finished(job.json()["job"])["documents"], job.text
        yield running
        assert "Traceback" not in running.log, running.log


Visit = Callable[[str], None]


@pytest.fixture
def page(open_page: Any, hostile: Any) -> Any:
    """One window, led from address to address; `open_page` looks it over in the end."""
    return open_page(None, base=hostile.address)


def look_over(page: Any, what: str) -> None:
    elements, attributes, addresses, violations = page.evaluate(LOOK)
    assert set(elements) <= ELEMENTS, what
    assert attributes == [], what
    assert addresses == [], what
    assert violations == [], what


@pytest.mark.parametrize("part", range(4))
def test_documents_made_of_them_are_shown_as_text(page: Any, hostile: Any, part: int) -> None:
    for number in range(part, len(PAYLOADS), 4):
        page.goto(f"/d/hostile-{number}")
        assert page.locator("h1").evaluate("e => e.textContent").split() == PAYLOADS[number].split()
        assert PAYLOADS[number] in page.locator(".text").evaluate("e => e.textContent")
        look_over(page, PAYLOADS[number])


def test_headings_and_marked_up_files_are_shown_as_text(page: Any) -> None:
    for address, headings in (("/d/headed", 100), ("/d/markup", 80)):  # the reader of HTML drops some
        page.goto(address)
        assert page.locator(".text h2, .text h3").count() >= headings
        look_over(page, address)


def test_titles_and_passages_among_results_are_text(page: Any) -> None:
    for query in ("Harbour rule number", "Harbour heading", "Harbour file"):
        page.goto(f"/?q={quote(query)}&limit=100")  # made on the server
        assert page.locator(".result").count() > 20
        look_over(page, query)
        page.evaluate("history.pushState(null, '', '/')")
        page.evaluate("history.back()")  # and once more by the script
        page.wait_for_function("() => document.querySelectorAll('#found .result').length > 20")
        look_over(page, query)


@pytest.mark.parametrize("part", range(2))
def test_questions_made_of_them_are_text(page: Any, part: int) -> None:
    for payload in PAYLOADS[part::2]:
        page.goto(f"/?q={quote(payload)}")
        page.locator("#found section").wait_for()
        assert page.locator("#q").input_value() == " ".join(payload.split("\n")).strip() or "\n" in payload
        look_over(page, payload)
    for payload in PAYLOADS[part::10]:
        page.goto("/")
        page.get_by_label("Ask these documents").fill(payload)
        page.keyboard.press("Enter")
        page.locator("#found section").wait_for()
        look_over(page, payload)


def test_conversations_about_them_are_text(page: Any) -> None:
    for first in range(0, len(PAYLOADS), 20):
        page.goto("/chat?" + "&".join(f"q={quote(payload)}" for payload in PAYLOADS[first : first + 20]))
        assert page.locator(".turn").count() == 20
        look_over(page, "turns from the server")
    for payload in PAYLOADS[::10]:
        page.goto("/chat")
        page.get_by_label("Your question").fill(payload)
        page.keyboard.press("Enter")
        page.locator("#latest .reply:not([aria-busy])").wait_for()
        look_over(page, payload)


def test_feedback_repeats_a_question_as_text(open_page: Any, hostile: Any) -> None:
    page = open_page(None, base=hostile.address, scripts=False)
    for payload in PAYLOADS[::10]:
        page.goto(f"/?q={quote(payload)}")
        page.get_by_role("button", name="No", exact=True).click()
        page.wait_for_url("**/feedback")
        look_over(page, payload)


def test_files_called_by_them_are_listed_as_text(page: Any, hostile: Any) -> None:
    page.goto("/upload")
    files = [
        {"name": f"{n} {payload.replace('/', ' ')}.exe", "mimeType": "", "buffer": b"x"}
        for n, payload in enumerate(PAYLOADS[::4])
    ]
    page.get_by_label("Choose files").set_input_files(files)
    page.wait_for_function("() => document.querySelectorAll('.files .done, .files .failed').length === 25")
    look_over(page, "files")
    page.goto("/upload?" + "&".join(f"job={number}" for number in range(1, 101)))
    assert page.locator(".files li").count() == 100
    look_over(page, "jobs")
