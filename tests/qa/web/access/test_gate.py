"""The gate: every route declares a role, and every role may use exactly its routes."""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Blueprint

from qa.operate.keys import Role, create_key, revoke_key
from qa.state_files import FolderFiles
from qa.web.access.quotas import Quotas, SharedBuckets
from qa.web.application import create_app
from qa.web.routes import RouteWithoutRole, check_routes, route, routes_of

APP = create_app(lambda: None)
DECLARED = routes_of(APP)
ROUTES = sorted(
    (rule.endpoint, method, re.sub(r"<[^>]+>", "unknown", rule.rule.replace("<int:number>", "1")))
    for rule in APP.url_map.iter_rules()
    for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}
)
# POST requests that change no document need only the role read.
READ_ONLY_POSTS = {
    "search.search",
    "chat.complete",
    "chat.respond",
    "vector_stores.search_store",
    "documents.verify_quote",
    "mcp.model_context_protocol",
    "pages.feedback.give_feedback",
    "pages.feedback.send_feedback",
}
CALLERS = ("no key", "an unknown key", *(role.word for role in Role))


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    return {"an unknown key": "qtb_00000000_" + "x" * 43}


@pytest.fixture(scope="module")
def protected(data_folder: Any, start_server: Any, secrets: dict[str, str]) -> Iterator[Any]:
    """A server that requires a key from every caller."""
    folder = data_folder()
    secrets |= {role.word: create_key(FolderFiles(folder), f"the {role.word} key", role) for role in Role}
    with start_server(folder, QA_REQUIRE_KEY="true") as running:
        yield running
        assert "Traceback" not in running.log
        assert not any(secret in running.log for secret in secrets.values())


def bearer(secret: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"} if secret else {}


def test_every_route_is_declared_and_every_declaration_is_a_route() -> None:
    assert {endpoint for endpoint, _, _ in ROUTES} == set(DECLARED)
    for endpoint, method, _ in ROUTES:
        assert DECLARED[endpoint].method == method
    check_routes(APP)


def test_an_application_with_a_route_without_a_role_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    blueprint = Blueprint("new", __name__)
    blueprint.add_url_rule("/new", "view", lambda: "let in")
    monkeypatch.setattr("qa.web.api.health.blueprint", blueprint)
    with pytest.raises(RouteWithoutRole, match=r"new\.view \(/new\) has no role"):
        create_app(lambda: None)


def test_every_role_is_required_by_some_route() -> None:
    assert {declared.role for declared in DECLARED.values()} == {None, *Role}


def test_a_route_cannot_be_declared_without_a_role() -> None:
    with pytest.raises(TypeError, match="role"):
        route(Blueprint("new", __name__), "GET", "/new")  # type: ignore[call-arg]


def test_routes_that_change_documents_need_more_than_the_role_read() -> None:
    for endpoint, method, _ in ROUTES:
        if method != "GET" and endpoint not in READ_ONLY_POSTS:
            assert (DECLARED[endpoint].role or 0) >= Role.WRITE, endpoint


def test_a_route_added_without_a_role_is_refused_to_everyone() -> None:
    app = create_app(lambda: None)
    app.add_url_rule("/new", "new.route", lambda: "let in")
    refused = app.test_client().get("/new")
    assert refused.status_code == 403
    assert "new.route" in refused.get_json()["detail"]


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("endpoint", "method", "path"), ROUTES)
def test_each_role_may_use_exactly_its_routes(
    protected: Any, secrets: dict[str, str], endpoint: str, method: str, path: str, caller: str
) -> None:
    status = protected.request(method, path, headers=bearer(secrets.get(caller))).status
    needed = DECLARED[endpoint].role
    if needed is None:
        assert status not in {401, 403}
    elif caller not in Role.__members__ and caller.upper() not in Role.__members__:
        assert status == 401
    elif Role[caller.upper()] < needed:
        assert status == 403
    else:
        assert status not in {401, 403}


@pytest.mark.parametrize("target", ["/nothing", "/v1/nothing", "/static/../v1/documents", "/v1/search/", "//v1/documents"])
def test_unknown_routes_are_not_revealed_without_a_key(protected: Any, target: str) -> None:
    assert protected.get(target).status in {401, 404}
    assert protected.request("PATCH", "/v1/documents").status == 401
    assert protected.request("OPTIONS", "/v1/documents").status == 401


def test_does_not_read_a_body_that_will_be_refused(protected: Any) -> None:
    with socket.create_connection((protected.host, protected.port), timeout=30) as connection:
        connection.sendall(
            b"POST /v1/documents HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 40000000\r\n\r\n{"
        )
        assert b" 401 " in connection.recv(65536).partition(b"\r\n")[0]


def test_an_error_says_what_to_send(protected: Any, secrets: dict[str, str]) -> None:
    refused = protected.get("/v1/search?q=who")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert "Authorization: Bearer" in refused.json()["detail"]
    refused = protected.request("DELETE", "/v1/documents/press-release", headers=bearer(secrets["read"]))
    assert "write" in refused.json()["detail"]


def test_a_browser_sends_the_key_as_a_password_without_cookies(protected: Any, secrets: dict[str, str]) -> None:
    html = {"Accept": "text/html,application/xhtml+xml"}
    assert protected.request("GET", "/", headers=html).headers["WWW-Authenticate"].startswith("Basic ")
    password = base64.b64encode(f"anyone:{secrets['read']}".encode()).decode()
    page = protected.request("GET", "/?q=who", headers={**html, "Authorization": f"Basic {password}"})
    assert page.status == 200
    assert "Set-Cookie" not in page.headers
    for wrong in ("Basic !", "Basic ", "Basic " + base64.b64encode(b"\xff").decode(), "Digest x", secrets["read"], "Bearer"):
        assert protected.request("GET", "/", headers={"Authorization": wrong}).status == 401


@pytest.mark.parametrize(("method", "target"), [("GET", "/v1/search?q=who"), ("POST", "/v1/chat/completions")])
def test_errors_do_not_reveal_the_path_of_the_keys(data_folder: Any, start_server: Any, method: str, target: str) -> None:
    folder = data_folder()
    create_key(FolderFiles(folder), "one", Role.READ)
    with start_server(folder, QA_REQUIRE_KEY="1") as running:
        (folder / "keys.json").write_text("{")
        answer = running.request(method, target, headers={"Authorization": "Bearer qtb_00000000_x"})
        assert answer.status == 503
        assert '"keys.json is damaged' in answer.text
        assert str(folder.parent) not in answer.text
        assert f"{folder}/keys.json is damaged" in running.log


def test_a_key_works_and_is_revoked_without_a_restart(protected: Any) -> None:
    secret = create_key(FolderFiles(protected.data), "for a while", Role.READ)
    assert protected.request("GET", "/v1/documents", headers=bearer(secret)).status == 200
    assert protected.request("GET", "/v1/documents", headers=bearer(secret[:-1])).status == 401
    revoke_key(FolderFiles(protected.data), "for a while")
    refused = protected.request("GET", "/v1/documents", headers=bearer(secret))
    assert refused.status == 401
    assert secret not in refused.text


def test_loopback_needs_no_key_unless_the_request_was_forwarded(server: Any) -> None:
    assert server.get("/v1/documents").status == 200
    for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "x-forwarded-host"):
        assert server.request("GET", "/v1/documents", headers={header: "203.0.113.7"}).status == 401
    # OpenAI's clients always send a key.
    assert server.request("GET", "/v1/documents", headers=bearer("sk-none")).status == 200


def test_a_public_server_is_read_only_and_rate_limited(data_folder: Any, start_server: Any) -> None:
    folder = data_folder()
    secret = create_key(FolderFiles(folder), "me", Role.WRITE)
    options = {"QA_REQUIRE_KEY": "1", "QA_PUBLIC": "1", "QA_PUBLIC_REQUESTS_PER_MINUTE": "5"}
    with start_server(folder, **options) as running:
        assert running.request("POST", "/v1/documents", b"{}").status == 403
        assert running.request("DELETE", "/v1/documents/x").status == 403
        answers = [running.get("/v1/search?q=who") for _ in range(6)]
        assert [answer.status for answer in answers] == [200] * 5 + [429]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        assert running.get("/healthz").status == 200
        assert running.request("GET", "/v1/search?q=who", headers=bearer(secret)).status == 200


def test_a_key_has_its_own_quota(data_folder: Any, start_server: Any) -> None:
    folder = data_folder()
    one, other = (create_key(FolderFiles(folder), name, Role.READ) for name in ("one", "other"))
    with start_server(folder, QA_REQUIRE_KEY="1", QA_REQUESTS_PER_MINUTE="3") as running:
        statuses = [running.request("GET", "/v1/documents", headers=bearer(one)).status for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        assert running.request("GET", "/v1/documents", headers=bearer(other)).status == 200


def test_a_trusted_proxy_names_the_address_that_is_limited(data_folder: Any, start_server: Any) -> None:
    options = {"QA_TRUSTED_PROXY": "127.0.0.1", "QA_PUBLIC": "1", "QA_PUBLIC_REQUESTS_PER_MINUTE": "1"}
    with start_server(data_folder(), **options) as running:

        def ask(address: str) -> int:
            # The proxy appends the last address; the caller may have forged the others.
            status: int = running.request("GET", "/v1/search?q=who", headers={"X-Forwarded-For": f"10.0.0.1, {address}"}).status
            return status

        assert [ask("203.0.113.1"), ask("203.0.113.1"), ask("203.0.113.2")] == [200, 429, 200]
        assert [ask("2001:db8::1"), ask("2001:db8::2"), ask("2001:db8:0:1::1")] == [200, 429, 200]


def test_a_quota_refills_evenly() -> None:
    now = [0.0]
    quotas = Quotas(per_key=60, buckets=SharedBuckets(clock=lambda: now[0]))
    assert [quotas.wait("key", "") for _ in range(60)] == [0] * 60
    assert quotas.wait("key", "") == pytest.approx(1)
    now[0] = 1.0
    assert [quotas.wait("key", "") > 0 for _ in range(2)] == [False, True]
    assert Quotas().wait("key", "") == 0


Start = Callable[..., Any]


def test_a_public_address_is_served_only_with_a_key(data_folder: Any, start_server: Start, qa: Start) -> None:
    folder = data_folder()
    refused = qa("--data", folder, "serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.code == 1
    (line,) = refused.stderr.splitlines()
    assert f"qa --data {folder} key create" in line
    assert not (folder / "store.sqlite").exists()
    secret = qa("--data", folder, "key", "create", "--role", "read", "--name", "me").stdout.strip()
    with start_server(folder, "--host", "0.0.0.0") as running:
        assert running.get("/v1/documents").status == 401
        assert running.request("GET", "/v1/documents", headers=bearer(secret)).status == 200
