"""Prepared answers in a browser: spans, lists, table rows, several quotes; with and without JavaScript, at every width and scheme."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from werkzeug.serving import make_server

from tests.qa.web import prepared_answers as prepared
from tests.system.browser.conftest import expect
from tests.system.browser.test_every_page import WIDTHS, check_colours_in_both_schemes

if TYPE_CHECKING:
    from tests.system.browser.conftest import Axe, OpenPage

QUESTIONS = [
    prepared.SPAN,
    prepared.SEVERAL,
    prepared.LISTED,
    prepared.ITEM,
    prepared.ROW,
    prepared.UNFIT_ROW,
    prepared.CUT,
    prepared.MISSING,
    prepared.PINNED,
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = prepared.prepared_app(tmp_path_factory.mktemp("prepared"))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("question", QUESTIONS)
def test_server_and_script_build_the_same_answer(open_page: OpenPage, address: str, question: str) -> None:
    markup = "document.getElementById('results').innerHTML"
    with_scripts = open_page("/", base=address)
    without = open_page(f"/?q={question}", base=address, scripts=False)
    with_scripts.get_by_label("Ask these documents").fill(question)
    with_scripts.keyboard.press("Enter")
    with_scripts.locator("#results section").first.wait_for()
    assert with_scripts.evaluate(markup) == without.evaluate(markup)


@pytest.mark.parametrize("width", WIDTHS)
def test_answers_pass_axe_and_have_contrast_and_fit_the_window(open_page: OpenPage, axe: Axe, address: str, width: int) -> None:
    page = open_page(None, base=address, width=width)
    for question in QUESTIONS:
        page.emulate_media(color_scheme="light")
        page.goto(f"/?q={question}&explain=true")
        assert axe(page) == [], question
        if width == max(WIDTHS):  # colours do not depend on the width
            check_colours_in_both_schemes(page, axe, question)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, question
        if question not in (prepared.MISSING, prepared.PINNED):
            expect(page.locator("blockquote").first).to_be_visible()


def test_the_span_is_bolder_than_the_quote(open_page: OpenPage, address: str) -> None:
    page = open_page(f"/?q={prepared.SPAN}", base=address)
    weight = "element => Number(getComputedStyle(element).fontWeight)"
    assert page.locator("blockquote strong").evaluate(weight) > page.locator("blockquote").evaluate(weight)
