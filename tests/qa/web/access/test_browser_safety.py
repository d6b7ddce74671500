"""Checks of Host and Origin, CORS for configured origins, and security headers on every response."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from qa.settings.reading import SettingsError, read_settings
from qa.web.access.browser import ServedHosts

JSON = {"Content-Type": "application/json"}
ASK = b'{"query": "who signed"}'
ORIGIN = "https://www.example.org"


@pytest.fixture(scope="module")
def configured(data_folder: Any, start_server: Any) -> Iterator[Any]:
    """A server with a configured origin and configured hosts."""
    with start_server(data_folder(), QA_ORIGINS=ORIGIN, QA_HOSTS="docs.example.org, Other.example") as running:
        yield running


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example, localhost", "10.0.0.1",
        "169.254.169.254", "0.0.0.0", "[::ffff:127.0.0.1]", "", "localhost@evil.example", "evil.example#localhost", "LOCALHOST.x",
        "127.1", "2130706433", "docs.example.org", "[::2]", "localhost evil",
    ],
)  # fmt: skip
def test_refuses_an_unknown_host_on_every_kind_of_route(server: Any, host: str) -> None:
    for method, target in (
        ("GET", "/"),
        ("GET", "/healthz"),
        ("POST", "/v1/search"),
        ("GET", "/static/icon.svg"),
        ("GET", "/no"),
    ):
        refused = server.request(method, target, headers={"Host": host})
        assert refused.status == 421
        assert refused.headers.get_content_type() == "application/problem+json"
        assert "hosts" in refused.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "localhost:99", "127.0.0.1", "[::1]:8000", "LocalHost", "localhost."])
def test_accepts_loopback_names(server: Any, host: str) -> None:
    assert server.request("GET", "/healthz", headers={"Host": host}).status == 200


def test_accepts_configured_hosts(configured: Any) -> None:
    for host, status in (
        ("docs.example.org", 200),
        ("DOCS.example.org:443", 200),
        ("other.example", 200),
        ("example.org", 421),
    ):
        assert configured.request("GET", "/healthz", headers={"Host": host}).status == status


def test_on_all_addresses_accepts_any_address_but_only_configured_names() -> None:
    everywhere, one = ServedHosts.at("0.0.0.0", ["docs.example.org"]), ServedHosts.at("192.0.2.7")
    for host in ("192.0.2.1:8000", "[2001:db8::1]", "docs.example.org", "localhost"):
        assert host in everywhere
    assert "evil.example" not in everywhere
    assert "192.0.2.7:80" in one
    assert not any(host in one for host in ("localhost", "192.0.2.8", "evil.example"))


def test_refuses_two_hosts_and_accepts_none(server: Any) -> None:
    for head, status in ((b"Host: localhost\r\nHost: evil.example\r\n", b"400"), (b"", b"200")):
        with socket.create_connection((server.host, server.port), timeout=30) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n" + head + b"\r\n")
            assert connection.recv(65536).split()[1] == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ""}, {"Origin": "http://localhost"}, {"Origin": "http://localhost:1"},
        {"Origin": "http://127.0.0.1.evil.example"}, {"Origin": "file://"}, {"Origin": "http://["}, {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"}, {"Origin": "chrome-extension://abc"}, {"Origin": ORIGIN},
    ],
)  # fmt: skip
def test_refuses_post_and_delete_from_other_origins(server: Any, headers: dict[str, str]) -> None:
    for method, target, body in (
        ("POST", "/v1/search", ASK),
        ("POST", "/v1/documents", b'{"title": "T", "text": "Words."}'),
        ("DELETE", "/v1/documents/press-release", b""),
    ):
        refused = server.request(method, target, body, {**JSON, **headers})
        assert refused.status == 403
        assert "Access-Control-Allow-Origin" not in refused.headers


def test_accepts_post_from_own_pages_and_programs(server: Any) -> None:
    own = {"Origin": server.address, "Sec-Fetch-Site": "same-origin"}
    for headers in (own, {}, {"Sec-Fetch-Site": "none"}):
        assert server.request("POST", "/v1/search", ASK, {**JSON, **headers}).status == 200


def test_accepts_a_configured_host_as_origin_behind_a_proxy(configured: Any) -> None:
    for origin, status in (("https://docs.example.org", 200), ("https://example.org", 403)):
        assert configured.request("POST", "/v1/search", ASK, {**JSON, "Origin": origin}).status == status


def test_no_cors_without_configured_origins(server: Any) -> None:
    for headers in ({"Origin": ORIGIN}, {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}):
        for method in ("GET", "OPTIONS"):
            response = server.request(method, "/v1/search?q=who", headers=headers)
            assert not [name for name in response.headers if name.startswith("Access-Control-")]


def test_a_configured_origin_may_only_read_and_ask(configured: Any) -> None:
    preflight = configured.request(
        "OPTIONS",
        "/v1/search",
        headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"},
    )
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert "DELETE" not in preflight.headers["Access-Control-Allow-Methods"]
    asked = configured.request("POST", "/v1/search", ASK, {**JSON, "Origin": ORIGIN})
    assert (asked.status, asked.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    assert "Origin" in asked.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in asked.headers
    assert configured.request("DELETE", "/v1/documents/press-release", headers={"Origin": ORIGIN}).status == 403
    for other in ("https://www.example.org.evil.example", "http://www.example.org", "https://www.example.org:444", "null"):
        response = configured.request("GET", "/v1/search?q=who", headers={"Origin": other})
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize(
    "value", ["*", "www.example.org", "https://www.example.org/", "https://a b", "ftp://example.org", "null"]
)
def test_refuses_an_invalid_origin_setting(value: str) -> None:
    with pytest.raises(SettingsError, match="origins"):
        read_settings({}, {"QA_ORIGINS": value})


@pytest.mark.parametrize(
    "target", ["/", "/v1/search?q=who", "/v1/search", "/no", "/static/icon.svg", "/healthz", "/d/press-release"]
)
def test_headers_are_on_every_response(server: Any, target: str) -> None:
    headers = server.get(target).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    # A page that embeds the search box takes its script from here.
    assert headers["Cross-Origin-Resource-Policy"] == ("cross-origin" if target.startswith("/static/") else "same-origin")
    assert headers["Cache-Control"]
    assert "Set-Cookie" not in headers
    assert "Server" not in headers
