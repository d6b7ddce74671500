"""The service and the settings of the current application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, current_app, g, request

from index.access.audience import NOBODY, Audience
from index.types import DEFAULT_COLLECTION
from qa.assembly import Readable, Service
from qa.ingest.intake import Intake
from qa.operate.keys import Role
from qa.settings.settings import Settings
from qa.web.schemas.problems import Problem
from qa.web.server.admission import release_slot

GetService = Callable[[], Service | None]
OPENING_SECONDS = 2
MAX_COLLECTIONS = 1_000  # listed


def attach(app: Flask, get_service: GetService, settings: Settings) -> None:
    app.extensions["quotable"] = get_service
    app.extensions["quotable-settings"] = settings


def audience() -> Audience | None:
    """What the caller of this request may read; None for everything. Nothing, if nobody has checked who calls."""
    caller = g.get("caller")
    return NOBODY if caller is None else caller.audience


def may_write() -> bool:
    """Whether the caller has the role write."""
    caller = g.get("caller")
    return caller is not None and caller.role >= Role.WRITE


def service() -> Readable:
    """What the caller may read. Raises Problem 503 until the documents are open."""
    return _opened().readable_by(audience())


def writer() -> Intake:
    """The intake for documents, in the name of the caller; its engine holds all of them.

    Releases the request's slot: its calls wait for the disk. Raises Problem 403 if there is none, or the caller may not read everything.
    """
    intake = _opened().intake
    if audience() is not None:
        raise Problem(403, "This route needs a key that is bound to no collections and groups.")
    if intake is None:
        raise Problem(403, "This service is read-only.")
    release_slot()
    return intake.by(g.caller.name)


def _opened() -> Service:
    opened: Service | None = current_app.extensions["quotable"]()
    if opened is None:
        message = f"The documents are being opened; retry in {OPENING_SECONDS} seconds."
        raise Problem(503, message, headers={"Retry-After": str(OPENING_SECONDS)})
    return opened


def collections() -> list[str]:
    """The names of the collections that have documents that the caller may read; also of the default one, if it may."""
    found = {str(name) for name, _ in service().engine.facets("collection", None, MAX_COLLECTIONS)}
    readers = audience()
    return sorted(found | ({DEFAULT_COLLECTION} if readers is None or readers.may_hold(DEFAULT_COLLECTION) else set()))


def settings() -> Settings:
    found: Settings = current_app.extensions["quotable-settings"]
    return found


def site() -> str:
    """The base of absolute links to this service: the setting `public_url`, or else the address that the caller used."""
    return settings().public_url or request.host_url
