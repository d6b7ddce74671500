"""`/healthz`: the process runs. `/readyz`: it can answer."""

from __future__ import annotations

from flask import Blueprint

from qa.web.current import service
from qa.web.routes import ANYONE, route
from qa.web.schemas import answers

blueprint = Blueprint("health", __name__)


@route(
    blueprint, "GET", "/healthz", role=ANYONE, summary="Check that the process runs", response=answers.Health, tag="monitoring"
)
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@route(
    blueprint,
    "GET",
    "/readyz",
    role=ANYONE,
    summary="Check that the service is ready",
    response=answers.Readiness,
    tag="monitoring",
)
def readyz() -> dict[str, str | int | bool]:
    """`degraded`: something stored was found damaged and is withheld; the rest is served."""
    store = service().store
    documents, passages = store.counts()
    counts = {"documents": documents, "passages": passages, "generation": service().searcher.generation}
    return {"status": "ready", "degraded": store.damaged, **counts}
