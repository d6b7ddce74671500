"""Reads Markdown: the text stays as it is, but for HTML in it, which is read as HTML is.

Headings and tables are parsed by CommonMark, so none is found in a code block.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from corpus.readers.dates import iso_date
from corpus.readers.decoding import decode
from corpus.readers.markup.markdown_html import ConvertedHtml, convert_html
from corpus.types import Document, Heading, Span, Table

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

Placed = TypeVar("Placed", Heading, Table)

_TAG = re.compile(r"<(?:[a-zA-Z/]|!--)")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"(\w+):[ \t]+(.+)")
# `## Title {#anchor}`, as kramdown, Govspeak and Pandoc write it.
_ANCHOR = re.compile(r"\s*\{:?\s*#([\w.:-]+)[^}]*\}\s*$")
# Inline tokens with visible text -> the text.
_VISIBLE: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(("text", "code_inline", "text_special", "image"), str),
    **dict.fromkeys(("softbreak", "hardbreak"), lambda _: " "),
}


class MarkdownReader:
    """Reads Markdown, and `title` and `date` of an optional YAML front matter."""

    def read(self, data: bytes, name: str) -> Document:
        decoded = decode(data, name)
        front_matter = _FRONT_MATTER.match(decoded.text)
        fields = _front_matter_fields(front_matter[1]) if front_matter else {}
        start = front_matter.end() if front_matter else 0
        html = _without_html(decoded.text[start:])
        in_text = structure(html.text)
        headings = _merge(html.headings, in_text[0], html.spans)
        tables = _merge(html.tables, in_text[1], html.spans)
        return Document(
            text=decoded.text[:start] + html.text,
            title=fields.get("title", ""),
            headings=tuple(one.moved(start) for one in headings),
            tables=tuple(one.moved(start) for one in tables),
            date=iso_date(fields.get("date", "")),
            type="markdown",
            metadata=decoded.metadata,
        )


def structure(text: str) -> tuple[Sequence[Heading], Sequence[Table]]:
    """The top-level headings and tables.

    A heading's span is its whole lines, marks and underline included; its title is the visible text. The column heads of a table end
    with the line of dashes below them.
    """
    headings: list[Heading] = []
    tables: list[Table] = []
    if not any(mark in text for mark in ("#", "---", "=", "\n-", "|")):
        return headings, tables
    line_starts = [0]
    line_starts.extend(newline.end() for newline in re.finditer("\n", text))
    line_starts.append(len(text) + 1)
    for opening, inline in pairwise(_block_parser().parse(text)):
        if opening.map is None or opening.level != 0:
            continue
        first, last = line_starts[opening.map[0]], min(line_starts[opening.map[1]] - 1, len(text))
        if opening.type == "heading_open":
            title, anchor = _visible_title(inline.content)
            if title:
                headings.append(Heading(first, last, int(opening.tag[1]), title, anchor))
        elif opening.type == "table_open":
            head_end, end = line_starts[opening.map[0] + 2] - 1, first + len(text[first:last].rstrip())
            if head_end < end:
                tables.append(Table(first, head_end, end))
    return headings, tables


def _merge(in_html: Sequence[Placed], in_text: Sequence[Placed], html: Sequence[Span]) -> list[Placed]:
    """Those of the HTML, and those of the text around it, in their order."""
    found: list[Placed] = list(in_html)
    found += (one for one in in_text if not any(a <= one.start < b for a, b in html))
    return sorted(found, key=lambda one: one.start)


def _without_html(text: str) -> ConvertedHtml:
    if not _TAG.search(text):
        return ConvertedHtml(text)
    return convert_html(text, _block_parser().parse(text))


def _front_matter_fields(block: str) -> dict[str, str]:
    """Top-level `key: value` lines. Other YAML is ignored: it is not needed and not safe to parse."""
    fields = {}
    for line in block.splitlines():
        if match := _FIELD.fullmatch(line):
            fields[match[1].lower()] = match[2].strip().strip("\"'").strip()
    return fields


def _visible_title(source: str) -> tuple[str, str | None]:
    anchor = _ANCHOR.search(source)
    if anchor:
        source = source[: anchor.start()]
    tokens = _inline_parser().parseInline(source)
    children = (tokens[0].children or []) if tokens else []
    title = "".join(_VISIBLE[child.type](child.content) for child in children if child.type in _VISIBLE)
    return " ".join(title.split()), anchor[1] if anchor else None


@cache
def _block_parser() -> MarkdownIt:
    """Parses blocks only: exact line numbers, linear time."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").disable(["inline"])


@cache
def _inline_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark")
