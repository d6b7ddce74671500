"""`/healthz`: the process runs. `/readyz`: it can answer."""

from __future__ import annotations

from flask import Blueprint

from qa.web.current import service

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> dict[str, str | int | bool]:
    """`degraded`: something stored was found damaged and is withheld; the rest is served."""
    store = service().store
    documents, passages = store.counts()
    counts = {"documents": documents, "passages": passages, "generation": service().searcher.generation}
    return {"status": "ready", "degraded": store.damaged, **counts}
