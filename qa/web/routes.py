"""Route declarations: method, path, role, models and documentation of a route, in one place.

Flask's routing, the gate, the CORS check, `/openapi.json` and `/docs` are all derived from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args, get_type_hints

from flask import Blueprint
from flask.sansio.app import App
from pydantic import BaseModel
from typing_extensions import is_typeddict

from qa.operate.keys import Role

ANYONE, READ, WRITE = None, Role.READ, Role.WRITE
_EXTENSION = "quotable-routes"

View = TypeVar("View", bound=Callable[..., Any])


class RouteWithoutRole(Exception):
    """A route was registered without `@route`, so nobody decided who may call it."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. A route without a summary is a page for people and is left out of the OpenAPI document.

    :param role: lowest role that may call it; ANYONE needs no key.
    :param public: with the setting `public`, callers without a key may use it too, if `role` is READ; and bound keys may. False for what
        is about all documents.
    :param request: models of the JSON body, of which it must match one.
    :param upload: the body may be a multipart form with one file instead.
    :param query: model of the query string.
    :param response: type of the JSON response: the view's return type. None for plain text, or for no content with 204.
    :param streams: the response may be server-sent events.
    :param errors: status codes of errors besides those that follow from the other fields. A path parameter implies 404.
    :param tag: group in the documentation, by default the name of the blueprint.
    :param links: operations that can follow, each with its parameters as OpenAPI runtime expressions.
    """

    method: str
    rule: str
    role: Role | None
    summary: str = ""
    public: bool = True
    request: tuple[type[BaseModel], ...] = ()
    upload: bool = False
    query: type[BaseModel] | None = None
    response: Any = None
    status: int = 200
    streams: bool = False
    media_type: str = "application/json"
    errors: tuple[int, ...] = ()
    tag: str = ""
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def route(
    blueprint: Blueprint, method: str, rule: str, role: Role | None, summary: str = "", **documentation: Any
) -> Callable[[View], View]:
    """Register a view on a blueprint. `documentation`: further fields of `Route`."""

    def register(view: View) -> View:
        name = view.__name__
        declared = Route(
            method,
            rule,
            role,
            summary,
            response=_json_type(view) if summary else None,
            **{"tag": blueprint.name} | documentation,
        )
        blueprint.add_url_rule(rule, name, view, methods=[method])
        blueprint.record(lambda state: declare(state.app, f"{state.name_prefix}.{state.name}.{name}".lstrip("."), declared))
        return view

    return register


def _json_type(view: Callable[..., Any]) -> Any:
    """The TypedDict that a view returns, alone or with a status or as an alternative to a Response."""
    returned = get_type_hints(view).get("return")
    return next((each for each in (returned, *get_args(returned)) if is_typeddict(each)), None)


def declare(app: App, endpoint: str, declared: Route) -> None:
    app.extensions.setdefault(_EXTENSION, {})[endpoint] = declared


def routes_of(app: App) -> Mapping[str, Route]:
    """The routes of an application by endpoint, in the order of their declaration."""
    routes: Mapping[str, Route] = app.extensions[_EXTENSION]
    return routes


def check_routes(app: App) -> None:
    """Raise RouteWithoutRole for a URL rule that was not declared."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in routes_of(app):
            raise RouteWithoutRole(f"{rule.endpoint} ({rule.rule}) has no role; declare it with @route")
