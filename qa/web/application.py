"""The Flask application factory."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.routing import PathConverter

from qa.settings.settings import Settings
from qa.web import current, routes
from qa.web.access import browser, gate
from qa.web.api import chat, documents, health, openapi, search, vector_stores
from qa.web.pages import pages
from qa.web.schemas import problems
from qa.web.server.admission import Admission
from qa.web.telemetry import metrics, observed

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1_000_000


class _Application(Flask):
    def log_exception(self, exc_info: Any) -> None:
        """Without the address, which Flask tells and which may hold what was asked."""
        log.error("unforeseen error in an answer", exc_info=exc_info)


class _Json(DefaultJSONProvider):
    """UTF-8 instead of escapes, and keys in their declared order."""

    ensure_ascii = False
    sort_keys = False


class _DocumentId(PathConverter):
    """Any characters, a slash at the front among them: GOV.UK items are called by their path. None ends in "/text", a route's end."""

    regex = r".+?(?<!/text)"
    part_isolating = False  # it goes over slashes


def create_app(
    get_service: current.GetService,
    settings: Settings | None = None,
    access: gate.Access | None = None,
    names: browser.Names | None = None,
    observers: Sequence[observed.Observer] = (),
    admission: Admission | None = None,
) -> Flask:
    """The application. `get_service` gives None until the documents can be asked; until then such routes answer 503.

    `settings` are the defaults where none are given. `access`: who is let in; by default whoever reaches it, with no key, as fits
    an address of this machine alone. `names`: what the service is called in addresses, by default as on this machine.
    `observers`: told of every request when it is over. `admission`: the server's, for its figures.
    """
    app = _Application("qa.web", template_folder="pages/templates", static_folder="pages/static", static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json = _Json(app)
    app.url_map.merge_slashes = False
    app.url_map.converters["document_id"] = _DocumentId
    settings = settings or Settings()
    current.attach(app, get_service, settings)
    figures = app.extensions["quotable-metrics"] = metrics.Metrics(get_service, admission)
    observed.install(app, (figures, *observers))
    problems.install(app)
    browser.install(app, names or browser.Names(), settings)
    gate.install(app, access or gate.Access())
    for blueprint in (
        search.blueprint,
        chat.blueprint,
        vector_stores.blueprint,
        documents.blueprint,
        health.blueprint,
        metrics.blueprint,
        openapi.blueprint,
        pages.blueprint,
    ):
        app.register_blueprint(blueprint)
    routes.declare(app, "static", routes.Route("GET", "/static/<path:filename>", routes.ANYONE))
    routes.check_routes(app)
    return app
