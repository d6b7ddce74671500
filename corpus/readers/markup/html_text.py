"""Converts HTML to text: blocks, headings with their anchors, list items and table rows as lines.

Parsed by lexbor, which keeps the text of deeply nested pages that libxml2 drops. The traversal is iterative.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from selectolax.lexbor import LexborHTMLParser, LexborNode

from corpus.readers.builder import TextBuilder
from corpus.readers.markup.html_tables import read_table

Slug = Callable[[str], str]

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SECTIONS = frozenset(
    ("article", "aside", "body", "dialog", "div", "footer", "form", "header", "main", "nav", "search", "section")
)
_TABLE_PARTS = frozenset(("caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr"))
_TEXT_BLOCKS = frozenset(("address", "blockquote", "center", "dd", "details", "dl", "dt", "fieldset", "figcaption", "figure"))
_BLOCKS = _SECTIONS | _TABLE_PARTS | _TEXT_BLOCKS | {"hgroup", "hr", "legend", "p", "summary"}
_MEDIA = frozenset(("audio", "canvas", "embed", "iframe", "map", "object", "svg", "video"))
_CONTROLS = frozenset(("button", "datalist", "input", "select", "textarea"))
_SKIPPED = _MEDIA | _CONTROLS | {"head", "noscript", "script", "style", "template"}
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# In code points. A longer heading has no end tag and contains the text after it.
_MAX_HEADING = 500
# Levels of nesting. Parsing takes time quadratic in the depth (20,000 levels: 0.5 s; 100,000 levels: 15 s).
MAX_DEPTH = 5_000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
# Elements with an optional end tag.
_OPTIONAL_END = frozenset(("body", "dd", "dt", "head", "html", "li", "option", "p", "td", "th", "tr"))
_NOT_NESTED = _VOID | _OPTIONAL_END


def parse(source: str) -> LexborHTMLParser:
    """Parse a page or fragment. One nested deeper than MAX_DEPTH is first reduced to its headings and text."""
    return LexborHTMLParser(_flatten(source) if depth(source) > MAX_DEPTH else source)


def depth(source: str) -> int:
    """The approximate nesting depth of a page, in one pass over its tags."""
    level = deepest = 0
    for tag in _TAG.finditer(source):
        if tag[2].lower() in _NOT_NESTED:
            continue
        level = max(level - 1, 0) if tag[1] else level + 1
        deepest = max(deepest, level)
    return deepest


def append_html(
    source: str | LexborHTMLParser, builder: TextBuilder, slug: Slug | None = None, shift: int = 0, anchor_prefix: str = ""
) -> None:
    """Append the text of a page or fragment.

    `slug` makes the anchor of a heading without an id, `shift` is added to heading levels, `anchor_prefix` precedes every anchor.
    """
    tree = parse(source) if isinstance(source, str) else source
    if tree.body is not None:
        _Renderer(builder, slug, shift, anchor_prefix).render(tree.body)


def append_node(node: LexborNode, builder: TextBuilder) -> None:
    """Append the text of one element."""
    _Renderer(builder, None, 0, "").render(node)


class _Renderer:
    def __init__(self, builder: TextBuilder, slug: Slug | None, shift: int, anchor_prefix: str) -> None:
        self._builder = builder
        self._slug = slug
        self._shift = shift
        self._anchor_prefix = anchor_prefix
        self._inline: list[str] = []
        # Per open list: the number of its next item, or None for bullets.
        self._lists: list[int | None] = []
        self._mark = ""
        self._in_block = False

    def render(self, root: LexborNode) -> None:
        """Visit every node below `root` in document order, without recursion."""
        node = root.child
        while node is not None:
            if self._enter(node) and node.child is not None:
                node = node.child
                continue
            self._leave(node.tag or "")
            while node is not None and node.next is None:
                node = node.parent
                if node is None or node.mem_id == root.mem_id:
                    break
                self._leave(node.tag or "")
            node = None if node is None or node.mem_id == root.mem_id else node.next
        self._flush()

    def _enter(self, node: LexborNode) -> bool:
        """Handle a node; True if its children are to be visited."""
        tag = node.tag or ""
        if tag == "-text":
            self._inline.append(re.sub(r"[\r\n]+", " ", node.text_content or ""))
            return False
        if tag in _SKIPPED or tag.startswith(("-", "!")) or _is_hidden(node):
            return False
        if tag == "br":
            self._inline.append("\n")
        elif tag in _HEADINGS:
            return not self._heading(node, _HEADINGS[tag])
        elif tag == "pre":
            self._preformatted(node)
            return False
        elif tag == "table":
            return not self._table(node)
        elif tag in ("ul", "ol", "menu"):
            self._open_list(node, tag)
        elif tag == "li":
            self._open_item()
        elif tag in _BLOCKS:
            self._flush()
        return True

    def _leave(self, tag: str) -> None:
        if tag in _BLOCKS or tag in _HEADINGS or tag == "li":
            self._flush()
        elif tag in ("ul", "ol", "menu"):
            self._flush()
            if self._lists:
                self._lists.pop()
            self._in_block = bool(self._lists)

    def _heading(self, node: LexborNode, level: int) -> bool:
        title = _one_line(node)
        if len(title) > _MAX_HEADING:
            self._flush()
            return False
        self._flush()
        if title:
            anchor = _existing_anchor(node) or (self._slug(title) if self._slug else "")
            self._builder.heading(title, level + self._shift, self._anchor_prefix + anchor if anchor else None)
            self._in_block = False
        return True

    def _preformatted(self, node: LexborNode) -> None:
        self._flush()
        self._builder.block(node.text(separator="").strip("\n"))
        self._in_block = False

    def _open_list(self, node: LexborNode, tag: str) -> None:
        self._flush()
        start = node.attributes.get("start") if tag == "ol" else None
        first = int(start) if start and start.isdecimal() and len(start) < 6 else 1
        self._lists.append(first if tag == "ol" else None)

    def _open_item(self) -> None:
        self._flush()
        number = self._lists[-1] if self._lists else None
        self._mark = "- " if number is None else f"{number}. "
        if number is not None:
            self._lists[-1] = number + 1

    def _table(self, table: LexborNode) -> bool:
        """Write a data table as lines. False for a layout table, whose cells are blocks of their own."""
        self._flush()
        if table.css_first("h1,h2,h3,h4,h5,h6") is not None or len(table.css("table")) > 1:
            return False
        found = read_table(table, _one_line)
        self._builder.block(found.caption)
        self._builder.table(found.rows, found.head_rows, found.caption)
        self._in_block = False
        return True

    def _flush(self) -> None:
        lines = [" ".join(line.split()) for line in "".join(self._inline).split("\n")]
        self._inline.clear()
        lines = [line for line in lines if line]
        if not lines:
            return
        if not self._lists:
            self._builder.block(self._mark + "\n".join(lines))
            self._mark, self._in_block = "", False
            return
        indent = "  " * min(len(self._lists) - 1, 10)
        mark, self._mark = self._mark, ""
        first = indent + (mark or "  ") + lines[0]
        add = self._builder.line if self._in_block else self._builder.block
        add("\n".join([first, *(indent + "  " + line for line in lines[1:])]))
        self._in_block = True


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    return bool(attributes) and ("hidden" in attributes or bool(_HIDDEN_STYLE.search(attributes.get("style") or "")))


def _existing_anchor(heading: LexborNode) -> str:
    if heading_id := heading.attributes.get("id"):
        return heading_id
    inner = heading.css_first("[id],a[name]")
    return (inner.attributes.get("id") or inner.attributes.get("name") or "") if inner is not None else ""


def _one_line(node: LexborNode) -> str:
    """The text of a heading or table cell on one line."""
    builder = TextBuilder()
    append_node(node, builder)
    return " ".join(builder.text.split())


def _flatten(source: str) -> str:
    """Reduce a page to headings and text."""
    pieces: list[str] = []
    position, skipped = 0, ""
    for tag in _TAG.finditer(source):
        if not skipped:
            pieces.append(source[position : tag.start()])
        position = tag.end()
        name = tag[2].lower()
        if skipped:
            skipped = "" if tag[1] and name == skipped else skipped
        elif name in ("script", "style"):
            skipped = "" if tag[1] else name
        else:
            pieces.append(tag[0] if name in _HEADINGS else "<br><br>")
    if not skipped:
        pieces.append(source[position:])
    return "".join(pieces)
