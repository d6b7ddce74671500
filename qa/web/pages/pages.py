"""The blueprint of all pages: their security headers, their navigation, and HTML error pages."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256

from flask import Blueprint, Response, g, render_template, request

from qa.web.current import may_write, settings
from qa.web.pages import chat_page, feedback, language, search_page
from qa.web.pages.document import document_page, image_page, versions_page
from qa.web.pages.manage import pages as manage
from qa.web.pages.manage.address import MANAGE

blueprint = Blueprint("pages", __name__)
for page in (
    search_page.blueprint,
    chat_page.blueprint,
    document_page.blueprint,
    image_page.blueprint,
    versions_page.blueprint,
    feedback.blueprint,
    manage.blueprint,
):
    blueprint.register_blueprint(page)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'{style}; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors "
)
# A second policy: scripts can create text nodes, never markup from a string.
TEXT_ONLY = "require-trusted-types-for 'script'; trusted-types 'none'"
NAVIGATION = ASK, CHAT, DOCUMENTS = ("Ask", "Chat", "Documents")
NO_PAGES = ("/v1/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/static/")


blueprint.add_app_template_global(language.translate, "_")
for function in (language.language, language.direction, language.messages):
    blueprint.add_app_template_global(function)


@blueprint.app_template_global()
def pages() -> list[tuple[str, str]]:
    """Addresses and names for the navigation: what the caller may use."""
    offered = [("/", ASK), ("/chat", CHAT)]
    if settings().manage_page and may_write():
        offered.append((MANAGE, DOCUMENTS))
    return offered


# Flask calls the functions in reverse order: error pages get their headers too.
@blueprint.after_app_request
def _set_security_headers(response: Response) -> Response:
    """Set the security headers of every page, whichever blueprint made it."""
    if request.path == "/static/embed.js":
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # for other sites' pages
    if response.mimetype == "text/html":
        response.vary.add("Accept-Language")
        framed = g.get("frames", ())
        policy = CONTENT_SECURITY_POLICY.format(style=f" 'sha256-{_sha256(style)}'" if (style := g.get("style")) else "")
        response.headers["Content-Security-Policy"] = policy + (" ".join(framed) or "'none'")
        response.headers.add("Content-Security-Policy", TEXT_ONLY)
        if framed:
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _sha256(style: str) -> str:
    """As the policy names the one style sheet that a page may hold."""
    return b64encode(sha256(style.encode()).digest()).decode()


@blueprint.after_app_request
def _error_page(response: Response) -> Response:
    """Browsers get HTML error pages: clients whose Accept header names text/html."""
    if response.mimetype != "application/problem+json" or request.path.startswith(NO_PAGES):
        return response
    if not any(kind == "text/html" for kind, _ in request.accept_mimetypes):
        return response
    response.set_data(render_template("problem.html", problem=json.loads(response.get_data())))
    response.mimetype = "text/html"
    return response
