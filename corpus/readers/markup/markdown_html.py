"""Reads the HTML in Markdown as a page's HTML is read: tables, lists and headings become text, other tags are dropped."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from corpus.readers.builder import TextBuilder
from corpus.readers.markup.html_text import append_html
from corpus.types import Heading, Span, Table

_INLINE = (
    "a|abbr|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|img|input|ins|kbd|label|mark|q|s|samp|small|span|strike|strong|sub|sup|tt|u|var"
    "|wbr"
)
_BLOCK = "br|center|details|div|dd|dl|dt|h[1-6]|hr|li|ol|p|picture|source|summary|table|tbody|td|tfoot|th|thead|tr|ul"
_KNOWN = re.compile(
    rf"</?(?:{_INLINE}|{_BLOCK}|pre|script|style|iframe|video|section|article|blockquote|figure)\b|<!--", re.IGNORECASE
)
# Code in a line, which is kept, or a comment or tag, which is dropped. Unknown tags, such as <name>, are text.
_IN_LINE = re.compile(rf"(`+)[^`\n]+\1|<!--.*?-->|</?(?:{_INLINE}|{_BLOCK})(?:\s[^<>\n]*)?/?>", re.IGNORECASE)
# Elements that may hold blank lines, which end an HTML block in Markdown.
_OPENED = tuple(
    (re.compile(rf"<{tag}\b", re.IGNORECASE), re.compile(rf"</{tag}\s*>", re.IGNORECASE)) for tag in ("table", "ul", "ol", "dl")
)


@dataclass(frozen=True, slots=True)
class ConvertedHtml:
    """The text of Markdown without HTML; the headings and tables of the HTML, and the spans of what was HTML, in this text."""

    text: str
    headings: Sequence[Heading] = ()
    tables: Sequence[Table] = ()
    spans: Sequence[Span] = ()


def convert_html(text: str, tokens: Sequence[Token]) -> ConvertedHtml:
    """Convert the HTML in Markdown. `tokens`: the blocks of `text`, with their lines."""
    lines = io.StringIO(text, newline="\n").readlines()
    code = _lines_of(tokens, ("fence", "code_block"))
    pieces: list[str] = []
    headings: list[Heading] = []
    tables: list[Table] = []
    spans: list[Span] = []
    length, line = 0, 0
    for first, last in _html_blocks(lines, tokens):
        if first < line:
            continue
        plain = "".join(_without_tags(lines, line, first, code))
        converted, found, in_it = _text_of("".join(lines[first:last]))
        start = length + len(plain)
        pieces += [plain, converted]
        length = start + len(converted)
        headings += [heading.moved(start) for heading in found]
        tables += [table.moved(start) for table in in_it]
        spans.append((start, length))
        line = last
    pieces += _without_tags(lines, line, len(lines), code)
    return ConvertedHtml("".join(pieces), headings, tables, spans)


def _html_blocks(lines: Sequence[str], tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """The lines of each HTML block, to the end of a table or list that has blank lines. Later ones may lie in earlier ones."""
    unclosed: set[int] = set()
    for token in tokens:
        if token.type != "html_block" or token.map is None or token.level != 0:
            continue
        first, last = token.map
        for which, (opening, closing) in enumerate(_OPENED):
            end = last if which in unclosed else _closing_line(lines, first, last, opening, closing)
            if end is None:
                unclosed.add(which)
            last = max(last, end or last)
        yield first, last


def _closing_line(
    lines: Sequence[str], first: int, last: int, opening: re.Pattern[str], closing: re.Pattern[str]
) -> int | None:
    """The line after which an element that the block opens is closed; None if it never is."""
    source = "".join(lines[first:last])
    open_ones = len(opening.findall(source)) - len(closing.findall(source))
    while open_ones > 0:
        if last == len(lines):
            return None
        open_ones += len(opening.findall(lines[last])) - len(closing.findall(lines[last]))
        last += 1
    return last


def _text_of(source: str) -> tuple[str, Sequence[Heading], Sequence[Table]]:
    """The text of an HTML block, with the line ends after it, its headings and its tables."""
    builder = TextBuilder()
    append_html(source, builder)
    if not builder.text and not _KNOWN.search(source):
        return source, (), ()
    end = source[len(source.rstrip("\n")) :]
    return builder.text + end if builder.text else "", builder.headings, builder.tables


def _without_tags(lines: Sequence[str], first: int, last: int, code: set[int]) -> Iterator[str]:
    for number in range(first, last):
        line = lines[number]
        yield line if "<" not in line or number in code else _IN_LINE.sub(_kept, line)


def _kept(found: re.Match[str]) -> str:
    if found[1]:
        return found[0]
    return " " if found[0][:3].lower() == "<br" else ""


def _lines_of(tokens: Sequence[Token], types: tuple[str, ...]) -> set[int]:
    return {line for token in tokens if token.type in types and token.map for line in range(*token.map)}
