"""The pages for people: what a browser may do with them, and how they say that something went wrong."""

from __future__ import annotations

import json

from flask import Blueprint, Response, g, render_template, request

from qa.web.current import settings
from qa.web.pages import chat_page, document_page, feedback, search_page, upload_page

blueprint = Blueprint("pages", __name__)
for page in (search_page.blueprint, chat_page.blueprint, document_page.blueprint, upload_page.blueprint, feedback.blueprint):
    blueprint.register_blueprint(page)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors "
)
# A second policy beside the first: a script can make text of what it is given, never markup.
TEXT_ONLY = "require-trusted-types-for 'script'; trusted-types 'none'"
NOT_FOR_PEOPLE = ("/v1/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/static/")


@blueprint.app_template_global()
def pages() -> list[tuple[str, str]]:
    """Addresses and names of the pages beside the search box."""
    offered = [("/", "Ask"), ("/chat", "Chat")]
    if settings().upload_page:
        offered.append(("/upload", "Add documents"))
    return offered


# Of two that are registered, the later one is called first.
@blueprint.after_app_request
def _protect(response: Response) -> Response:
    """The headers of every page, whichever blueprint made it."""
    if request.path == "/static/embed.js":
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # it is there for other sites' pages
    if response.mimetype == "text/html":
        framed = settings().embed_origins if g.get("embedded") else ()
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY + (" ".join(framed) or "'none'")
        response.headers.add("Content-Security-Policy", TEXT_ONLY)
        if framed:
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@blueprint.after_app_request
def _problem_as_a_page(response: Response) -> Response:
    """What went wrong, to a browser that asked for a page by saying that it takes text/html."""
    if response.mimetype != "application/problem+json" or request.path.startswith(NOT_FOR_PEOPLE):
        return response
    if not any(kind == "text/html" for kind, _ in request.accept_mimetypes):
        return response
    response.set_data(render_template("problem.html", problem=json.loads(response.get_data())))
    response.mimetype = "text/html"
    return response
