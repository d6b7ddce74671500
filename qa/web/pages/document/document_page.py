"""`/d/{id}`: a document's text with its headings, a link target for every passage, and a quote marked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from urllib.parse import quote

from flask import Blueprint, abort, render_template, request

from corpus.types import Document, Heading, Span, page_at
from index.types import DocumentVersion, StoredDocument, StoredPassage
from qa.ingest.parts import PART_OF
from qa.web.current import service
from qa.web.pages.document.linked_quote import CHANGED, NO_DOCUMENT, NO_QUOTE, QuoteParameters
from qa.web.pages.presentation import format_date, http_url, shown_collection
from qa.web.routes import READ, route
from qa.web.schemas.addresses import (
    VERSION_DIGITS,
    has_page_images,
    page_address,
    quote_page_address,
    short_version,
    versions_address,
    with_text_fragment,
)
from qa.web.schemas.documents import document_note, passage_name
from qa.web.schemas.reading import from_query_string

blueprint = Blueprint("document", __name__)
blueprint.add_app_template_global(http_url)
blueprint.add_app_template_global(format_date)

LEAST_HEADINGS = 3  # for a table of contents


@dataclass(frozen=True, slots=True)
class Piece:
    """Text within a page. `page`: the number of the page that starts here. `marked`: it belongs to the quote, which `begins` here."""

    text: str
    page: int | None = None
    marked: bool = False
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """The text of one passage, or between passages."""

    passage: str | None
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Block:
    """A heading or the text under it. `before` and `after`: blank lines around it.

    Of a heading: `level` on the page, `fragment` of its address, `marks` before and after the title (such as Markdown's `#`), `page` as of
    a piece.
    """

    before: str
    runs: Sequence[Run]
    after: str
    heading: Heading | None = None
    level: int = 0
    fragment: str = ""
    marks: tuple[str, str] = ("", "")
    page: int | None = None


@route(blueprint, "GET", "/d/<document_id:document_id>", READ)
def document_page(document_id: str) -> str:
    engine = service().engine
    link = from_query_string(request, QuoteParameters)
    stored, document = engine.document(document_id), engine.content(document_id)
    if stored is None or document is None:
        abort(404, NO_DOCUMENT)
    quoted = link.place_in(document)
    blocks = list(_blocks(document, engine.passages_of(document_id), quoted or NO_QUOTE))
    contents = [block for block in blocks if block.heading]
    part_of = document.metadata.get(PART_OF)
    versions = engine.versions(document_id)
    return render_template(
        "document.html",
        document=document,
        blocks=blocks,
        contents=contents if len(contents) >= LEAST_HEADINGS else (),
        note=document_note(document),
        collection=shown_collection(stored.collection),
        part_of=f"/d/{quote(str(part_of))}" if part_of else None,
        versions=versions_address(document_id) if len(versions) > 1 else None,
        changed=CHANGED if quoted is None else "",
        what_changed=_changes_since(versions, link.version) if quoted is None else None,
        page=_page_address(stored, document, quoted or NO_QUOTE),
        original=with_text_fragment(http_url(document.url), document.text[slice(*quoted)] if quoted else ""),
    )


def _changes_since(versions: Sequence[DocumentVersion], digits: str) -> str | None:
    """The address of what changed since the earlier version that a link names; None if it is not kept."""
    for version in versions[1:]:
        if digits and short_version(version.stored.version).startswith(digits[:VERSION_DIGITS]):
            return versions_address(version.stored.id, version.stored.version, versions[0].stored.version)
    return None


def _page_address(stored: StoredDocument, document: Document, quoted: Span) -> str | None:
    """The page of the quote as an image, or else the first page; None if there are no images of its pages."""
    number = page_at(document.pages, quoted[0]) if has_page_images(stored) else None
    if number is None:
        return None
    if quoted == NO_QUOTE:
        return page_address(stored.id, number)
    return quote_page_address(stored.id, number, stored.version, quoted)


def _blocks(document: Document, passages: Sequence[StoredPassage], quoted: Span) -> Iterator[Block]:
    """The blocks in order. Their texts together are the document's text."""
    starts = [stored.passage.start for stored in passages]
    position, level = 0, 1
    for number, heading in enumerate(_headings(document, starts), 1):
        yield from _text_block(document, passages, starts, (position, heading.start), quoted)
        level = min(heading.level + 1, level + 1, 6)
        yield _heading_block(document, heading, level, f"h{number}")
        position = heading.end
    yield from _text_block(document, passages, starts, (position, len(document.text)), quoted)


def _headings(document: Document, starts: Sequence[int]) -> Sequence[Heading]:
    """The document's headings; none if it consists of headings only, which are its passages then."""
    headings = document.headings
    return () if headings and starts and headings[0].start <= starts[0] < headings[0].end else headings


def _heading_block(document: Document, heading: Heading, level: int, fragment: str) -> Block:
    line = document.text[heading.start : heading.end]
    before, title, after = line.partition(heading.title) if heading.title in line else ("", line, "")
    page = page_at(document.pages, heading.start) if heading.start in document.pages else None
    return Block("", (Run(None, (Piece(title),)),), "", heading, level, fragment, (before, after), page)


def _text_block(
    document: Document, passages: Sequence[StoredPassage], starts: Sequence[int], span: Span, quoted: Span
) -> Iterator[Block]:
    """The block between two headings, if there is text."""
    runs: list[tuple[str | None, Span]] = []
    position = span[0]
    for stored in passages[bisect_left(starts, span[0]) : bisect_left(starts, span[1])]:
        passage = stored.passage
        runs += [(None, (position, passage.start)), (passage_name(stored.id), (passage.start, passage.end))]
        position = passage.end
    yield from _block(document, [*runs, (None, (position, span[1]))], quoted)


def _block(document: Document, runs: Sequence[tuple[str | None, Span]], quoted: Span) -> Iterator[Block]:
    """Keeps the blank lines around the text, which take no space on the page."""
    start, end = runs[0][1][0], runs[-1][1][1]
    whole = document.text[start:end]
    if not whole:
        return
    first = start + len(whole) - len(whole.lstrip())
    first = document.text.rfind("\n", start, first) + 1 or start  # keep the first line's indentation
    last = max(start + len(whole.rstrip()), first)
    clipped = [(name, (max(a, first), min(b, last))) for name, (a, b) in runs]
    text_runs = [Run(name, tuple(_pieces(document, span, quoted))) for name, span in clipped if span[0] < span[1]]
    yield Block(document.text[start:first], text_runs, document.text[last:end])


def _pieces(document: Document, span: Span, quoted: Span) -> Iterator[Piece]:
    """The text between page starts and the ends of the quote."""
    start = span[0]
    for piece in _by_page(document, span):
        end = start + len(piece.text)
        first, last = (min(max(offset, start), end) for offset in quoted)
        parts = [
            Piece(document.text[a:b], None, marked=place == 1, begins=place == 1 and a == quoted[0])
            for place, (a, b) in enumerate(pairwise((start, first, last, end)))
            if a < b
        ]
        head, *rest = parts or [piece]
        yield replace(head, page=piece.page)
        yield from rest
        start = end


def _by_page(document: Document, span: Span) -> Iterator[Piece]:
    pages = document.pages
    position = span[0]
    number = bisect_left(pages, position)
    begins = number + 1 if number < len(pages) and pages[number] == position else None
    for page in range(number + (begins is not None), bisect_left(pages, span[1])):
        yield Piece(document.text[position : pages[page]], begins)
        position, begins = pages[page], page + 1
    yield Piece(document.text[position : span[1]], begins)
