"""`/`: the search box and its results, rendered here so that they need no JavaScript. `/d/{id}`: a document."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, abort, render_template, request

from corpus.types import Span, url_at
from index.rows import StoredPassage
from qa.answerer import Answer, Result
from qa.responses import passage_name, quoted_text
from qa.web.current import service
from qa.web.problems import Problem
from qa.web.requests import SearchParameters, from_query_string

blueprint = Blueprint("pages", __name__)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


@blueprint.get("/")
def search_page() -> tuple[str, int]:
    if "q" not in request.args:
        return render_template("search.html", answer=None, question="", error=None), 200
    try:
        parameters = from_query_string(request, SearchParameters)
    except Problem as problem:
        message = "; ".join(error["message"] for error in problem.errors or []) or problem.detail
        return render_template("search.html", answer=None, question=request.args["q"][:2000], error=message), problem.status
    answer = service().answerer.ask(parameters.q, parameters.limit)
    return render_template("search.html", answer=answer, question=parameters.q, error=None), 200


@blueprint.get("/d/<document_id:document_id>")
def document_page(document_id: str) -> str:
    store = service().store
    document = store.content(document_id)
    if document is None:
        abort(404, "There is no such document here; it may have been removed")
    passages = store.passages_of(document_id)
    return render_template("document.html", document=document, pieces=_pieces(document.text, passages))


@blueprint.after_request
def _protect(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


@blueprint.app_template_global()
def confidence_in_words(answer: Answer) -> str:
    if not answer.answerable:
        return "Not in these documents"
    if answer.confidence >= 0.8:
        return "Answered"
    return "Closest found"


@blueprint.app_template_global()
def marked(result: Result) -> tuple[str, str, str]:
    """The passage before, in and after its quote."""
    passage = result.stored.passage
    start, end = result.quote[0] - passage.start, result.quote[1] - passage.start
    return passage.text[:start], passage.text[start:end], passage.text[end:]


@blueprint.app_template_global()
def place(stored: StoredPassage) -> str:
    """The address of a passage in its document's page."""
    return f"/d/{quote(stored.document.id)}#{passage_name(stored.id)}"


@blueprint.app_template_global()
def place_outside(stored: StoredPassage) -> str | None:
    """The address of a passage's heading where the document came from, if it may be followed."""
    return outside(url_at(stored.document.url, stored.passage.anchor))


@blueprint.app_template_global()
def outside(url: str | None) -> str | None:
    """The address where it is one that may be followed; None otherwise."""
    try:
        return url if url and urlsplit(url).scheme in ("http", "https") else None
    except ValueError:
        return None


blueprint.add_app_template_global(quoted_text, "quoted_text")


def _pieces(text: str, passages: list[StoredPassage]) -> list[tuple[str | None, str]]:
    """The whole text in order: passages with their names, and what lies between them."""
    pieces: list[tuple[str | None, str]] = []
    position = 0
    for stored in passages:
        span: Span = (stored.passage.start, stored.passage.end)
        pieces += [(None, text[position : span[0]]), (passage_name(stored.id), text[span[0] : span[1]])]
        position = span[1]
    return [piece for piece in [*pieces, (None, text[position:])] if piece[1]]
