"""`/d/{id}/versions`: the texts that a document has and had, and what changed between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from flask import Blueprint, abort, render_template, request
from pydantic import Field

from index.types import DocumentVersion
from qa.web.current import may_write, service
from qa.web.pages.document.changes import changes
from qa.web.pages.document.linked_quote import NO_DOCUMENT
from qa.web.pages.language import translate as _
from qa.web.pages.presentation import format_date
from qa.web.routes import READ, route
from qa.web.schemas.addresses import document_address, versions_address
from qa.web.schemas.reading import from_query_string
from qa.web.schemas.requests import Flag, Strict

blueprint = Blueprint("document-versions", __name__)

NO_VERSION = "The document has no such version, or it is not kept any more"

Digits = Annotated[str, Field(pattern=r"^[0-9a-f]{12,64}$")]


class VersionsParameters(Strict):
    """The query string: the first digits of the two texts to compare, by default the newest and the one before. `whole`: with all lines."""

    older: Digits | None = None
    newer: Digits | None = None
    whole: Flag = False


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version in the list.

    `compare`: the address of what changed in it, empty for the oldest. `with_now`: of what changed since it, if that is more.
    """

    since: str
    when: str
    by: str
    is_present: bool
    compare: str
    with_now: str


@route(blueprint, "GET", "/d/<document_id:document_id>/versions", READ)
def versions_page(document_id: str) -> str:
    engine = service().engine
    parameters = from_query_string(request, VersionsParameters)
    versions = engine.versions(document_id)
    if not versions:
        abort(404, NO_DOCUMENT)
    newer = _place(versions, parameters.newer, 0)
    older = _place(versions, parameters.older, newer + 1)
    pieces = None
    if older < len(versions):
        texts = [engine.version_content(document_id, versions[place].stored.version) for place in (older, newer)]
        if texts[0] is None or texts[1] is None:
            abort(404, NO_VERSION)
        pieces = changes(texts[0].text, texts[1].text, whole=parameters.whole)
    lines = [_line(document_id, versions, place) for place in range(len(versions))]
    shown = [versions[place].stored.version for place in (older, newer) if place < len(versions)]
    return render_template(
        "versions.html",
        document=versions[0].stored,
        address=document_address(document_id),
        versions=lines,
        compared=[lines[place] for place in (older, newer)] if pieces is not None else None,
        pieces=pieces,
        other_view=versions_address(document_id, *shown, whole=not parameters.whole) if pieces is not None else "",
        whole=parameters.whole,
    )


def _place(versions: Sequence[DocumentVersion], digits: str | None, default: int) -> int:
    """Of the version with these digits, rather the newest after `default` than one before. Aborts with 404 without one."""
    if digits is None:
        return default
    places: list[int] = [*range(default, len(versions)), *range(default)]
    found = (place for place in places if versions[place].stored.version.startswith(f"sha256:{digits}"))
    place = next(found, None)
    if place is None:
        abort(404, NO_VERSION)
    return place


def _line(document_id: str, versions: Sequence[DocumentVersion], place: int) -> VersionLine:
    version = versions[place]
    names = [each.stored.version for each in versions]
    return VersionLine(
        version.since,
        _time(version.since),
        (version.by or "") if may_write() else "",
        place == 0,
        versions_address(document_id, names[place + 1], names[place]) if place + 1 < len(versions) else "",
        versions_address(document_id, names[place], names[0]) if place > 1 else "",
    )


def _time(moment: str) -> str:
    """A time as 21 July 2025, 09:30 UTC, in the language of the page."""
    return _("{day}, {time} UTC", day=format_date(moment), time=moment[11:16]) if moment else _("unknown")
