"""`/`: the search box and its results, rendered here so that they need no JavaScript. `/embed`: the same inside another page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, g, render_template, request

from index.filters import Filter
from qa.answering.confidence import LIKELY_CONFIDENCE
from qa.operate.keys import Role
from qa.web.current import service, settings
from qa.web.pages.example_questions import example_questions
from qa.web.pages.feedback import keep_if_unanswered
from qa.web.pages.presentation import shown_result, verdict
from qa.web.routes import route
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import from_query_string, in_words
from qa.web.schemas.requests import DEFAULT_LIMIT, Narrowing, SearchPageParameters
from qa.web.schemas.responses import answer_json

blueprint = Blueprint("box", __name__)
blueprint.add_app_template_global(verdict)
blueprint.add_app_template_global(shown_result)

NARROWED_BY = {"source": "Source", "type": "Type", "year": "Year"}
FACET_VALUES = 12
MORE = 20  # passages, for those who want more than the first few


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that documents can be narrowed to, and how many have it."""

    value: str
    label: str
    count: int


@route(blueprint, "GET", "/", role=Role.READ)
def search_page() -> tuple[str, int]:
    return _page("/")


@route(blueprint, "GET", "/embed", role=Role.READ)
def embedded_page() -> tuple[str, int]:
    """For a frame in a page of an allowed origin (QA_EMBED_ORIGINS); the browser refuses it to all others."""
    g.embedded = True
    return _page("/embed")


def _page(address: str) -> tuple[str, int]:
    if "q" not in request.args:
        try:
            return _rendered(address, from_query_string(request, Narrowing)), 200
        except Problem as problem:
            return _rendered(address, Narrowing(), error=in_words(problem)), problem.status
    try:
        asked = from_query_string(request, SearchPageParameters)
    except Problem as problem:
        return _rendered(address, Narrowing(), question=request.args["q"][:2000], error=in_words(problem)), problem.status
    answer = service().answerer.ask(asked.q, asked.limit, asked.filter())
    keep_if_unanswered(answer)
    return _rendered(address, asked, question=asked.q, limit=asked.limit, body=answer_json(answer, 0)), 200


def _rendered(
    address: str,
    narrowing: Narrowing,
    *,
    question: str = "",
    limit: int = DEFAULT_LIMIT,
    body: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> str:
    chosen = narrowing.chosen()

    def at(**changes: str | int | None) -> str:
        """The address of this page with some of its parts changed; None takes one away."""
        parts = {"q": question, **chosen, **({"limit": limit} if limit != DEFAULT_LIMIT else {}), **changes}
        query = urlencode({key: value for key, value in parts.items() if value})
        return f"{address}?{query}" if query else address

    return render_template(
        "search.html",
        address=address,
        at=at,
        question=question,
        limit=limit,
        more=MORE if body and len(body["results"]) >= limit and limit < MORE else None,
        body=body,
        error=error,
        chosen=chosen,
        choices=dict(_choices(narrowing.filter(), chosen)),
        narrowed_by=NARROWED_BY,
        labels={key: _label(key, value, Counter()) for key, value in chosen.items()},
        examples=example_questions(settings(), service().store),
        empty=not service().store.documents(limit=1),
        sure=LIKELY_CONFIDENCE,
        most=MORE,
        feedback=settings().feedback,
    )


def _choices(filter_: Filter | None, chosen: Mapping[str, str]) -> Iterator[tuple[str, list[Choice]]]:
    """By what the documents can be narrowed further: keys of which they have more than one value."""
    for key in NARROWED_BY:
        found = [] if key in chosen else service().store.filtered.facet(key, filter_, FACET_VALUES)
        if len(found) > 1:
            names = Counter(PurePosixPath(str(value)).name for value, _ in found)
            choices = [Choice(str(value), _label(key, str(value), names), count) for value, count in found]
            yield key, sorted(choices, key=lambda choice: choice.value, reverse=True) if key == "year" else choices


def _label(key: str, value: str, names: Mapping[str, int]) -> str:
    """A source is called by its name, where that names no other; the underscores of a type are spaces."""
    if key == "source":
        name = PurePosixPath(value).name
        return value if names.get(name, 0) > 1 or not name else name
    return value.replace("_", " ") if key == "type" else value
