"""`/manage/curation`: the rules of an editor, as `qa curate` stores them."""

from __future__ import annotations

from itertools import islice

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from qa.audit import Change
from qa.curation.checking import unknown_places
from qa.curation.reading import CurationError, read_curation
from qa.curation.rules import NO_CURATION
from qa.curation.stored import FILE_NAME, digest_of, write_curation
from qa.operate.state import state_files_of
from qa.web.current import service, settings, writer
from qa.web.pages.manage.address import MANAGE, require_manage_page
from qa.web.routes import WRITE, route

blueprint = Blueprint("curation", __name__)

ADDRESS = f"{MANAGE}/curation"
NAME = "The rules"
MOST_WARNINGS = 20


@route(blueprint, "GET", ADDRESS, WRITE, public=False)
def curation_page() -> str:
    require_manage_page()
    content = state_files_of(settings()).read(FILE_NAME) or b""
    return _render(content.decode(errors="replace"), digest_of(content))


@route(blueprint, "POST", ADDRESS, WRITE)
def store_curation() -> Response | tuple[str, int]:
    """What is not valid is shown again with its mistakes, and not stored."""
    require_manage_page()
    intake = writer()
    rules, seen = request.form.get("rules", "").replace("\r\n", "\n"), request.form.get("seen", "")
    try:
        read_curation(rules.encode(), NAME)
        write_curation(state_files_of(settings()), rules.encode(), over=seen)
    except CurationError as error:
        return _render(rules, seen, str(error).splitlines()), 422
    intake.audit.record(Change.CURATE)
    return redirect(f"{ADDRESS}?saved=1", 303)


def _render(rules: str, seen: str, errors: list[str] | None = None) -> str:
    """`seen`: the digest of the rules that were stored when the page was opened."""
    try:
        curation = NO_CURATION if errors else read_curation(rules.encode(), NAME)
    except CurationError as error:  # of a file that another version stored
        curation, errors = NO_CURATION, str(error).splitlines()
    warnings = list(islice(unknown_places(curation, service().engine), MOST_WARNINGS))
    return render_template(
        "manage/curation.html",
        address=ADDRESS,
        rules=rules,
        seen=seen,
        errors=errors,
        warnings=warnings,
        saved=request.args.get("saved"),
    )
