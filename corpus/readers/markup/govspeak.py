"""Converts Govspeak, GOV.UK's Markdown, to HTML; its extensions are reduced to their text."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

# `$CTA ... $CTA`, `$!`, `$C`, `$A`, `$E`, `:::` and tags of charts and highlights, on a line of their own or at its ends.
_MARKS = re.compile(
    r"^(?:\$(?:CTA|[!ACDEIP])|:::.*|\{/?[:\w-]+[^}\n]*\})[ \t]*$|^\$[!ACDEIP][ \t]+|[ \t]*\$[!ACDEIP]$", re.MULTILINE
)
# `%warning%`, `^information^`, `@important@`
_CALLOUT = re.compile(r"^([%^@])(.+?)\1?$", re.MULTILINE)
_STEP = re.compile(r"^s(\d+\.)", re.MULTILINE)
_ABBREVIATION = re.compile(r"^\*\[[^\]\n]+\]:.*$", re.MULTILINE)
_ATTACHMENT = re.compile(r"\[(?:Inline)?Attachment(?:Link)?:[^\]\n]*\]|\[Image:[^\]\n]*\]|!!\w*", re.IGNORECASE)
_HEADING_WITH_ANCHOR = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*\{:?[ \t]*#([\w.:-]+)[^}\n]*\}[ \t]*$", re.MULTILINE)


def to_html(source: str) -> str:
    """The HTML of Govspeak or Markdown. Not sanitised: only text is extracted from it."""
    for mark in (_MARKS, _ABBREVIATION, _ATTACHMENT):
        source = mark.sub("", source)
    source = _STEP.sub(r"\1", _CALLOUT.sub(r"\2", source))
    return str(_parser().render(_HEADING_WITH_ANCHOR.sub(_heading, source)))


def _heading(match: re.Match[str]) -> str:
    level = len(match[1])
    return f'\n<h{level} id="{escape(match[3])}">{escape(match[2])}</h{level}>\n'


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")
