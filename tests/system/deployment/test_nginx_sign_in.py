"""The configuration of nginx with sign-in, in front of a real server, with a stand-in for oauth2-proxy."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qa.operate.keys import Role, create_key
from qa.state_files import FolderFiles
from tests.conftest import StartServer
from tests.system.deployment.test_reverse_proxies import DEPLOY, NAME, Proxy

CANARY = "zqwaxwing"
USERS = {"session=ann": ("ann@example.org", "staff,gardeners"), "session=ed": ("ed@example.org", "documents-team")}
FORGED = {"X-Auth-Request-User": "mallory", "X-Auth-Request-Groups": "documents-team,staff"}


class OAuth2Proxy(http.server.BaseHTTPRequestHandler):
    """Answers as oauth2-proxy does with --set-xauthrequest (https://oauth2-proxy.github.io/oauth2-proxy/configuration/integration)."""

    def do_GET(self) -> None:
        user, groups = USERS.get(self.headers.get("Cookie", ""), ("", ""))
        page = b"" if self.path == "/oauth2/auth" else f"{self.path} {self.headers['X-Auth-Request-Redirect']}".encode()
        if page:
            self.send_response(200)
        elif user:
            self.send_response(202)
            self.send_header("X-Auth-Request-User", user)
            self.send_header("X-Auth-Request-Groups", groups)
        else:
            self.send_response(401)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def proxy(data_folder: Callable[[], Path], start_server: StartServer, tmp_path_factory: Any) -> Iterator[Proxy]:
    if not shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.skip("nginx is not installed")
    signing_in = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OAuth2Proxy)
    threading.Thread(target=signing_in.serve_forever, daemon=True).start()
    settings = {
        "QA_TRUSTED_PROXY": "127.0.0.1",
        "QA_HOSTS": NAME,
        "QA_USER_HEADER": "X-Auth-Request-User",
        "QA_GROUPS_HEADER": "X-Auth-Request-Groups",
        "QA_WRITER_GROUPS": "documents-team",
    }
    with start_server(data_folder(), **settings) as server:
        others = (("server 127.0.0.1:4180;", f"server 127.0.0.1:{signing_in.server_port};"),)
        running = Proxy("nginx", tmp_path_factory.mktemp("nginx"), server, "nginx-sign-in.conf", *others)
        yield running
        running.close()
    signing_in.shutdown()
    signing_in.server_close()


def test_settings_of_the_example_are_settings(proxy: Proxy) -> None:
    head = (DEPLOY / "nginx-sign-in.conf").read_text("utf-8").partition("log_format")[0]
    assert all(f"{name} = " in head for name in ("trusted_proxy", "hosts", "user_header", "groups_header", "writer_groups"))


def test_who_is_not_signed_in_gets_the_page_for_it_and_comes_back(proxy: Proxy) -> None:
    for headers in ({}, FORGED, {"Cookie": "session=nobody"}):
        response, body = proxy.request("GET", "/?q=who", **headers)
        assert (response.status, body) == (403, b"/oauth2/sign_in /?q=who")


def test_users_read_what_their_groups_may_and_editors_write(proxy: Proxy) -> None:
    record = json.dumps({"id": "plan", "title": "Plan", "text": f"The {CANARY} nests here.", "access": ["staff"]})
    kind = {"Content-Type": "application/json"}
    refused, _ = proxy.request("POST", "/v1/documents", record, Cookie="session=ann", **kind, **FORGED)
    assert refused.status == 403
    added, _ = proxy.request("POST", "/v1/documents", record, Cookie="session=ed", **kind)
    assert added.status == 202
    page, body = proxy.request("GET", "/?q=who", Cookie="session=ann")
    assert (page.status, b"<h2" in body) == (200, True)


def test_programs_need_a_key(proxy: Proxy) -> None:
    for headers in ({}, FORGED):
        refused, _ = proxy.request("GET", "/v1/search?q=who", **headers)
        assert (refused.status, refused.getheader("WWW-Authenticate")) == (401, "Bearer")
    secret = create_key(FolderFiles(proxy.server.data), "a program", Role.READ)
    answered, _ = proxy.request("GET", "/v1/search?q=who", Authorization=f"Bearer {secret}", **FORGED)
    assert answered.status == 200
    question = json.dumps({"query": "who signed the memorandum"})
    asked, _ = proxy.request(
        "POST", "/v1/search", question, Authorization=f"Bearer {secret}", **{"Content-Type": "application/json"}
    )
    assert asked.status == 200
