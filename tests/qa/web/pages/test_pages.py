"""The pages without JavaScript: markup, escaping, links to passages, security headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import quote, urlsplit

import pytest

from tests.conftest import Response, Server

VOID = {"meta", "link", "input", "br", "hr", "img"}


@dataclass
class Page(HTMLParser):
    """A page's tags in order, its text, and the text inside each kind of tag."""

    source: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""
    inside: dict[str, list[str]] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)
        self.close()
        assert self._open == [], "a tag is not closed"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)
            self.inside.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        for tag in self._open:
            self.inside[tag][-1] += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(response: Response) -> Page:
    assert response.headers.get_content_type() == "text/html"
    return Page(response.text)


def test_search_page_is_a_form_without_inline_scripts(server: Server) -> None:
    response = server.get("/")
    assert response.status == 200
    shown = page(response)
    (form,) = shown.attributes("form")
    assert (form["action"], form.get("method", "get")) == ("/", "get")
    assert [box["name"] for box in shown.attributes("input") if "name" in box] == ["q"]
    assert not any(name.startswith("on") for _, attributes in shown.tags for name in attributes)
    assert all("src" in script for script in shown.attributes("script"))


def test_shows_the_quote_the_passages_and_their_links(server: Server, press_release_text: str) -> None:
    question = "Who signed the memorandum?"
    found = server.search(question)
    response = server.get(f"/?q={quote(question)}")
    shown = page(response)
    assert response.status == 200
    assert found["answerable"]
    assert found["answer"]["text"] in shown.inside["blockquote"][0]
    assert found["answer"]["text"] in shown.inside["mark"]
    assert all(result["text"] in shown.text for result in found["results"])
    assert "Not in these documents" not in shown.text
    links = [link["href"] or "" for link in shown.attributes("a")]
    for result in found["results"]:
        (mark,) = result["highlights"]
        version = result["document"]["version"].removeprefix("sha256:")[:12]
        place = f"start={mark['start']}&end={mark['end']}&version={version}"
        assert f"/d/{result['document']['id']}?{place}#quote" in links
    assert question in [box.get("value") for box in shown.attributes("input")]


@pytest.mark.parametrize("question", ["What is the capital of France?", "asdf qwer zxcv"])
def test_without_an_answer_shows_the_nearest_passages(server: Server, question: str) -> None:
    response = server.get(f"/?q={quote(question)}")
    shown = page(response)
    assert response.status == 200
    assert "Not in these documents" in shown.text
    assert "blockquote" not in shown.inside
    assert all(result["text"] in shown.text for result in server.search(question)["results"])


@pytest.mark.parametrize(
    "question",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='x",
        "</title><b>",
        "{{ 7 * 7 }}",
        "&lt;&amp;",
    ],
)
def test_escapes_the_question(server: Server, question: str) -> None:
    shown = page(server.get(f"/?q={quote(question)}"))
    assert [box.get("value") for box in shown.attributes("input") if box.get("name") == "q"] == [question]
    assert question in shown.inside["title"][0]
    plain = page(server.get("/?q=memorandum"))
    assert {tag for tag, _ in shown.tags} <= {tag for tag, _ in plain.tags} | {"section", "h1", "p"}
    assert not any(name.startswith("on") for _, attributes in shown.tags for name in attributes)


@pytest.mark.parametrize(
    "query_string", ["q=", "q=%20", "q=" + "x" * 2001, "q=a%00b", "q=%ff", "q=a&q=b", "q=a&limit=0", "q=a&x=1"]
)
def test_shows_invalid_questions_on_the_page(server: Server, query_string: str) -> None:
    response = server.get(f"/?{query_string}")
    assert 400 <= response.status < 500
    shown = page(response)
    assert any(attributes.get("role") == "alert" for _, attributes in shown.tags)
    assert shown.attributes("form")


def test_document_page_holds_the_text_and_a_link_target_for_each_passage(server: Server, press_release_text: str) -> None:
    shown = page(server.get("/d/press-release"))
    assert press_release_text in shown.text
    marks = {attributes["id"]: text for attributes, text in zip(with_id(shown), shown.inside["span"], strict=True)}
    for result in server.search("OpenAI", limit=100)["results"]:
        assert marks[result["id"]] == result["text"]


def with_id(shown: Page) -> list[dict[str, str | None]]:
    return [attributes for attributes in shown.attributes("span") if "id" in attributes]


@pytest.mark.parametrize("target", ["/", "/?q=memorandum", "/?q=", "/d/press-release"])
def test_pages_load_only_from_their_own_origin_and_have_no_inline_scripts(server: Server, target: str) -> None:
    response = server.get(target)
    policy = dict(
        part.strip().partition(" ")[::2] for part in response.headers["Content-Security-Policy"].split(";") if part.strip()
    )
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert all(sources in {"'self'", "'none'", "'self' data:"} for sources in policy.values())
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    loaded = [
        a for tag, attributes in page(response).tags if tag != "a" for a in (attributes.get("src"), attributes.get("href"))
    ]
    assert all(urlsplit(address).netloc == "" for address in loaded if address)
    assert not page(response).attributes("style")
    assert not any("style" in attributes for _, attributes in page(response).tags)


def test_loaded_files_exist(server: Server) -> None:
    shown = page(server.get("/"))
    wanted = {a.get("src") or a.get("href") for tag, a in shown.tags if tag in {"link", "script", "img"}}
    assert wanted
    for address in wanted:
        assert server.get(str(address)).status == 200
