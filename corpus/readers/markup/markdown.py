"""Reads Markdown: the text stays as it is, but for HTML in it, which is read as HTML is.

Headings are parsed by CommonMark, so none is found in a code block.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from corpus.readers.dates import iso_date
from corpus.readers.decoding import decode
from corpus.types import Document, Heading, Span

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

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
        body, in_html, html = _without_html(decoded.text[start:])
        found = [*in_html, *(heading for heading in headings(body) if not any(a <= heading.start < b for a, b in html))]
        found.sort(key=lambda heading: heading.start)
        return Document(
            text=decoded.text[:start] + body,
            title=fields.get("title", ""),
            headings=tuple(replace(heading, start=heading.start + start, end=heading.end + start) for heading in found),
            date=iso_date(fields.get("date", "")),
            type="markdown",
            metadata=decoded.metadata,
        )


def headings(text: str) -> Iterator[Heading]:
    """The top-level headings.

    A heading's span is its whole lines, marks and underline included; its title is the visible text.
    """
    if "#" not in text and "---" not in text and "=" not in text and "\n-" not in text:
        return
    line_starts = [0]
    line_starts.extend(newline.end() for newline in re.finditer("\n", text))
    line_starts.append(len(text) + 1)
    for opening, inline in pairwise(_block_parser().parse(text)):
        if opening.type != "heading_open" or opening.map is None or opening.level != 0:
            continue
        title, anchor = _visible_title(inline.content)
        first, last = line_starts[opening.map[0]], line_starts[opening.map[1]] - 1
        if title:
            yield Heading(first, min(last, len(text)), int(opening.tag[1]), title, anchor)


def _without_html(text: str) -> tuple[str, list[Heading], list[Span]]:
    if not _TAG.search(text):
        return text, [], []
    from corpus.readers.markup.markdown_html import convert_html

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

    return MarkdownIt("commonmark").disable(["inline"])


@cache
def _inline_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark")
