"""What a collection has of its own, on its pages and in its answers; nothing of it for who may not read the collection."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import pytest
from flask.testing import FlaskClient

from qa.assembly import answerer_over
from qa.operate.keys import KeyRing
from qa.settings.settings import Settings
from qa.state_files import FolderFiles
from qa.web.access.gate import Access
from qa.web.application import create_app
from tests.conftest import MakeFolder, RunProcess
from tests.qa.web.access.private_documents import Site, open_site
from tests.qa.web.access.test_private_documents import without_times

FARE = "What does the ferry cost?"
OWN = {
    "hr": {
        "title": "The people's office",
        "language": "de",
        "example_questions": ["Wie viel kostet die Fähre?"],
        "answer_threshold": 1.0,
        "color": "#0b5d3b",
        "background": "light-dark(white, #14171a)",
    }
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With the settings; its callers are those of `private_documents`."""
    folder = tmp_path_factory.mktemp("data")
    with open_site(folder) as opened:
        settings = Settings(data=folder, reader="none", collections=OWN)
        answerer = answerer_over(opened.service.engine, settings)
        chatbot = replace(opened.service.chatbot, answerer=answerer)
        service = replace(opened.service, answerer=answerer, chatbot=chatbot)
        access = Access(KeyRing(FolderFiles(folder)), local=False, public=True)
        yield replace(opened, app=create_app(lambda: service, settings, access), service=service)


def page(client: FlaskClient, path: str) -> str:
    return client.get(path, headers={"Accept-Language": "cy"}).text


@pytest.mark.parametrize("path", ["/c/hr", "/embed?collection=hr", "/?collection=hr"])
def test_its_pages_have_its_title_language_examples_and_colours(site: Site, path: str) -> None:
    client = site.client("hr staff")
    response = client.get(path, headers={"Accept-Language": "cy"})
    assert '<label for="q">The people&#39;s office</label>' in response.text
    assert '<html lang="de"' in response.text
    assert "Wie viel kostet die Fähre?" in response.text
    (style,) = re.findall("<style>(.*?)</style>", response.text)
    assert style == ":root{--link:#0b5d3b;--ground:light-dark(white, #14171a);}"
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'self' 'sha256-{digest}';" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/c/press", "/embed"])
def test_other_pages_are_as_before(site: Site, path: str) -> None:
    response = site.client("the unbound reader").get(path, headers={"Accept-Language": "cy"})
    assert '<html lang="cy"' in response.text
    assert "<style>" not in response.text
    assert "sha256" not in response.headers["Content-Security-Policy"]
    assert "kostet" not in response.text


def test_the_chooser_shows_its_title(site: Site) -> None:
    assert "The people&#39;s office" in page(site.client("the unbound reader"), "/")
    assert "office" not in page(site.client("the press"), "/")


@pytest.mark.parametrize("path", ["/c/{}", "/embed?collection={}", "/?collection={}", "/?q=tides&collection={}"])
def test_who_may_not_read_it_gets_what_a_collection_that_is_not_there_gives(site: Site, path: str) -> None:
    client = site.client("the press")
    there, missing = (page(client, path.format(name)) for name in ("hr", "nn"))
    assert without_times(re.sub(r"\bhr\b", "nn", there)) == without_times(missing)


def test_its_threshold_is_for_questions_to_it_alone(site: Site) -> None:
    client = site.client("the unbound reader")
    asked = {name: {"query": FARE, **({"collection": name} if name else {})} for name in ("", "press", "hr")}
    answerable = {name: client.post("/v1/search", json=each).json["answerable"] for name, each in asked.items()}
    assert answerable == {"": True, "press": True, "hr": False}
    filtered = {"query": FARE, "filter": {"type": "eq", "key": "collection", "value": "hr"}}
    assert not client.post("/v1/search", json=filtered).json["answerable"]
    for model, refused in (("quotable", False), ("quotable/hr", True)):
        chat = {"model": model, "messages": [{"role": "user", "content": FARE}]}
        reply = client.post("/v1/chat/completions", json=chat).json["choices"][0]["message"]["content"]
        assert reply.startswith("Not in these documents") is refused
    assert "Nicht in diesen Dokumenten" in client.get("/c/hr", query_string={"q": FARE}).text


def test_a_language_that_the_pages_do_not_speak_is_refused_at_the_start(qa: RunProcess, data_folder: MakeFolder) -> None:
    refused = qa("--data", data_folder(), "serve", "--port", "0", QA_COLLECTIONS='{"press": {"language": "fr"}}')
    assert refused.code == 2
    assert "press.language: the pages do not speak 'fr'; they speak en, cy, de" in refused.stderr
