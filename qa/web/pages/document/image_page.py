"""`/d/{id}/page/{n}`: a page of a kept PDF file as an image with a quote boxed, its text below; `/d/{id}/page/{n}.png`: the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as BaseResponse

from corpus.readers.pdf.page_view import PageView
from corpus.types import Document, ReadError, Span, page_at
from index.types import StoredDocument
from qa.web.current import service
from qa.web.pages.document.document_page import document_page
from qa.web.pages.document.linked_quote import CHANGED, NO_DOCUMENT, NO_QUOTE, QuoteParameters
from qa.web.pages.document.page_images import PageImages
from qa.web.pages.presentation import http_url
from qa.web.routes import READ, route
from qa.web.schemas.addresses import has_page_images, page_address, quote_address, quote_page_address, with_text_fragment
from qa.web.schemas.reading import from_query_string

blueprint = Blueprint("page-image", __name__)

_EXTENSION = "quotable-page-images"
# Part of the images' ETags: change it with how they are drawn.
_DRAWING = 1


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a stored document: its number from 1, and its place in the text."""

    stored: StoredDocument
    document: Document
    number: int
    place: Span

    @property
    def text(self) -> str:
        return self.document.text[slice(*self.place)]

    def within(self, quoted: Span) -> Span:
        """The part of a quote that stands on this page, in the page's text; NO_QUOTE if none does."""
        start, end = (min(max(offset, self.place[0]), self.place[1]) - self.place[0] for offset in quoted)
        return (start, end) if start < end else NO_QUOTE


@blueprint.record_once
def _attach(state: BlueprintSetupState) -> None:
    state.app.extensions[_EXTENSION] = PageImages()


@route(blueprint, "GET", "/d/<document_id:document_id>/page/<int:number>", READ)
def image_page(document_id: str, number: int) -> str | BaseResponse:
    own_id = f"{document_id}/page/{number}"
    if service().engine.document(own_id):
        return document_page(own_id)
    link = from_query_string(request, QuoteParameters)
    page = _page(document_id, number)
    found = link.place_in(page.document)
    quoted = found or NO_QUOTE
    if quoted != NO_QUOTE and page.within(quoted) == NO_QUOTE:
        right = page_at(page.document.pages, quoted[0]) or number
        return redirect(quote_page_address(document_id, right, page.stored.version, quoted))
    view, problem = _view(page, page.within(quoted))
    return render_template(
        "page_image.html",
        page=page,
        view=view,
        problem=problem,
        changed=CHANGED if found is None else "",
        pieces=_pieces(page.text, page.within(quoted)),
        before=_neighbour(page, number - 1, quoted),
        after=_neighbour(page, number + 1, quoted),
        image=f"{page_address(document_id, number)}.png",
        text_address=_text_address(page, quoted),
        original=with_text_fragment(http_url(page.document.url), page.document.text[slice(*quoted)]),
    )


@route(blueprint, "GET", "/d/<document_id:document_id>/page/<int:number>.png", READ)
def page_png(document_id: str, number: int) -> BaseResponse | str:
    own_id = f"{document_id}/page/{number}.png"
    if service().engine.document(own_id):
        return document_page(own_id)
    page = _page(document_id, number)
    tag = f"{str(page.stored.original)[:20]}-{number}-{_DRAWING}"
    response = Response(mimetype="image/png")
    response.set_etag(tag)
    response.headers["Cache-Control"] = "private, no-cache"  # who may no longer read the document must not see its pages
    if not request.if_none_match.contains(tag):
        try:
            response.set_data(_images().image(service().engine, page.stored, number))
        except ReadError as error:
            abort(404, str(error))
    return response.make_conditional(request)


def _page(document_id: str, number: int) -> Page:
    """Aborts with 404 and the reason if there is no image of the page."""
    engine = service().engine
    stored, document = engine.document(document_id), engine.content(document_id)
    if stored is None or document is None:
        abort(404, NO_DOCUMENT)
    if stored.type != "pdf":
        abort(404, f"“{stored.title}” is no PDF file. Only PDF files are shown page by page")
    if not has_page_images(stored):
        abort(404, f"The file of “{stored.title}” is not kept, so its pages cannot be shown. Its text is still here")
    if not 1 <= number <= len(document.pages):
        abort(404, f"“{stored.title}” has no page {number}. Its last page is {len(document.pages)}")
    return Page(stored, document, number, _place(document, number))


def _place(document: Document, number: int) -> Span:
    """The place of a page in the document's text."""
    start, end = (*document.pages, len(document.text))[number - 1 : number + 1]
    return start, end


def _images() -> PageImages:
    images: PageImages = current_app.extensions[_EXTENSION]
    return images


def _view(page: Page, quoted: Span) -> tuple[PageView | None, str]:
    """The view, or None and why there is none: the page then shows the text alone."""
    try:
        return _images().view(service().engine, page.stored, page.number, page.text, quoted), ""
    except ReadError as error:
        return None, str(error)


def _text_address(page: Page, quoted: Span) -> str:
    if quoted == NO_QUOTE:
        return f"/d/{quote(page.stored.id)}#page-{page.number}"
    return quote_address(page.stored.id, page.stored.version, quoted)


def _pieces(text: str, quoted: Span) -> list[tuple[str, bool]]:
    """The page's text in pieces, with whether each belongs to the quote."""
    start, end = quoted
    pieces = ((text[:start], False), (text[start:end], True), (text[end:], False))
    return [(piece, marked) for piece, marked in pieces if piece]


def _neighbour(page: Page, number: int, quoted: Span) -> dict[str, Any] | None:
    """Number and address of another page, with the quote if a part of it stands there; None if there is no such page."""
    if not 1 <= number <= len(page.document.pages):
        return None
    other = Page(page.stored, page.document, number, _place(page.document, number))
    if other.within(quoted) == NO_QUOTE:
        return {"number": number, "address": page_address(page.stored.id, number)}
    return {"number": number, "address": quote_page_address(page.stored.id, number, page.stored.version, quoted)}
