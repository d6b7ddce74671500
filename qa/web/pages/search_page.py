"""`/`: the search box and its results, rendered on the server so that they need no JavaScript. `/embed`: the same for a frame.

`/c/{collection}`: the same for one collection.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, g, render_template, request

from index.filters import Filter
from qa.answering.confidence import LIKELY_CONFIDENCE
from qa.web.asked import keep_question
from qa.web.current import collections, service, settings
from qa.web.pages.example_questions import example_questions
from qa.web.pages.language import language
from qa.web.pages.own_settings import own_settings, style_of, title_of
from qa.web.pages.presentation import answer_kind, missing_sentence, result_fields, source_fields, texts, verdict
from qa.web.pages.quotes import quote_blocks, quote_cells, quote_line
from qa.web.routes import READ, route
from qa.web.schemas.answers import answer_json, explained_answer_json
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import from_query_string, in_words
from qa.web.schemas.requests import DEFAULT_LIMIT, Narrowing, SearchPageParameters

blueprint = Blueprint("box", __name__)
for function in (verdict, answer_kind, source_fields, result_fields, quote_line, quote_blocks, quote_cells, missing_sentence):
    blueprint.add_app_template_global(function)

FACETS = {"collection": "Collection", "source": "Source", "type": "Type", "year": "Year"}
FACET_VALUES = 12
_ORIGIN = re.compile(r"https?://[a-z0-9_.\[\]:-]{1,260}(?=/|$)")
MORE_RESULTS = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """A facet's value and its number of documents."""

    value: str
    label: str
    count: int


@route(blueprint, "GET", "/", READ)
def search_page() -> tuple[str, int]:
    return _page("/")


@route(blueprint, "GET", "/c/<collection_id>", READ)
def collection_page(collection_id: str) -> tuple[str, int]:
    if collection_id not in collections():
        abort(404, f"There is no collection {collection_id!r} here")
    return _page(f"/c/{collection_id}", {"collection": collection_id})


@route(blueprint, "GET", "/embed", READ)
def embedded_page() -> tuple[str, int]:
    """For a frame in a page of an allowed origin (setting `embed_origins`); a frame of another one is told what to do."""
    origin = _origin_around()
    if origin and origin not in settings().embed_origins:
        g.frames = (origin,)
        return render_template("not_embedded.html", origin=origin), 403
    g.frames = settings().embed_origins
    return _page("/embed")


def _origin_around() -> str | None:
    """The origin of the page whose frame this is; None outside frames, in own pages, and if the browser does not tell."""
    if (
        request.headers.get("Sec-Fetch-Dest") not in ("iframe", "frame")
        or request.headers.get("Sec-Fetch-Site") == "same-origin"
    ):
        return None
    found = _ORIGIN.match(request.headers.get("Referer", ""))
    return found[0] if found else None


def _page(address: str, fixed: Mapping[str, str] = MappingProxyType({})) -> tuple[str, int]:
    """`fixed`: what the path of the address narrows the search to."""
    narrowed = Narrowing(**fixed)
    if "q" not in request.args:
        try:
            return _render(address, from_query_string(request, Narrowing, fixed), fixed), 200
        except Problem as problem:
            return _render(address, narrowed, fixed, error=in_words(problem)), problem.status
    try:
        parameters = from_query_string(request, SearchPageParameters, fixed)
    except Problem as problem:
        return _render(address, narrowed, fixed, question=request.args["q"][:2000], error=in_words(problem)), problem.status
    answer = service().answerer.ask(parameters.q, parameters.limit, parameters.filter(), spelling=parameters.spelling)
    keep_question(answer)
    body = explained_answer_json(answer, 0) if parameters.explain else answer_json(answer, 0)
    return _render(address, parameters, fixed, question=parameters.q, limit=parameters.limit, body=body), 200


def _render(
    address: str,
    narrowing: Narrowing,
    fixed: Mapping[str, str],
    *,
    question: str = "",
    limit: int = DEFAULT_LIMIT,
    body: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> str:
    own = own_settings(narrowing.collection)
    g.language = own.language or language()
    g.style = style_of(own)
    chosen = {key: value for key, value in narrowing.chosen().items() if key not in fixed}
    explaining = {"explain": "true"} if body and "units" in body else {}

    def at(**changes: str | int | None) -> str:
        """The address of this page with changed parameters; None removes one. Each collection has a page, but in a frame."""
        place = address
        if "collection" in changes and address != "/embed":
            chosen_collection = changes.pop("collection")
            place = f"/c/{chosen_collection}" if chosen_collection else "/"
            changes["collection"] = None
        parts = {"q": question, **chosen, **({"limit": limit} if limit != DEFAULT_LIMIT else {}), **explaining, **changes}
        query = urlencode({key: value for key, value in parts.items() if value})
        return f"{place}?{query}" if query else place

    return render_template(
        "search.html",
        address=address,
        at=at,
        question=question,
        limit=limit,
        more=MORE_RESULTS if body and len(body["results"]) >= limit and limit < MORE_RESULTS else None,
        body=body,
        error=error,
        chosen=chosen,
        explaining=explaining,
        choices=dict(_choices(narrowing.filter(), {**chosen, **fixed})),
        fixed=fixed,
        facet_names=FACETS,
        labels={
            key: own.title or value if key == "collection" else _label(key, value, Counter())
            for key, value in {**chosen, **fixed}.items()
        },
        title=own.title,
        style=g.style,
        examples=example_questions(settings(), service().engine, own),
        empty=not service().engine.facets("collection", None, 1),
        likely_confidence=LIKELY_CONFIDENCE,
        more_results=MORE_RESULTS,
        texts=texts(),
        feedback=settings().feedback,
    )


def _choices(filter_: Filter | None, chosen: Mapping[str, str]) -> Iterator[tuple[str, list[Choice]]]:
    """The facets of the selected documents that have more than one value."""
    for key in FACETS:
        found = [] if key in chosen else service().engine.facets(key, filter_, FACET_VALUES)
        if len(found) > 1:
            names = Counter(PurePosixPath(str(value)).name for value, _ in found)
            choices = [Choice(str(value), _label(key, str(value), names), count) for value, count in found]
            yield key, sorted(choices, key=lambda choice: choice.value, reverse=True) if key == "year" else choices


def _label(key: str, value: str, names: Mapping[str, int]) -> str:
    """A source is shown by its file name if that is unique, a type with spaces for underscores, a collection by its title."""
    if key == "collection":
        return title_of(value)
    if key == "source":
        name = PurePosixPath(value).name
        return value if names.get(name, 0) > 1 or not name else name
    return value.replace("_", " ") if key == "type" else value
