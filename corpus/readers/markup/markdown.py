"""Reads Markdown: the text stays as it is; headings are parsed by CommonMark, so none is found in a code block."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from corpus.readers.dates import iso_date
from corpus.readers.decoding import decode
from corpus.types import Document, Heading

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

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
        return Document(
            text=decoded.text,
            title=fields.get("title", ""),
            headings=tuple(headings(decoded.text, front_matter.end() if front_matter else 0)),
            date=iso_date(fields.get("date", "")),
            type="markdown",
            metadata=decoded.metadata,
        )


def headings(text: str, start: int = 0) -> Iterator[Heading]:
    """The top-level headings from offset `start`, which must be the start of a line.

    A heading's span is its whole lines, marks and underline included; its title is the visible text.
    """
    body = text[start:]
    if "#" not in body and "---" not in body and "=" not in body and "\n-" not in body:
        return
    line_starts = [start]
    line_starts.extend(start + newline.end() for newline in re.finditer("\n", body))
    line_starts.append(len(text) + 1)
    for opening, inline in pairwise(_block_parser().parse(body)):
        if opening.type != "heading_open" or opening.map is None or opening.level != 0:
            continue
        title, anchor = _visible_title(inline.content)
        first, last = line_starts[opening.map[0]], line_starts[opening.map[1]] - 1
        if title:
            yield Heading(first, min(last, len(text)), int(opening.tag[1]), title, anchor)


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
