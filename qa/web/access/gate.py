"""The gate: authentication and authorisation of every request, before its body is read.

A key is sent as `Authorization: Bearer KEY`, or by a browser as the password of HTTP basic authentication (with any user name), so
that the pages work without cookies. A request without a key of ours may be of a user whom a proxy signed in.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from flask import Flask, current_app, g, request

from corpus.types import QuotableError
from qa.operate.keys import KeyRing, Role
from qa.operate.state import cluster_buckets, state_files_of
from qa.settings.settings import Settings
from qa.web.access.callers import LOCAL, PUBLIC, Caller
from qa.web.access.quotas import Quotas, SharedBuckets
from qa.web.access.sign_in import SignIn
from qa.web.routes import Route, routes_of
from qa.web.schemas.problems import Problem

# Headers of proxies: such a request is from another machine, although its socket is local.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")


# Only callers who may read are told that a route or method does not exist.
UNKNOWN_ROUTE = Route("", "", Role.READ)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call. `local`: callers on this machine need no key. `public`: everyone may read. `keys` is None if there are none.

    `sign_in`: None unless a proxy names users.
    """

    keys: KeyRing | None = None
    local: bool = True
    public: bool = False
    quotas: Quotas = field(default_factory=Quotas)
    sign_in: SignIn | None = None

    @classmethod
    def by(cls, settings: Settings, *, loopback: bool, buckets: SharedBuckets | None = None) -> Access:
        """`loopback`: the served address can be reached only from this machine. `buckets`: those of the other processes."""
        return cls(
            keys=KeyRing(state_files_of(settings)),
            local=loopback and not settings.require_key and settings.trusted_proxy is None,
            public=settings.public,
            quotas=Quotas(
                settings.requests_per_minute,
                settings.public_requests_per_minute,
                cluster_buckets(settings) or buckets,
            ),
            sign_in=SignIn.by(settings),
        )


def install(app: Flask, access: Access) -> None:
    @app.before_request
    def _check_access() -> None:
        caller = _authorize(access)
        if caller is not None:
            _check_quota(access, caller)
        g.caller = caller or _recognize(access)


def would_refuse(app: Flask, access: Access, environ: Mapping[str, Any]) -> bool:
    """Whether the gate refuses a request whose head has arrived but not its body."""
    try:
        with app.request_context(dict(environ)):
            _authorize(access)
    except Problem:
        return True
    except QuotableError:
        return True  # the keys cannot be read; the application reports it
    return False


def _authorize(access: Access) -> Caller | None:
    """The caller; None if the route needs no key. Raises Problem 401 without a valid key, 403 if its role is too low."""
    endpoint = request.endpoint
    route = routes_of(current_app).get(endpoint) if endpoint else UNKNOWN_ROUTE
    if route is None:
        raise Problem(403, f"The route {endpoint} has no role. Declare it with @route.")
    if route.role is None:
        return None
    caller = _authenticate(access)
    if caller is None or (caller is PUBLIC and not route.public):
        raise Problem(401, "Send a key in the header Authorization: Bearer KEY.", headers=_challenge())
    if caller.audience is not None and not route.public:
        raise Problem(403, f"This route is about all documents; {caller.name!r} is bound to some of them.")
    if caller.role < route.role:
        raise Problem(403, f"This route needs a key with the role {route.role.word}; {caller.name!r} has {caller.role.word}.")
    return caller


def _recognize(access: Access) -> Caller | None:
    """Who calls a route that needs no key; None if unknown."""
    with suppress(Problem, QuotableError):
        return _authenticate(access)
    return None


def _authenticate(access: Access) -> Caller | None:
    """The caller; None if unknown. Raises Problem 401 for an unknown key."""
    authorization = request.headers.get("Authorization")
    if authorization is not None and access.keys is not None:
        key = access.keys.find(_secret(authorization))
        if key is not None:
            return Caller(key.name, key.role if key.audience is None else Role.READ, key.audience)
    user = access.sign_in.caller(request.environ) if access.sign_in else None
    if user is not None:
        return user
    if authorization is not None and access.keys is not None and not access.local:
        raise Problem(401, "Unknown or revoked key. List the keys with `qa key list`.", headers=_challenge())
    if access.local and not any(name in request.headers for name in FORWARDED):
        return LOCAL
    return PUBLIC if access.public else None


def _check_quota(access: Access, caller: Caller) -> None:
    if caller is LOCAL:
        return
    wait = access.quotas.wait(None if caller is PUBLIC else caller.name, request.remote_addr or "")
    if wait > 0:
        seconds = int(wait) + 1
        raise Problem(
            429, f"Too many requests in the last minute; retry in {seconds} s.", headers={"Retry-After": str(seconds)}
        )


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
    """The scheme to authenticate with: basic for pages, so that the browser asks for the key, bearer for programs."""
    is_page = (
        request.method == "GET" and not request.path.startswith("/v1/") and "text/html" in request.headers.get("Accept", "")
    )
    return {"WWW-Authenticate": 'Basic realm="Quotable: enter a key as the password", charset="UTF-8"' if is_page else "Bearer"}


def is_loopback(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback
