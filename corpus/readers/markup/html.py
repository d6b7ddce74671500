"""HTML pages: the main content as readable text, with its headings; what menus, banners and footers say is left out.

Trafilatura finds the main content. Pages it cannot judge (not an article, or nested deeper than libxml2 keeps text) are read
whole, without the elements that HTML itself marks as not the content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from selectolax.lexbor import LexborHTMLParser

from corpus.readers.builder import TextBuilder
from corpus.readers.dates import iso_date
from corpus.readers.decoding import decode, sanitise
from corpus.readers.markup.html_text import depth, parse, render, render_node
from corpus.types import Document, Heading

_DECLARED_CHARSET = re.compile(rb"<meta[^<>]+charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_NOT_CONTENT = (
    "nav,aside,dialog,[role=navigation],[role=banner],[role=contentinfo],[role=search],[role=complementary],[role=dialog],"
    "[aria-modal=true],body>header,body>footer,footer[class*=footer]"
)
_COOKIES = "[id*=cookie-banner],[class*=cookie-banner],[id*=cookie-consent],[class*=cookie-consent],[id*=onetrust]"
# libxml2 drops text below 256 levels (2,048 at most, with huge_tree).
_DEEPEST_FOR_LIBXML2 = 200
# In code points, of source and of text: what is larger is no article, and trafilatura would take seconds for it (30 s for
# 100,000 headings in 4,000,000).
_LONGEST_ARTICLE_PAGE = 4_000_000
_LONGEST_ARTICLE = 400_000
# In code points: less readable text than this holds no menus worth leaving out, and trafilatura drops parts of it
# (mean F1 on short pages: 0.99 read whole, 0.98 extracted).
_LEAST_TO_JUDGE = 1_000
# In code points: an extraction shorter than this has missed the content of a page that says more.
_SHORTEST_ARTICLE = 250
# An extraction that holds a smaller share than this of a main element with a smaller share than that of link text has
# missed the content: GOV.UK-like guidance, tables and lists. On the article sets it changes one page, for the better.
_LEAST_SHARE = 0.7
_QUIET = 0.12
_DATES = (
    "meta[property='article:published_time'],meta[name='article:published_time'],meta[name='govuk:public-updated-at'],"
    "meta[name='date' i],meta[name='dcterms.date' i],meta[name='dc.date' i],meta[name='dc.date.issued' i],"
    "meta[itemprop='datePublished'],time[itemprop='datePublished'],time[pubdate],article time[datetime]"
)


class HtmlReader:
    """Reads a page; nothing it refers to is ever fetched."""

    def read(self, data: bytes, name: str) -> Document:
        declared = _DECLARED_CHARSET.search(data[:4096])
        decoded = decode(data, name, declared[1].decode("ascii", "ignore") if declared else None)
        tree = parse(decoded.text)
        everything = TextBuilder()
        render(tree, everything)
        url, date = _url(tree), _date(tree)
        builder = _content(decoded.text, tree)
        return Document(
            text=builder.text,
            title=_title(tree, builder.headings),
            headings=tuple(_with_anchors(builder.headings, everything.headings)),
            url=url,
            date=date,
            type="html",
            metadata=decoded.metadata,
        )


def _content(source: str, tree: LexborHTMLParser) -> TextBuilder:
    """Changes the tree: what is not content is taken out of it."""
    whole = TextBuilder()
    render(tree, whole, unseen=f"{_NOT_CONTENT},{_COOKIES}")
    if not _LEAST_TO_JUDGE <= len(whole.text) <= _LONGEST_ARTICLE or len(source) > _LONGEST_ARTICLE_PAGE:
        return whole
    if depth(source) > _DEEPEST_FOR_LIBXML2:
        return whole
    article = TextBuilder()
    render(_main_content(source), article)
    if len(article.text) < _SHORTEST_ARTICLE:
        return whole
    return _quiet_main(tree, at_least=int(len(article.text) / _LEAST_SHARE)) or article


def _quiet_main(tree: LexborHTMLParser, at_least: int) -> TextBuilder | None:
    """What the page's main element says, where it is much more than was extracted and too poor in links to be menus."""
    candidates = tree.css("main,[role=main]")
    if len(candidates) != 1:
        return None
    main = TextBuilder()
    render_node(candidates[0], main)
    linked = sum(len(link.text()) for link in candidates[0].css("a"))
    return main if len(main.text) > at_least and linked < _QUIET * len(main.text) else None


def _main_content(source: str) -> str:
    """The main content as HTML; empty where trafilatura finds none or fails on the page."""
    import trafilatura

    try:
        return trafilatura.extract(source, output_format="html", include_comments=False, include_tables=True) or ""
    except Exception:  # noqa: BLE001 - whatever a hostile page sets off in there, the page is then read whole
        return ""


def _with_anchors(headings: tuple[Heading, ...], in_page: tuple[Heading, ...]) -> Iterator[Heading]:
    """The headings with the ids they have in the page, which the extraction of the main content drops."""
    anchors: dict[str, list[str | None]] = {}
    for found in in_page:
        anchors.setdefault(found.title, []).append(found.anchor)
    for anchored in anchors.values():
        anchored.reverse()
    for heading in headings:
        same = anchors.get(heading.title)
        yield replace(heading, anchor=heading.anchor or (same.pop() if same else None))


def _title(tree: LexborHTMLParser, headings: tuple[Heading, ...]) -> str:
    """The page's only h1 where its title element repeats it (usually with the site's name), else what it calls itself."""
    written = _attribute(tree, "meta[property='og:title']", "content") or _text(tree, "title")
    first = [heading.title for heading in headings if heading.level == 1]
    main = first or [" ".join(node.text().split()) for node in tree.css("h1")[:2]]
    return main[0] if len(main) == 1 and (not written or main[0] in written) else written


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
