"""`/d/{id}`: a document's text with its headings, a link target for every passage."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from flask import Blueprint, abort, render_template

from corpus.types import Document, Heading, Span
from index.types import StoredPassage
from qa.ingest.parts import PART_OF
from qa.web.current import service
from qa.web.pages.presentation import format_date, http_url
from qa.web.routes import READ, route
from qa.web.schemas.documents import document_note, passage_name

blueprint = Blueprint("document", __name__)
blueprint.add_app_template_global(http_url)
blueprint.add_app_template_global(format_date)

LEAST_HEADINGS = 3  # for a table of contents


@dataclass(frozen=True, slots=True)
class Piece:
    """Text within a page. `page` is the number of the page that starts here, else None."""

    text: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The text of one passage, or between passages."""

    passage: str | None
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Block:
    """A heading or the text under it. `before` and `after`: blank lines around it.

    Of a heading: `level` on the page, `fragment` of its address, `marks` before and after the title (such as Markdown's `#`).
    """

    before: str
    runs: Sequence[Run]
    after: str
    heading: Heading | None = None
    level: int = 0
    fragment: str = ""
    marks: tuple[str, str] = ("", "")


@route(blueprint, "GET", "/d/<document_id:document_id>", READ)
def document_page(document_id: str) -> str:
    engine = service().engine
    document = engine.content(document_id)
    if document is None:
        abort(404, "No document has this id; it may have been removed")
    blocks = list(_blocks(document, engine.passages_of(document_id)))
    contents = [block for block in blocks if block.heading]
    part_of = document.metadata.get(PART_OF)
    return render_template(
        "document.html",
        document=document,
        blocks=blocks,
        contents=contents if len(contents) >= LEAST_HEADINGS else (),
        note=document_note(document) if part_of else None,
        part_of=f"/d/{quote(str(part_of))}",
    )


def _blocks(document: Document, passages: Sequence[StoredPassage]) -> Iterator[Block]:
    """The blocks in order. Their texts together are the document's text."""
    starts = [stored.passage.start for stored in passages]
    position, level = 0, 1
    for number, heading in enumerate(_headings(document, starts), 1):
        yield from _text_block(document, passages, starts, (position, heading.start))
        level = min(heading.level + 1, level + 1, 6)
        yield _heading_block(document.text, heading, level, f"h{number}")
        position = heading.end
    yield from _text_block(document, passages, starts, (position, len(document.text)))


def _headings(document: Document, starts: Sequence[int]) -> Sequence[Heading]:
    """The document's headings; none if it consists of headings only, which are its passages then."""
    headings = document.headings
    return () if headings and starts and headings[0].start <= starts[0] < headings[0].end else headings


def _heading_block(text: str, heading: Heading, level: int, fragment: str) -> Block:
    line = text[heading.start : heading.end]
    before, title, after = line.partition(heading.title) if heading.title in line else ("", line, "")
    return Block("", (Run(None, (Piece(title),)),), "", heading, level, fragment, (before, after))


def _text_block(document: Document, passages: Sequence[StoredPassage], starts: Sequence[int], span: Span) -> Iterator[Block]:
    """The block between two headings, if there is text."""
    runs: list[tuple[str | None, Span]] = []
    position = span[0]
    for stored in passages[bisect_left(starts, span[0]) : bisect_left(starts, span[1])]:
        passage = stored.passage
        runs += [(None, (position, passage.start)), (passage_name(stored.id), (passage.start, passage.end))]
        position = passage.end
    yield from _block(document, [*runs, (None, (position, span[1]))])


def _block(document: Document, runs: Sequence[tuple[str | None, Span]]) -> Iterator[Block]:
    """Keeps the blank lines around the text, which take no space on the page."""
    start, end = runs[0][1][0], runs[-1][1][1]
    whole = document.text[start:end]
    if not whole:
        return
    first = start + len(whole) - len(whole.lstrip())
    first = document.text.rfind("\n", start, first) + 1 or start  # keep the first line's indentation
    last = max(start + len(whole.rstrip()), first)
    clipped = [(name, (max(a, first), min(b, last))) for name, (a, b) in runs]
    text_runs = [Run(name, tuple(_pieces(document, span))) for name, span in clipped if span[0] < span[1]]
    yield Block(document.text[start:first], text_runs, document.text[last:end])


def _pieces(document: Document, span: Span) -> Iterator[Piece]:
    pages = document.pages
    position = span[0]
    number = bisect_left(pages, position)
    begins = number + 1 if number < len(pages) and pages[number] == position else None
    for page in range(number + (begins is not None), bisect_left(pages, span[1])):
        yield Piece(document.text[position : pages[page]], begins)
        position, begins = pages[page], page + 1
    yield Piece(document.text[position : span[1]], begins)
