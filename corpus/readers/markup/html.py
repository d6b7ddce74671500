"""Reads HTML pages: the main content with its headings, without menus, banners and footers.

Trafilatura extracts the main content. Pages that it cannot handle (not an article, or nested too deeply for libxml2) are read whole,
without the elements that HTML itself marks as other than content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

from corpus.readers.builder import TextBuilder
from corpus.readers.dates import iso_date
from corpus.readers.decoding import decode, sanitise
from corpus.readers.markup.html_text import append_html, append_node, depth, parse
from corpus.readers.titles import is_title
from corpus.types import Document, Heading

_DECLARED_CHARSET = re.compile(rb"<meta[^<>]+charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_NOT_CONTENT = (
    "nav,aside,dialog,[role=navigation],[role=banner],[role=contentinfo],[role=search],[role=complementary],[role=dialog],"
    "[aria-modal=true],body>header,body>footer,footer[class*=footer]"
)
_COOKIES = "[id*=cookie-banner],[class*=cookie-banner],[id*=cookie-consent],[class*=cookie-consent],[id*=onetrust]"
# libxml2 drops text below 256 levels (2,048 with huge_tree).
_MAX_LIBXML2_DEPTH = 200
# In code points, of the source and of its text. Larger pages are not articles, and trafilatura takes seconds for them (30 s for
# 100,000 headings in 4,000,000 characters).
_MAX_ARTICLE_SOURCE = 4_000_000
_MAX_ARTICLE = 400_000
# In code points. On shorter pages trafilatura drops content (mean F1: 0.99 read whole, 0.98 extracted).
_MIN_PAGE = 1_000
# In code points. A shorter extraction has missed the content.
_MIN_ARTICLE = 250
# An extraction with less than this share of the main element has missed the content (guidance, tables, lists), if links make up less
# than _MAX_LINK_SHARE of the element. On the article sets this changes one page, for the better.
_MIN_SHARE_OF_MAIN = 0.7
_MAX_LINK_SHARE = 0.12
_DATES = (
    "meta[property='article:published_time'],meta[name='article:published_time'],meta[name='govuk:public-updated-at'],"
    "meta[name='date' i],meta[name='dcterms.date' i],meta[name='dc.date' i],meta[name='dc.date.issued' i],"
    "meta[itemprop='datePublished'],time[itemprop='datePublished'],time[pubdate],article time[datetime]"
)


class HtmlReader:
    """Reads a page without fetching anything that it refers to."""

    def read(self, data: bytes, name: str) -> Document:
        declared = _DECLARED_CHARSET.search(data[:4096])
        decoded = decode(data, name, declared[1].decode("ascii", "ignore") if declared else None)
        tree = parse(decoded.text)
        page = TextBuilder()
        append_html(tree, page)
        url, date = _url(tree), _date(tree)
        builder = _content(decoded.text, tree)
        return Document(
            text=builder.text,
            title=_title(tree, builder.headings),
            headings=tuple(_with_anchors(builder.headings, page.headings)),
            tables=builder.tables,
            url=url,
            date=date,
            type="html",
            metadata=decoded.metadata,
        )


def _content(source: str, tree: LexborHTMLParser) -> TextBuilder:
    """The main content, or the whole page. Removes elements without content from the tree."""
    for node in tree.css(f"{_NOT_CONTENT},{_COOKIES}"):
        if node.tag not in ("html", "body"):
            node.decompose()
    whole = TextBuilder()
    append_html(tree, whole)
    if not _MIN_PAGE <= len(whole.text) <= _MAX_ARTICLE or len(source) > _MAX_ARTICLE_SOURCE:
        return whole
    if depth(source) > _MAX_LIBXML2_DEPTH:
        return whole
    article = TextBuilder()
    append_html(_with_original_tables(parse(_extract_article(source)), tree), article)
    if len(article.text) < _MIN_ARTICLE:
        return whole
    return _main_element(tree, longer_than=int(len(article.text) / _MIN_SHARE_OF_MAIN)) or article


def _main_element(tree: LexborHTMLParser, longer_than: int) -> TextBuilder | None:
    """The text of the page's only main element, if it is longer than that and has few links."""
    candidates = tree.css("main,[role=main]")
    if len(candidates) != 1:
        return None
    main = TextBuilder()
    append_node(candidates[0], main)
    link_length = sum(len(link.text()) for link in candidates[0].css("a"))
    return main if len(main.text) > longer_than and link_length < _MAX_LINK_SHARE * len(main.text) else None


def _extract_article(source: str) -> str:
    """The main content as HTML; empty if trafilatura finds none or fails."""
    import trafilatura

    try:
        return trafilatura.extract(source, output_format="html", include_comments=False, include_tables=True) or ""
    except Exception:  # noqa: BLE001 - on any error the page is read whole
        return ""


def _with_original_tables(article: LexborHTMLParser, page: LexborHTMLParser) -> LexborHTMLParser:
    """The article with the tables of the page, whose captions, heads and merged cells the extraction changes."""
    originals = {
        letters: table for table in page.css("table") for letters in (_letters(table, "tr"), _letters(table, "caption,tr"))
    }
    originals.pop("", None)
    for table in article.css("table"):
        if original := originals.get(_letters(table, "tr")):
            table.replace_with(original)
    return article


def _letters(table: LexborNode, parts: str) -> str:
    return "".join("".join(part.text() for part in table.css(parts)).split())


def _with_anchors(headings: tuple[Heading, ...], in_page: tuple[Heading, ...]) -> Iterator[Heading]:
    """The headings with their anchors in the page, which the extraction drops."""
    anchors: dict[str, list[str | None]] = {}
    for heading in in_page:
        anchors.setdefault(heading.title, []).append(heading.anchor)
    for same in anchors.values():
        same.reverse()
    for heading in headings:
        remaining = anchors.get(heading.title)
        yield replace(heading, anchor=heading.anchor or (remaining.pop() if remaining else None))


def _title(tree: LexborHTMLParser, headings: tuple[Heading, ...]) -> str:
    """The page's only h1 if a title repeats it (usually with the site's name) or none is a title, else the first title."""
    shared, title = _attribute(tree, "meta[property='og:title']", "content"), _text(tree, "title")
    main = [heading.title for heading in headings if heading.level == 1] or [
        " ".join(node.text().split()) for node in tree.css("h1")[:2]
    ]
    given = next(filter(is_title, (shared, title)), "")
    if len(main) == 1 and (not given or main[0] in given or (main[0] and title.startswith(main[0]))):
        return main[0]
    return given or shared or title


def _url(tree: LexborHTMLParser) -> str | None:
    url = _attribute(tree, "link[rel=canonical]", "href") or _attribute(tree, "meta[property='og:url']", "content")
    return url if url.startswith(("https://", "http://")) and not any(character.isspace() for character in url) else None


def _date(tree: LexborHTMLParser) -> str | None:
    for node in tree.css(_DATES):
        if date := iso_date(node.attributes.get("content") or node.attributes.get("datetime") or ""):
            return date
    return None


def _attribute(tree: LexborHTMLParser, selector: str, attribute: str) -> str:
    node = tree.css_first(selector)
    return sanitise(node.attributes.get(attribute) or "").strip() if node is not None else ""


def _text(tree: LexborHTMLParser, selector: str) -> str:
    node = tree.css_first(selector)
    return " ".join(sanitise(node.text()).split()) if node is not None else ""
