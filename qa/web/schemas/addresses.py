"""Addresses of quotes: on this service's pages, relative to it, and in the page that a document comes from."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

from corpus.types import Span
from index.types import StoredDocument, StoredPassage

# Digits of a version in an address: enough to see that a document has changed.
VERSION_DIGITS = 12
# Words at each end of a long quote that a text fragment has.
_EDGE_WORDS = 4
_LIST_MARK = re.compile(r"^(?:[-*•–·]|\(?\d{1,3}[.)])\s+")


def absolute(site: str, address: str) -> str:
    """An address of this service as other programs and pages reach it. `site`: the setting `public_url`, or what the caller used."""
    return site.rstrip("/") + address


def document_address(document_id: str) -> str:
    """The address of a document's page."""
    return f"/d/{quote(document_id)}"


def versions_address(document_id: str, older: str = "", newer: str = "", *, whole: bool = False) -> str:
    """The address of the versions of a document; with two of them, of what changed from one to the other. `whole`: with all lines."""
    digits = {name: short_version(version) for name, version in (("older", older), ("newer", newer)) if version}
    query = urlencode(digits | ({"whole": "true"} if whole else {}))
    return f"{document_address(document_id)}/versions{'?' if query else ''}{query}"


def passage_address(document_id: str, passage: str) -> str:
    """The address of a passage, by its public id, on its document's page."""
    return f"{document_address(document_id)}#{passage}"


def quote_address(document_id: str, version: str, place: Span) -> str:
    """The address of a quote on its document's page. static/results.js does the same."""
    return f"{document_address(document_id)}?{_query(version, place)}#quote"


def page_address(document_id: str, number: int) -> str:
    """The address of a page of a PDF file as an image."""
    return f"{document_address(document_id)}/page/{number}"


def quote_page_address(document_id: str, number: int, version: str, place: Span) -> str:
    """The address of a page with a quote boxed."""
    return f"{page_address(document_id, number)}?{_query(version, place)}#quote"


def page_url(stored: StoredPassage, place: Span) -> str | None:
    """The address of the page on which a quote begins, with the quote boxed; None if it has no page that can be shown."""
    document, number = stored.document, stored.page_of(place[0])
    if number is None or not has_page_images(document):
        return None
    return quote_page_address(document.id, number, document.version, place)


def has_page_images(document: StoredDocument) -> bool:
    """Whether the document was read from a PDF file that is kept, by itself or in the message that it is attached to."""
    return document.original is not None and document.type == "pdf"


def with_text_fragment(url: str, text: str) -> str:
    """The URL with the words that a browser is to mark (https://wicg.github.io/scroll-to-text-fragment/). static/results.js does the same.

    Lines and cells may be elements of their own on the page, so only the first and the last are named, without the marks of a list.
    """
    pieces = [_LIST_MARK.sub("", part.strip(), count=1).split() for line in text.split("\n") for part in line.split("|")]
    kept = [words for words in pieces if words]
    if not url or not kept:
        return url
    first, last = kept[0], kept[-1]
    if len(kept) == 1 and len(first) <= 2 * _EDGE_WORDS:
        words = _encode(first)
    else:
        words = f"{_encode(first[:_EDGE_WORDS])},{_encode(last[-_EDGE_WORDS:])}"
    return f"{url}{'' if '#' in url else '#'}:~:text={words}"


def _query(version: str, place: Span) -> str:
    return urlencode({"start": place[0], "end": place[1], "version": short_version(version)})


def short_version(version: str) -> str:
    return version.removeprefix("sha256:")[:VERSION_DIGITS]


def _encode(words: list[str]) -> str:
    """Percent-encoded, also the hyphen, which separates parts of a text fragment."""
    return quote(" ".join(words), safe="!*'()").replace("-", "%2D")
