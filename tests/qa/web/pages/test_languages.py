"""The pages' words in other languages: complete catalogues, the language that the browser prefers, and its direction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from qa.answering.labels import ALTERNATIVES, CHOSEN, CLOSEST, LIKELY, SAYS_NOTHING_ABOUT
from qa.web.pages import language
from qa.web.pages.document.linked_quote import CHANGED
from qa.web.pages.pages import NAVIGATION
from qa.web.pages.presentation import MONTHS
from qa.web.pages.search_page import FACETS

PAGES = Path(language.__file__).parent
MARKED = re.compile(r'\b_\(\s*"((?:[^"\\]|\\.)*)"')
CONSTANTS = {ALTERNATIVES, CHOSEN, CLOSEST, LIKELY, SAYS_NOTHING_ABOUT, CHANGED, *MONTHS, *FACETS.values(), *NAVIGATION}


def marked() -> Iterator[str]:
    """The messages in the sources of the pages."""
    for kind in ("*.py", "*.html", "*.js"):
        for path in PAGES.rglob(kind):
            yield from MARKED.findall(path.read_text("utf-8"))


def places(message: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(message) if name}


@pytest.mark.parametrize("code", ["cy", "de"])
def test_a_catalogue_has_every_message_and_no_other(code: str) -> None:
    found = language.catalogue(code)
    assert set(found) == {*marked(), *CONSTANTS}
    assert {message for message, translated in found.items() if places(message) != places(translated)} == set()


@pytest.mark.parametrize(
    ("accepted", "code", "title"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Diese Dokumente fragen"),
        ("cy", "cy", "Gofynnwch i’r dogfennau hyn"),
        ("en-GB,cy;q=0.8", "en", "Ask these documents"),
        ("fr, tlh", "en", "Ask these documents"),
        ("", "en", "Ask these documents"),
    ],
)
def test_pages_are_in_the_language_that_the_browser_prefers(server: Any, accepted: str, code: str, title: str) -> None:
    page = server.request("GET", "/", headers={"Accept-Language": accepted})
    assert f'<html lang="{code}" dir="ltr"' in page.text
    assert title in page.text
    assert "Accept-Language" in page.headers["Vary"]


def test_answers_refusals_documents_and_errors_are_translated_and_quotes_are_not(server: Any) -> None:
    def german(target: str) -> str:
        return str(server.request("GET", target, headers={"Accept-Language": "de", "Accept": "text/html"}).text)

    answer = german("/?q=Who+signed+the+memorandum%3F")
    assert "Wahrscheinlich die Antwort" in answer
    assert "21. Juli 2025" in answer
    assert server.search("Who signed the memorandum?")["answer"]["text"].partition("’")[0] in answer
    refusal = german("/?q=What+is+the+capital+of+Mongolia%3F")
    assert "Nicht in diesen Dokumenten" in refusal
    assert "Diese Dokumente sagen nichts über" in refusal
    assert "Stelle kopieren" in german("/d/press-release")
    assert "Ihre Frage" in german("/chat")
    assert "Nicht gefunden" in german("/d/nowhere")
    assert "Documents" in german("/manage")  # English only
    assert 'lang="en"' in german("/docs")[:40]


def test_a_page_of_a_language_written_from_right_to_left_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from qa.web.application import create_app

    (tmp_path / "ar.po").write_text('msgid "Not found"\nmsgstr "غير موجود"\n', "utf-8")
    monkeypatch.setattr(language, "CATALOGUES", tmp_path)
    for cached in (language.languages, language.catalogue):
        cached.cache_clear()
    try:
        page = create_app(lambda: None).test_client().get("/nowhere", headers={"Accept-Language": "ar", "Accept": "text/html"})
        assert '<html lang="ar" dir="rtl"' in page.text
        assert "غير موجود" in page.text
    finally:
        for cached in (language.languages, language.catalogue):
            cached.cache_clear()
