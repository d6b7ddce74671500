"""The service and the settings that the application handling this request was made with."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, current_app

from qa.assembly import Service
from qa.ingest.worker import Worker
from qa.settings.settings import Settings
from qa.web.schemas.problems import Problem
from qa.web.server.dispatcher import release_slot

GetService = Callable[[], Service | None]


def attach(app: Flask, get_service: GetService, settings: Settings) -> None:
    app.extensions["quotable"] = get_service
    app.extensions["quotable-settings"] = settings


def service() -> Service:
    """Raises Problem 503 while the documents are not open yet."""
    opened: Service | None = current_app.extensions["quotable"]()
    if opened is None:
        raise Problem(503, "The documents are being opened; try again in a few seconds", headers={"Retry-After": "2"})
    return opened


def settings() -> Settings:
    found: Settings = current_app.extensions["quotable-settings"]
    return found


def writer() -> Worker:
    """The one that takes documents in: whoever asks for it waits for the disk. Raises Problem 403 where this service only reads."""
    worker = service().worker
    if worker is None:
        raise Problem(403, "Documents cannot be changed here")
    release_slot()
    return worker
