"""HTML in Markdown: read as HTML is, outside code, with the offsets of headings after it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from corpus.types import Document

Reading = Callable[[bytes, str], Document]


def test_tables_lists_and_headings_are_read_as_html(document: Reading) -> None:
    source = """# Fees

Pay by card.

<table>
  <tr><th>Type</th><th>Fee</th></tr>

  <tr><td>New</td><td>&pound;10</td></tr>
</table>

<h2 id="who">Who pays</h2>

<ul><li>adults</li>

<li>visitors</li></ul>

## When

<!-- not for readers -->
On <b>Monday</b>, H<sub>2</sub>O<br>free.
"""
    found = document(source.encode(), "fees.md")
    assert found.text == (
        "# Fees\n\nPay by card.\n\nType | Fee\nNew | £10\n\nWho pays\n\n- adults\n- visitors\n\n## When\n\nOn Monday, H2O free.\n"
    )
    assert [(one.level, one.title, one.anchor) for one in found.headings] == [
        (1, "Fees", None),
        (2, "Who pays", "who"),
        (2, "When", None),
    ]
    assert [found.text[one.start : one.end] for one in found.headings] == ["# Fees", "Who pays", "## When"]


@pytest.mark.parametrize(
    "source",
    [
        "Use `<b>` and ``<td>``.\n",
        "```html\n<table>\n<tr>\n```\n",
        "    <p>indented code</p>\n",
        "Write List<String> or <name>.\n",
        "<your-name>\n",
        "1 < 2 and 3 > 2\n",
        "Mail <ann@example.org>.\n",
    ],
)
def test_code_and_what_is_no_html_stays(document: Reading, source: str) -> None:
    assert document(source.encode(), "a.md").text == source


def test_unclosed_elements_take_linear_time(document: Reading) -> None:
    started = time.monotonic()
    found = document(b"<table>\n<tr><td>Words\n\n" * 5_000, "a.md")
    assert found.text.count("Words") == 5_000
    assert time.monotonic() - started < 30
