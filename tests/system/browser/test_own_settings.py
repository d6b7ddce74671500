"""The title and colours of a collection in a browser, which heeds the policy of the page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from werkzeug.serving import make_server

from qa.settings.settings import Settings
from qa.web.application import create_app
from tests.qa.web import prepared_answers as prepared

if TYPE_CHECKING:
    from tests.system.browser.conftest import OpenPage


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prepared")
    service = prepared.prepared_service(folder)
    settings = Settings(
        data=folder, collections={"default": {"title": "Warm homes", "color": "rgb(1, 2, 3)", "language": "de"}}
    )
    server = make_server("127.0.0.1", 0, create_app(lambda: service, settings), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_collection_has_its_own_colours_title_and_language(open_page: OpenPage, address: str) -> None:
    page = open_page("/c/default", base=address)
    colour = "getComputedStyle(document.querySelector('form button')).backgroundColor"
    assert page.evaluate(colour) == "rgb(1, 2, 3)"
    page.get_by_label("Warm homes").fill(prepared.SPAN)
    page.keyboard.press("Enter")
    page.locator("#results section").first.wait_for()
    assert page.title() == f"{prepared.SPAN} – Warm homes"
    assert page.locator("#verdict").inner_text() == "Wahrscheinlich die Antwort"
    elsewhere = open_page("/", base=address)
    assert elsewhere.evaluate(colour) != "rgb(1, 2, 3)"
    assert elsewhere.title() == "Quotable"
