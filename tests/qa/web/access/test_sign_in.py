"""Sign-in by the trusted proxy: it names user and groups in headers, nobody else can, and documents are those of the groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from qa.operate.keys import Role, create_key
from qa.state_files import FolderFiles
from tests.conftest import RunProcess
from tests.waiting import wait_for

SETTINGS = {
    "QA_TRUSTED_PROXY": "127.0.0.1",
    "QA_USER_HEADER": "X-Auth-Request-User",
    "QA_GROUPS_HEADER": "X-Auth-Request-Groups",
    "QA_WRITER_GROUPS": "editors,board",
}
CANARY = "zqwaxwing"


def signed_in(user: str, *groups: str, **headers: str) -> dict[str, str]:
    return {"X-Auth-Request-User": user, "X-Auth-Request-Groups": ",".join(groups), **headers}


@pytest.fixture(scope="module")
def running(data_folder: Any, start_server: Any) -> Iterator[Any]:
    with start_server(data_folder(), QA_LOG_FORMAT="json", **SETTINGS) as server:
        record = {"id": "plan", "title": "Plan", "text": f"The {CANARY} nests behind the mill.", "access": ["staff"]}
        editor = {**signed_in("ed@example.org", "editors"), "Content-Type": "application/json"}
        added = server.request("POST", "/v1/documents", json.dumps(record).encode(), headers=editor)
        assert added.status == 202, added.text
        job = f"/v1/jobs/{added.json()['job']['id']}"
        wait_for(lambda: server.request("GET", job, headers=editor).json()["finished"])
        yield server
        assert "Traceback" not in server.log


def ask(server: Any, headers: dict[str, str]) -> Any:
    return server.request("GET", "/v1/search?q=where+does+the+waxwing+nest", headers=headers)


def test_a_user_reads_what_the_groups_may(running: Any) -> None:
    assert CANARY in ask(running, signed_in("ann@example.org", "staff")).text
    assert CANARY in ask(running, signed_in("ann@example.org", "gardeners ", " staff")).text
    others = [
        signed_in("bob", "gardeners"),
        signed_in("bob"),
        signed_in("bob", "/staff", "staff member", "*"),
        signed_in("Zoë".encode().decode("latin-1")),
    ]
    for headers in others:
        answered = ask(running, headers)
        assert (answered.status, CANARY in answered.text) == (200, False)
    assert running.request("GET", "/d/plan", headers=signed_in("bob")).status == 404


def test_only_members_of_writer_groups_change_documents(running: Any) -> None:
    for headers, status in ((signed_in("ann", "staff"), 403), (signed_in("ed", "board"), 404)):
        assert running.request("DELETE", "/v1/documents/none", headers=headers).status == status
        assert running.request("GET", "/manage", headers=headers).status == (403 if status == 403 else 200)


@pytest.mark.parametrize("user", ["", " ", "ann,mallory", "a\tb", "x" * 201], ids=["none", "space", "two", "control", "long"])
def test_who_is_not_named_needs_a_key(running: Any, user: str) -> None:
    assert ask(running, signed_in(user, "staff", "editors")).status == 401
    secret = create_key(FolderFiles(running.data), f"key {len(user)} {user[:1].strip()}".strip(), Role.READ)
    assert ask(running, signed_in(user, Authorization=f"Bearer {secret}")).status == 200


def test_names_with_underscores_are_not_the_proxys(running: Any) -> None:
    assert ask(running, {"X_Auth_Request_User": "ann", "X_Auth_Request_Groups": "editors"}).status == 401
    smuggled = {**signed_in("bob"), "X_Auth_Request_Groups": "staff"}
    assert CANARY not in ask(running, smuggled).text


def test_a_key_goes_before_a_user_and_a_token_of_the_provider_is_none(running: Any) -> None:
    secret = create_key(FolderFiles(running.data), "bound", Role.READ, groups=("gardeners",))
    with_key = ask(running, signed_in("ed", "editors", Authorization=f"Bearer {secret}"))
    assert (with_key.status, CANARY in with_key.text) == (200, False)
    assert ask(running, signed_in("ann", "staff", Authorization="Bearer eyJhbGciOi")).status == 200


def test_pages_of_other_sites_change_nothing_in_the_name_of_a_user(running: Any) -> None:
    headers = signed_in("ed", "editors", Origin="https://evil.example")
    assert running.request("DELETE", "/v1/documents/plan", headers=headers).status == 403


def test_the_audit_log_and_the_request_log_name_the_user(running: Any, qa: RunProcess) -> None:
    listed = qa("--data", running.data, "audit", "--json")
    assert "user:ed@example.org" in [json.loads(line)["who"] for line in listed.stdout.splitlines()]
    ask(running, signed_in("ann@example.org"))
    assert "user:ann@example.org" in running.log


def test_another_address_is_not_believed(data_folder: Any, start_server: Any) -> None:
    folder = data_folder()
    create_key(FolderFiles(folder), "one", Role.READ)
    with start_server(folder, **{**SETTINGS, "QA_TRUSTED_PROXY": "127.0.0.2"}) as server:
        assert ask(server, signed_in("ed", "editors")).status == 401
        assert ask(server, signed_in("ed", "editors", **{"X-Forwarded-For": "127.0.0.2"})).status == 401


def test_rate_limits_are_per_user_and_not_those_of_keys(data_folder: Any, start_server: Any) -> None:
    with start_server(data_folder(), QA_REQUESTS_PER_MINUTE="3", **SETTINGS) as server:
        assert [ask(server, signed_in("ann")).status for _ in range(4)] == [200, 200, 200, 429]
        assert ask(server, signed_in("bob")).status == 200
