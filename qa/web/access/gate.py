"""The one gate in front of every route, asked before a body is read: who is it, and may they?

A key comes as `Authorization: Bearer KEY`, or from a browser as the password of HTTP's basic scheme (any name), so that the pages
work behind a key without cookies.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from flask import Flask, current_app, g, request

from corpus.types import QuotableError
from qa.operate.keys import KeyRing, Role
from qa.settings.settings import Settings
from qa.web.access.quotas import Quotas
from qa.web.routes import Route, routes_of
from qa.web.schemas.problems import Problem

# Set by proxies: who sends them did not come from this machine, whatever the socket says.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name and role of their key, or of what lets them in without one."""

    name: str
    role: Role


LOCAL = Caller("this machine", Role.WRITE)
PUBLIC = Caller("public", Role.READ)
# Only callers who may read are told that a route or method does not exist.
UNKNOWN_ROUTE = Route("", "", Role.READ)


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in. `local`: callers of this machine need no key. `public`: everyone may read. `keys` None: there are none."""

    keys: KeyRing | None = None
    local: bool = True
    public: bool = False
    quotas: Quotas = field(default_factory=Quotas)

    @classmethod
    def by(cls, settings: Settings, *, loopback: bool) -> Access:
        """`loopback`: only this machine can reach the address that is served."""
        return cls(
            keys=KeyRing(settings.data),
            local=loopback and not settings.require_key and settings.trusted_proxy is None,
            public=settings.public,
            quotas=Quotas(settings.requests_per_minute, settings.public_requests_per_minute),
        )


def install(app: Flask, access: Access) -> None:
    @app.before_request
    def _gate() -> None:
        caller = _admitted(access)
        if caller is not None:
            _within_quota(access, caller)
        g.caller = caller


def would_refuse(app: Flask, access: Access, environ: Mapping[str, Any]) -> bool:
    """Whether the gate refuses a request of which no more than the head is known."""
    try:
        with app.request_context(dict(environ)):
            _admitted(access)
    except Problem:
        return True
    except QuotableError:
        return True  # the keys cannot be read; the application says so
    return False


def _admitted(access: Access) -> Caller | None:
    """Who asks; None where nobody need be known. Raises Problem 401 or 403 for whom the route's rule does not let in."""
    endpoint = request.endpoint
    route = routes_of(current_app).get(endpoint) if endpoint else UNKNOWN_ROUTE
    if route is None:
        raise Problem(403, f"The route {endpoint} has no role. Declare it with @route.")
    if route.role is None:
        return None
    caller = _caller(access)
    if caller is None or (caller is PUBLIC and not route.public):
        raise Problem(401, "Send a key in the header Authorization: Bearer KEY.", headers=_challenge())
    if caller.role < route.role:
        raise Problem(403, f"This route needs a key with the role {route.role.word}; {caller.name} has {caller.role.word}.")
    return caller


def _caller(access: Access) -> Caller | None:
    """Who asks; None for nobody that is known. Raises Problem 401 for a key that is none."""
    authorization = request.headers.get("Authorization")
    if authorization is not None and access.keys is not None:
        key = access.keys.holder(_secret(authorization))
        if key is not None:
            return Caller(key.name, key.role)
        if not access.local:
            raise Problem(401, "This key is not known here; it may have been revoked", headers=_challenge())
    if access.local and not any(name in request.headers for name in FORWARDED):
        return LOCAL
    return PUBLIC if access.public else None


def _within_quota(access: Access, caller: Caller) -> None:
    if caller is LOCAL:
        return
    wait = access.quotas.wait(None if caller is PUBLIC else caller.name, request.remote_addr or "")
    if wait > 0:
        raise Problem(429, "Too many requests in the last minute", headers={"Retry-After": str(int(wait) + 1)})


def _secret(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    value = value.strip()
    if scheme.lower() != "basic":
        return value if scheme.lower() == "bearer" else ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _challenge() -> dict[str, str]:
    """Browsers ask the person for a key on pages; a program is told of the scheme that it should use."""
    is_page = (
        request.method == "GET" and not request.path.startswith("/v1/") and "text/html" in request.headers.get("Accept", "")
    )
    return {"WWW-Authenticate": 'Basic realm="Quotable: give a key as the password", charset="UTF-8"' if is_page else "Bearer"}


def is_loopback(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback
