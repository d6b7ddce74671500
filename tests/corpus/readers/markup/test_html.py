"""HTML pages: main content, headings and deep nesting."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.readers.builder import TextBuilder
from corpus.readers.markup.html_text import append_html
from corpus.types import Document

Reading = Callable[[bytes, str], Document]
SENTENCES = " ".join(f"The council must reply to request number {number} within ten working days." for number in range(12))


def text_of(source: str) -> str:
    builder = TextBuilder()
    append_html(source, builder)
    return builder.text


def test_blocks_lists_and_tables_become_lines() -> None:
    source = """<h2>Fees</h2><p>You pay <b>one</b> of<br>these:</p><ul><li>by card<ul><li>debit</li></ul></li><li><p>in cash</p></li></ul>
    <ol start=3><li>Apply</li><li>Wait</li></ol><table><tr><th>Type</th><th>Fee</th></tr><tr><td>New</td><td>£10</td></tr></table>"""
    assert text_of(source) == (
        "Fees\n\nYou pay one of\nthese:\n\n- by card\n  - debit\n- in cash\n\n3. Apply\n4. Wait\n\nType | Fee\nNew | £10"
    )


def test_tags_neither_split_nor_join_words() -> None:
    assert text_of("<p>un<b>believ</b>able</p><table><tr><td><i>a</i>b<p>c</td></tr></table>") == "unbelievable\n\nab c"


def test_layout_table_becomes_blocks() -> None:
    assert text_of("<table><tr><td><h1>Top</h1><p>Text.</p></td><td><p>Side.</p></td></tr></table>") == "Top\n\nText.\n\nSide."


def test_skips_scripts_styles_and_hidden_elements() -> None:
    source = "<p>Seen.</p><script>x()</script><style>p{}</style><p hidden>No</p><div style='display: none'>No</div><!-- No -->"
    assert text_of(source) == "Seen."


def test_preformatted_text_keeps_lines() -> None:
    assert text_of("<pre>a  b\n  c</pre>") == "a  b\n  c"


def test_keeps_main_content_only(document: Reading) -> None:
    page = f"""<!doctype html><html><head><title>Reply times - Council</title><link rel=canonical href="https://example.org/reply">
    <meta property="article:published_time" content="2024-02-03T10:00:00Z"></head>
    <body><div id="cookie-banner">We use cookies</div><nav><a href=/>Home</a> <a href=/a>All services</a></nav>
    <main><h1 id=top>Reply times</h1><p>{SENTENCES}</p><h2 id="late">If we are late</h2><p>{SENTENCES}</p></main>
    <footer>Copyright and privacy</footer></body></html>"""
    found = document(page.encode(), "page.html")
    assert (found.title, found.url, found.date) == ("Reply times", "https://example.org/reply", "2024-02-03T10:00:00+00:00")
    assert SENTENCES in found.text
    assert [(each.title, each.anchor) for each in found.headings][-1] == ("If we are late", "late")
    for unwanted in ("cookies", "All services", "Copyright"):
        assert unwanted not in found.text


def test_uses_the_declared_charset(document: Reading) -> None:
    page = '<html><head><meta charset="windows-1252"></head><body><p>It costs €10 – “net”.</p></body></html>'
    found = document(page.encode("cp1252"), "page.html")
    assert (found.text, found.metadata) == ("It costs €10 – “net”.", {"encoding": "cp1252"})


@pytest.mark.parametrize("tag", ["div", "b", "ul", "blockquote", "table", "span"])
def test_page_nested_100_000_levels_keeps_text(document: Reading, tag: str) -> None:
    page = f"<html><body>{f'<{tag}>' * 100_000}<h2>Deep</h2><p>Words.</p>{f'</{tag}>' * 100_000}<p>After.</p></body></html>"
    started = time.monotonic()
    found = document(page.encode(), "deep.html")
    assert found.text.split() == ["Deep", "Words.", "After."]
    assert [each.title for each in found.headings] == ["Deep"]
    assert time.monotonic() - started < 10


def test_page_nested_deeper_than_libxml2_allows_keeps_text(document: Reading) -> None:
    page = f"<html><body>{'<div>' * 3000}<p>{SENTENCES}</p>{'</div>' * 3000}<p>{SENTENCES} After.</p></body></html>"
    found = document(page.encode(), "deep.html")
    assert found.text == f"{SENTENCES}\n\n{SENTENCES} After."


def test_page_keeps_100_000_headings(document: Reading) -> None:
    page = "".join(f"<h2>Heading {number}</h2><p>Text {number}.</p>" for number in range(100_000))
    found = document(f"<html><body>{page}</body></html>".encode(), "wide.html")
    assert len(found.headings) == 100_000
    assert found.text.endswith("Text 99999.")


def test_unclosed_heading_is_not_a_heading() -> None:
    builder = TextBuilder()
    append_html(f"<h1>Title<p>{SENTENCES}</p><p>{SENTENCES}</p>", builder)
    assert builder.headings == ()
    assert builder.text == f"Title\n\n{SENTENCES}\n\n{SENTENCES}"


PIECES = ["<p>", "<li>", "<ul>", "</ul>", "<td>", "<table>", "<h2>", "</h2>", "<b>", "a ", "<br>"]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_keeps_every_word_once(source: str) -> None:
    assert text_of(source).replace("-", " ").split().count("a") == source.count("a ")
