"""The service and the settings of the current application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, current_app

from index.types import DEFAULT_COLLECTION
from qa.assembly import Service
from qa.ingest.intake import Intake
from qa.settings.settings import Settings
from qa.web.schemas.problems import Problem
from qa.web.server.admission import release_slot

GetService = Callable[[], Service | None]
OPENING_SECONDS = 2
MAX_COLLECTIONS = 1_000  # listed


def attach(app: Flask, get_service: GetService, settings: Settings) -> None:
    app.extensions["quotable"] = get_service
    app.extensions["quotable-settings"] = settings


def service() -> Service:
    """Raises Problem 503 until the documents are open."""
    opened: Service | None = current_app.extensions["quotable"]()
    if opened is None:
        message = f"The documents are being opened; retry in {OPENING_SECONDS} seconds."
        raise Problem(503, message, headers={"Retry-After": str(OPENING_SECONDS)})
    return opened


def collections() -> list[str]:
    """The collections that have documents, by their names; also the default one."""
    found = {str(name) for name, _ in service().engine.facets("collection", None, MAX_COLLECTIONS)}
    return sorted(found | {DEFAULT_COLLECTION})


def settings() -> Settings:
    found: Settings = current_app.extensions["quotable-settings"]
    return found


def writer() -> Intake:
    """The intake for documents. Releases the request's slot: its calls wait for the disk. Raises Problem 403 if there is none."""
    intake = service().intake
    if intake is None:
        raise Problem(403, "This service is read-only.")
    release_slot()
    return intake
