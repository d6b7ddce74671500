"""The Flask application factory."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider
from werkzeug.routing import PathConverter, UnicodeConverter

from qa.operate.state import state_files_of
from qa.settings.settings import Settings
from qa.sources.registry import read_sources
from qa.web import current, routes
from qa.web.access import browser, gate
from qa.web.api import chat, documents, health, jobs, mcp, openapi, search, vector_stores, versions
from qa.web.pages import pages
from qa.web.schemas import problems
from qa.web.server.admission import Admission
from qa.web.telemetry import metrics, observed

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1_000_000
_encode = json.JSONEncoder(ensure_ascii=False).encode


class _Application(Flask):
    def log_exception(self, exc_info: Any) -> None:
        """Without the URL, which Flask would log and which may contain a question."""
        log.error("unexpected error in a response", exc_info=exc_info)


class _Json(DefaultJSONProvider):
    """UTF-8 instead of escapes, and keys in their declared order. One encoder for all: Flask's makes one per response (20 µs of 70)."""

    def response(self, *args: Any, **kwargs: Any) -> Response:
        return Response(_encode(args[0] if args else kwargs), mimetype=self.mimetype)


class _DocumentId(PathConverter):
    """Any characters, also slashes: the ids of GOV.UK items are paths. An id cannot end as routes do, such as in "/text"."""

    regex = r".+?(?<!/text)(?<!/original)(?<!/versions)(?<!/versions/sha256:[0-9a-f]{64})"
    part_isolating = False  # may contain slashes


class _Version(UnicodeConverter):
    regex = r"sha256:[0-9a-f]{64}"


def create_app(
    get_service: current.GetService,
    settings: Settings | None = None,
    access: gate.Access | None = None,
    hosts: browser.ServedHosts | None = None,
    observers: Sequence[observed.Observer] = (),
    admission: Admission | None = None,
) -> Flask:
    """The application.

    :param get_service: returns None until the documents are open; until then, routes that need them respond with 503.
    :param access: who may call; by default everyone without a key, which suits a loopback address.
    :param hosts: host names of the service; by default those of loopback.
    :param observers: called with every finished request.
    :param admission: the server's, for the metrics.
    :raises RouteWithoutRole: if a route was registered without `@route`.
    """
    app = _Application("qa.web", template_folder="pages/templates", static_folder="pages/static", static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json = _Json(app)
    app.url_map.merge_slashes = False
    app.url_map.converters |= {"document_id": _DocumentId, "version": _Version}
    settings = settings or Settings()
    current.attach(app, get_service, settings)
    collected = app.extensions["quotable-metrics"] = metrics.Metrics(
        get_service, admission, partial(read_sources, state_files_of(settings))
    )
    observed.install(app, (collected, *observers))
    problems.install(app)
    browser.install(app, hosts or browser.ServedHosts(), settings)
    gate.install(app, access or gate.Access())
    for blueprint in (
        search.blueprint,
        chat.blueprint,
        vector_stores.blueprint,
        mcp.blueprint,
        documents.blueprint,
        versions.blueprint,
        jobs.blueprint,
        health.blueprint,
        metrics.blueprint,
        openapi.blueprint,
        pages.blueprint,
    ):
        app.register_blueprint(blueprint)
    routes.declare(app, "static", routes.Route("GET", "/static/<path:filename>", routes.ANYONE))
    routes.check_routes(app)
    return app
