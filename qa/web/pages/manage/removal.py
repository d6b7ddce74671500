"""`/manage/remove`: asks before documents are removed."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from index.types import DamagedRow
from qa.web.current import service, writer
from qa.web.pages.manage.address import list_address, require_manage_page
from qa.web.routes import WRITE, route

blueprint = Blueprint("removal", __name__)


@route(blueprint, "GET", "/manage/remove", WRITE, public=False)
def ask_to_remove() -> str | Response:
    """Which documents, by the `id`s of the query string."""
    require_manage_page()
    query = request.args.get("list", "")
    titles = {document_id: title for document_id in request.args.getlist("id") if (title := _title(document_id))}
    if not titles:
        return redirect(list_address(query, removed=0), 303)
    return render_template("manage/remove.html", titles=titles, list=query, back=list_address(query))


@route(blueprint, "POST", "/manage/remove", WRITE)
def remove_documents() -> Response:
    require_manage_page()
    intake = writer()
    removed = sum(intake.remove(document_id) for document_id in request.form.getlist("id"))
    return redirect(list_address(request.form.get("list", ""), removed=removed), 303)


def _title(document_id: str) -> str | None:
    """None if there is no such document."""
    try:
        document = service().engine.document(document_id)
    except DamagedRow:  # it can be removed
        return document_id
    return document.title or document_id if document else None
