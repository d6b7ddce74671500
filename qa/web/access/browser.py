"""What keeps other sites, open in the same browser, away from this one: its own names, whose pages may ask, and response headers.

Host: a name that an attacker's DNS points at this machine is not ours (DNS rebinding). Origin, Sec-Fetch-Site: what a browser says
of the page that sends a request (https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/). CORS:
https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request

from qa.operate.keys import Role
from qa.settings.settings import Settings
from qa.web.routes import routes_of
from qa.web.schemas.problems import Problem

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PREFLIGHT_SECONDS = 600

CONTENT_SECURITY_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# For every response that does not say otherwise itself.
HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


@dataclass(frozen=True, slots=True)
class Names:
    """What this service may be called in an address; `any_address`: by every IP address, which no DNS name can pass for."""

    names: frozenset[str] = LOOPBACK_NAMES
    any_address: bool = False

    @classmethod
    def at(cls, address: str, hosts: Collection[str] = ()) -> Names:
        """`address` is the IP address that is served, `hosts` further names that the operator gave."""
        served = ip_address(address.partition("%")[0])
        own = LOOPBACK_NAMES | {str(served)} if served.is_loopback or served.is_unspecified else {str(served)}
        return cls(frozenset(own | {host.lower() for host in hosts}), served.is_unspecified)

    def hold(self, host: str) -> bool:
        """Whether a Host header's value is one of them, with any port."""
        name = host_name(host)
        if name in self.names:
            return True
        return self.any_address and _is_address(name)


def host_name(host: str) -> str:
    """The name in a Host header's value, without the port, a dot at its end, or an IPv6 address's brackets."""
    name, _, _ = host.partition("]") if host.startswith("[") else host.partition(":")
    return name.strip("[").rstrip(".").lower()


def install(app: Flask, names: Names, settings: Settings) -> None:
    origins = frozenset(settings.origins)

    @app.before_request
    def _only_our_own() -> Response | None:
        # HTTP/1.0 has no Host; no browser speaks it.
        host = request.environ.get("HTTP_HOST")
        if host is not None and not names.hold(host):
            raise Problem(421, f"This service is not called {host[:100]!r}: the setting “hosts” has the names it is called by")
        origin = request.environ.get("HTTP_ORIGIN")
        if origin in origins:
            return _for_other_site(origin)
        if request.method not in SAFE_METHODS and not _same_site(origin, host, names):
            raise Problem(403, "A page of another site may not ask this: the setting “origins” has the sites that may")
        return None

    @app.after_request
    def _headers(response: Response) -> Response:
        headers = response.headers
        if request.endpoint == "static":
            # A page that embeds the search box takes its script from here.
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        for name, value in HEADERS:
            if name not in headers:
                headers[name] = value
        if origins:
            headers.add("Vary", "Origin")
            origin = request.environ.get("HTTP_ORIGIN")
            if origin in origins:
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"
        return response


def _for_other_site(origin: str) -> Response | None:
    """A page of a site that the operator named may ask and read, and nothing else; a preflight is answered before any key is asked."""
    asked = request.environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    if request.method == "OPTIONS" and asked:
        response = Response(status=204)
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return response
    route = routes_of(current_app).get(request.endpoint or "")
    if route and (route.role or Role.READ) > Role.READ:
        raise Problem(403, f"Pages of {origin} may ask and read here, and not change anything")
    return None


def _same_site(origin: str | None, host: str | None, names: Names) -> bool:
    """Whether a request that may change something comes from a page of ours, or from no page at all."""
    if origin is None:
        return request.environ.get("HTTP_SEC_FETCH_SITE", "none") in ("none", "same-origin")
    try:
        authority = urlsplit(origin).netloc
    except ValueError:
        return False
    if not authority:
        return False  # "null": a page that hides where it comes from
    # A proxy may put its own name for us in Host; the browser's name for us is then in Origin alone.
    return authority == host or host_name(authority) in names.names - LOOPBACK_NAMES


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
