"""The pages of one document: a quote marked in its text and boxed on the page of its PDF file, and links to both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from corpus.readers.pdf.page_view import draw_page
from corpus.readers.scans.tesseract import OcrMissing, Tesseract
from corpus.sandbox.pool import Sandbox
from corpus.types import Document
from index.embedded.opening import open_engine_to_write
from index.types import Origin
from qa.assembly import service_over
from qa.ingest.contents import Content, Report, store
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.settings.settings import Settings
from qa.web.application import create_app
from tests.corpus.readers.conftest import pdf_of
from tests.index.engine.reference import HashingEmbedder
from tests.qa.web.pages.test_pages import Page

SENTENCE = "The ferry to the island costs seven pounds, and children under five sail for nothing."
PAGES = [
    [(18, 760, "Ferries"), (10, 720, "Ferries sail in summer only. This page says nothing of fares.")],
    [
        (10, 720, "Boats leave at noon. The ferry to the island costs seven pounds, and"),
        (10, 708, "children under five sail for nothing. Dogs stay at home."),
    ],
    [],
]
WEB_PAGE = """You can renew a card at any hour. It takes three days, or a week in well-known cases, as they say.

- Bring a photo
- Pay £12"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder: Path = tmp_path_factory.mktemp("pages")
    with (
        DocumentWriter(open_engine_to_write(folder, lambda _: ("hashing", HashingEmbedder()))) as writer,
        Sandbox() as sandbox,
    ):
        for name, body, kept in (
            ("ferry.pdf", pdf_of(PAGES), True),
            ("gone.pdf", pdf_of(PAGES), False),
            ("a/page/1", pdf_of(PAGES), True),
            ("broken.pdf", pdf_of(PAGES), True),
            *([("scan.png", draw_page(pdf_of(PAGES), "x.pdf", 2), True)] if ocr_missing() is None else []),
        ):
            writer.keep_originals = kept
            report = Report()
            list(store(writer, sandbox, Content(body, name, Origin(f"upload:{name}", name, file_name=name), name), report))
            assert not report.failures
        card = Document(text=WEB_PAGE, title="Cards", language="en", url="https://example.org/cards")
        writer.put(IncomingDocument("card", card))
        service = service_over(writer.engine, Settings(data=folder))
        yield create_app(lambda: service, Settings(data=folder))


def ocr_missing() -> OcrMissing | None:
    try:
        Tesseract()
    except OcrMissing as error:
        return error
    return None


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def found(client: FlaskClient, query: str, document_id: str) -> Any:
    """The result of a search whose passage and quote are the links' target."""
    body = {"query": query, "filter": {"type": "eq", "key": "id", "value": document_id}}
    return client.post("/v1/search", json=body).get_json()["results"][0]


def text_of(client: FlaskClient, document_id: str) -> str:
    return str(client.get(f"/v1/documents/{document_id}/text").get_json()["text"])


def place(client: FlaskClient, document_id: str, words: str) -> str:
    start = text_of(client, document_id).index(words)
    return f"start={start}&end={start + len(words)}"


def shown(client: FlaskClient, address: str) -> Page:
    response = client.get(address)
    assert response.status_code == 200, response.get_data(as_text=True)
    return Page(response.get_data(as_text=True))


def test_the_text_marks_the_quote_and_not_its_passage(client: FlaskClient) -> None:
    page = shown(client, f"/d/ferry.pdf?{place(client, 'ferry.pdf', SENTENCE)}")
    assert page.inside["mark"] == [SENTENCE]
    assert page.attributes("mark") == [{"id": "quote"}]
    assert any(SENTENCE in passage and passage != SENTENCE for passage in page.inside["span"])
    assert text_of(client, "ferry.pdf") in page.text
    assert "mark" not in shown(client, "/d/ferry.pdf").inside


def test_quotes_from_an_image_are_labelled_in_the_api_and_on_the_pages(client: FlaskClient) -> None:
    if error := ocr_missing():
        pytest.skip(f"{error}; apt-get install tesseract-ocr tesseract-ocr-eng")
    label = "Text read from images by OCR, which may misread words"
    result = found(client, "what does the ferry cost", "scan.png")
    assert SENTENCE in result["text"]
    assert (result["document"]["note"], result["page_url"]) == (label, None)
    assert label in shown(client, "/d/scan.png").text
    assert label in shown(client, "/?q=what+does+the+ferry+to+the+island+cost").text


def test_a_quote_over_several_blocks_and_pages_is_marked_in_each(client: FlaskClient) -> None:
    text = text_of(client, "ferry.pdf")
    start, end = text.index("This page"), text.index(" The ferry")
    page = shown(client, f"/d/ferry.pdf?start={start}&end={end}")
    assert "".join(page.inside["mark"]).split() == text[start:end].split()
    assert [mark for mark in page.attributes("mark") if mark] == [{"id": "quote"}]
    assert [span.get("id") for span in page.attributes("span") if "data-page" in span] == ["page-1", "page-2"]
    for number, boxes in ((1, 1), (2, 1)):
        on_page = shown(client, f"/d/ferry.pdf/page/{number}?start={start}&end={end}")
        assert len(on_page.attributes("rect")) == boxes
        others = [link["href"] for link in on_page.attributes("a") if link.get("rel") in ("prev", "next")]
        assert f"/d/ferry.pdf/page/{3 - number}?start={start}&end={end}" in others[0]


def test_a_changed_document_marks_nothing_and_says_so(client: FlaskClient) -> None:
    quote = place(client, "ferry.pdf", SENTENCE)
    for address in (f"/d/ferry.pdf?{quote}&version=0123456789ab", "/d/ferry.pdf?start=10&end=99999999"):
        for page in (shown(client, address), shown(client, address.replace("?", "/page/2?"))):
            assert "mark" not in page.inside
            assert page.attributes("rect") == []
            assert "The document has changed since this link was made" in page.text


@pytest.mark.parametrize("query", ["start=x", "start=-1", "end=1.5", "version=xyz", "quote=3", "start=1&start=2"])
def test_refuses_a_place_that_is_none(client: FlaskClient, query: str) -> None:
    for address in ("/d/ferry.pdf", "/d/ferry.pdf/page/1"):
        assert client.get(f"{address}?{query}").status_code in (400, 422)


def test_the_page_of_a_quote_is_where_it_begins_and_not_its_passage(client: FlaskClient) -> None:
    question = "what does the ferry to the island cost"
    result = found(client, question, "ferry.pdf")
    assert result["start"] < text_of(client, "ferry.pdf").index("Boats") < result["highlights"][0]["start"]
    only = {"type": "eq", "key": "id", "value": "ferry.pdf"}
    answer = client.post("/v1/search", json={"query": question, "filter": only}).get_json()["answer"]
    message = {"role": "user", "content": f"{question}?"}
    reply = client.post("/v1/chat/completions", json={"model": "quotable", "messages": [message]}).get_json()
    cited = reply["choices"][0]["message"]["annotations"][0]
    assert (answer["page"], result["page"]) == (2, 2)
    assert answer["text"] == cited["quote"] == SENTENCE
    for quote in (answer, result, cited):
        assert re.match(r"/d/[a-z./1]+/page/2\?", quote["page_url"])
    first = client.get(f"/v1/passages/{result['id']}").get_json()
    assert (first["page"], "/page/1?" in first["page_url"]) == (1, True)


def test_results_link_to_the_page_with_the_quote_boxed(client: FlaskClient) -> None:
    result = found(client, "what does the ferry to the island cost", "ferry.pdf")
    quote = result["text"][slice(*(result["highlights"][0][key] - result["start"] for key in ("start", "end")))]
    page = shown(client, result["page_url"].partition("#")[0])
    assert page.inside["mark"] == [quote]
    assert page.attributes("rect")[0]["id"] == "quote"
    assert all(int(box["width"] or 0) > 0 and int(box["height"] or 0) > 0 for box in page.attributes("rect"))
    search = shown(client, "/?q=what+does+the+ferry+to+the+island+cost&source=ferry.pdf")
    links = dict(zip((link["href"] for link in search.attributes("a")), search.inside["a"], strict=True))
    assert links[result["page_url"]] == "Show page"
    assert found(client, "renew a card", "card")["page_url"] is None
    assert found(client, "what does the ferry cost", "gone.pdf")["page_url"] is None


def test_a_page_shows_its_image_with_boxes_and_its_text(client: FlaskClient) -> None:
    page = shown(client, f"/d/ferry.pdf/page/2?{place(client, 'ferry.pdf', SENTENCE)}")
    assert len(page.attributes("rect")) == 2
    (image,) = page.attributes("image")
    response = client.get(str(image["href"]))
    assert (response.status_code, response.mimetype) == (200, "image/png")
    assert response.data.startswith(b"\x89PNG")
    assert (
        response.headers["Content-Security-Policy"]
        == "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    size = [int.from_bytes(response.data[place : place + 4]) for place in (16, 20)]
    assert page.attributes("svg")[0]["viewbox"] == f"0 0 {size[0]} {size[1]}"
    assert "Dogs stay at home." in page.text
    assert "Page 2 of 3" in page.text
    assert [(link["rel"], link["href"]) for link in page.attributes("a") if link.get("rel") in ("prev", "next")][:2] == [
        ("prev", "/d/ferry.pdf/page/1"),
        ("next", "/d/ferry.pdf/page/3"),
    ]
    assert "This page has no text." in shown(client, "/d/ferry.pdf/page/3").text


def test_an_image_that_the_browser_has_is_not_sent_again(client: FlaskClient) -> None:
    first = client.get("/d/ferry.pdf/page/1.png")
    again = client.get("/d/ferry.pdf/page/1.png", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert first.headers["Cache-Control"] == "private, no-cache"
    other = client.get("/d/ferry.pdf/page/2.png", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200
    assert other.data != first.data


def test_a_quote_on_another_page_leads_there(client: FlaskClient) -> None:
    response = client.get(f"/d/ferry.pdf/page/1?{place(client, 'ferry.pdf', SENTENCE)}")
    assert response.status_code == 302
    assert re.match(r"/d/ferry\.pdf/page/2\?start=\d+&end=\d+&version=[0-9a-f]{12}#quote$", response.headers["Location"])


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("/d/none/page/1", "No document has this id"),
        ("/d/card/page/1", "“Cards” is no PDF file"),
        ("/d/gone.pdf/page/1", "is not kept"),
        ("/d/ferry.pdf/page/0", "has no page 0. Its last page is 3"),
        ("/d/ferry.pdf/page/4", "has no page 4. Its last page is 3"),
    ],
)
def test_says_why_there_is_no_page(client: FlaskClient, address: str, reason: str) -> None:
    for each in (address, f"{address}.png"):
        response = client.get(each, headers={"Accept": "text/html"})
        assert response.status_code == 404
        assert reason in response.get_data(as_text=True)


def test_a_page_that_cannot_be_drawn_still_has_its_text(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = type(app.extensions["quotable"]().engine)
    monkeypatch.setattr(engine, "original", lambda *_: b"%PDF-1.7 and then nothing")
    page = shown(client, "/d/broken.pdf/page/2")
    assert "cannot be shown as an image: broken.pdf is a damaged" in page.text
    assert SENTENCE in page.text
    assert page.attributes("svg") == []
    assert client.get("/d/broken.pdf/page/3.png").status_code == 404


def test_an_id_like_the_address_of_a_page_is_still_that_document(client: FlaskClient) -> None:
    assert text_of(client, "a/page/1") in shown(client, "/d/a/page/1").text
    page = shown(client, "/d/a/page/1/page/2")
    assert page.attributes("image")[0]["href"] == "/d/a/page/1/page/2.png"
    assert client.get("/d/a/page/1/page/2.png").mimetype == "image/png"


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        ("You can renew a card at any hour.", "You%20can%20renew%20a%20card%20at%20any%20hour."),
        (
            "It takes three days, or a week in well-known cases, as they say.",
            "It%20takes%20three%20days%2C,cases%2C%20as%20they%20say.",
        ),
        ("or a week in well-known cases", "or%20a%20week%20in%20well%2Dknown%20cases"),
        ("- Bring a photo\n- Pay £12", "Bring%20a%20photo,Pay%20%C2%A312"),
    ],
)
def test_links_to_the_source_name_the_words_of_the_quote(client: FlaskClient, words: str, fragment: str) -> None:
    page = shown(client, f"/d/card?{place(client, 'card', words)}")
    links = [link["href"] for link in page.attributes("a") if link.get("rel") == "noreferrer"]
    assert links == [f"https://example.org/cards#:~:text={fragment}"]
    plain = shown(client, "/d/card")
    assert "https://example.org/cards" in [link["href"] for link in plain.attributes("a")]
