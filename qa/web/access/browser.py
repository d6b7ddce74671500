"""Protection against pages of other sites in the same browser: checks of Host and Origin, CORS, and response headers.

A Host that is not ours comes from a name that an attacker's DNS points at this machine (DNS rebinding). Origin and Sec-Fetch-Site
name the page that sends a request (https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/). CORS:
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

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PREFLIGHT_SECONDS = 600

CONTENT_SECURITY_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# For every response that does not set them itself.
HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


@dataclass(frozen=True, slots=True)
class ServedHosts:
    """The host names of this service. `any_address`: also every IP address, which a DNS name cannot imitate."""

    names: frozenset[str] = LOOPBACK_HOSTS
    any_address: bool = False

    @classmethod
    def at(cls, address: str, hosts: Collection[str] = ()) -> ServedHosts:
        """`address`: the IP address that is served. `hosts`: the setting `hosts`."""
        served = ip_address(address.partition("%")[0])
        own = LOOPBACK_HOSTS | {str(served)} if served.is_loopback or served.is_unspecified else {str(served)}
        return cls(frozenset(own | {host.lower() for host in hosts}), served.is_unspecified)

    def __contains__(self, host: str) -> bool:
        """Whether the value of a Host header, with any port, is one of them."""
        name = host_name(host)
        return name in self.names or (self.any_address and _is_address(name))


def host_name(host: str) -> str:
    """The name in the value of a Host header, without port, trailing dot and the brackets of an IPv6 address."""
    name, _, _ = host.partition("]") if host.startswith("[") else host.partition(":")
    return name.strip("[").rstrip(".").lower()


def install(app: Flask, hosts: ServedHosts, settings: Settings) -> None:
    origins = frozenset(settings.origins)

    @app.before_request
    def _check_origin() -> Response | None:
        # HTTP/1.0 has no Host; no browser uses it.
        host = request.environ.get("HTTP_HOST")
        if host is not None and host not in hosts:
            raise Problem(421, f"Unknown host {host[:100]!r}. Add it to the setting `hosts`.")
        origin = request.environ.get("HTTP_ORIGIN")
        if origin in origins:
            return _check_allowed_origin(origin)
        if request.method not in SAFE_METHODS and not _is_same_site(origin, host, hosts):
            raise Problem(403, "Requests from pages of other sites are refused. Add the site to the setting `origins`.")
        return None

    @app.after_request
    def _add_headers(response: Response) -> Response:
        headers = response.headers
        if request.endpoint == "static":
            # Pages that embed the search box load its script from here.
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


def _check_allowed_origin(origin: str) -> Response | None:
    """Pages of an allowed site may read and ask, but not change documents. A preflight is answered before the key is checked."""
    if request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.environ:
        response = Response(status=204)
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return response
    route = routes_of(current_app).get(request.endpoint or "")
    if route and (route.role or Role.READ) > Role.READ:
        raise Problem(403, f"Pages of {origin} may only read and ask questions.")
    return None


def _is_same_site(origin: str | None, host: str | None, hosts: ServedHosts) -> bool:
    """Whether the request comes from a page of this service, or not from a page."""
    if origin is None:
        return request.environ.get("HTTP_SEC_FETCH_SITE", "none") in ("none", "same-origin")
    try:
        authority = urlsplit(origin).netloc
    except ValueError:
        return False
    if not authority:
        return False  # "null": a page with an opaque origin
    # A proxy may replace Host by its own name for this service; then only Origin has the name that the browser uses.
    return authority == host or host_name(authority) in hosts.names - LOOPBACK_HOSTS


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
