"""`/healthz`: liveness. `/readyz`: readiness, with counts of what is served."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint
from typing_extensions import TypedDict

from qa.web.current import service
from qa.web.routes import ANYONE, route
from qa.web.schemas.documents import Count

blueprint = Blueprint("health", __name__)


class Health(TypedDict):
    status: Literal["ok"]


class Readiness(TypedDict):
    """`degraded`: some stored rows are damaged and withheld; the rest is served."""

    status: Literal["ready"]
    degraded: bool
    documents: Count
    passages: Count
    generation: Count


@route(blueprint, "GET", "/healthz", ANYONE, "Check that the process runs", tag="monitoring")
def healthz() -> Health:
    return {"status": "ok"}


@route(blueprint, "GET", "/readyz", ANYONE, "Check that the service is ready", tag="monitoring")
def readyz() -> Readiness:
    engine = service().engine
    documents, passages = engine.counts()
    return {
        "status": "ready",
        "degraded": engine.degraded,
        "documents": documents,
        "passages": passages,
        "generation": engine.generation,
    }
