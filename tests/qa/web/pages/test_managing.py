"""The manager's pages as HTML and forms: who may use them, lists, edits and failures."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from qa.operate.keys import Role, create_key
from qa.settings.settings import Settings
from qa.state_files import FolderFiles
from qa.web.application import create_app
from tests.conftest import PATIENCE, Response, Server, StartServer
from tests.qa.web.pages.test_pages import Page, page

HTML = {"Accept": "text/html"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RECORDS = 60
METADATA = {"count": 3, "share": 0.5, "open": True, "tags": ["a", "b"], "team": "Harbour", "old": "yes", "part_of": "note-1"}


@pytest.fixture(scope="module")
def folder(data_folder: Callable[[], Path]) -> Path:
    return data_folder()


@pytest.fixture(scope="module")
def secrets(folder: Path) -> dict[Role, str]:
    return {role: create_key(FolderFiles(folder), role.word, role) for role in Role}


@pytest.fixture(scope="module")
def managed(folder: Path, start_server: StartServer, secrets: dict[Role, str]) -> Iterator[Server]:
    """A server that everyone may read, and that holds RECORDS notes and 22 failures."""
    with start_server(
        folder, QA_REQUIRE_KEY="true", QA_PUBLIC="true", QA_PUBLIC_REQUESTS_PER_MINUTE="0", QA_LLM_KEY="confidential"
    ) as running:
        records = [{"id": f"note-{n}", "title": f"Note {n:02}", "text": f"Note {n}."} for n in range(RECORDS)]
        records[0] |= {"metadata": METADATA, "date": "2024-05-06"}
        write = key(secrets[Role.WRITE])
        upload(
            running, write, ("notes.jsonl", "\n".join(map(json.dumps, records))), *((f"broken {n}.txt", "") for n in range(22))
        )
        deadline = time.monotonic() + PATIENCE
        while "being processed" in running.request("GET", "/manage", headers=write).text:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield running
        assert "Traceback" not in running.log, running.log


def key(secret: str) -> dict[str, str]:
    """As a browser sends it."""
    return {"Authorization": "Basic " + base64.b64encode(f"me:{secret}".encode()).decode(), **HTML}


def upload(server: Server, headers: dict[str, str], *files: tuple[str, str], **fields: str) -> Response:
    line = "b" * 40
    parts = [f'--{line}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    for name, body in files:
        parts.append(f'--{line}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n{body}\r\n')
    kind = {"Content-Type": f"multipart/form-data; boundary={line}"}
    return server.request("POST", "/manage/files", "".join([*parts, f"--{line}--\r\n"]).encode(), headers | kind)


@pytest.fixture
def get(managed: Server, secrets: dict[Role, str]) -> Callable[[str], Page]:
    return lambda target: page(managed.request("GET", target, headers=key(secrets[Role.WRITE])))


@pytest.fixture
def send(managed: Server, secrets: dict[Role, str]) -> Callable[..., Response]:
    def post(target: str, fields: Any) -> Response:
        body = urlencode(fields, doseq=True).encode()
        return managed.request("POST", target, body, key(secrets[Role.WRITE]) | FORM)

    return post


def test_readers_have_no_manager(managed: Server, secrets: dict[Role, str]) -> None:
    asked = managed.request("GET", "/manage", headers=HTML)
    assert (asked.status, asked.headers["WWW-Authenticate"][:6]) == (401, "Basic ")
    assert managed.request("GET", "/manage", headers=key(secrets[Role.READ])).status == 403
    assert managed.request("GET", "/manage", headers=key(secrets[Role.WRITE])).status == 200
    for headers, offered in ((HTML, False), (key(secrets[Role.READ]), False), (key(secrets[Role.WRITE]), True)):
        links = page(managed.request("GET", "/", headers=headers)).attributes("a")
        assert any(link["href"] == "/manage" for link in links) is offered
    assert managed.request("GET", "/upload", headers=key(secrets[Role.WRITE])).headers["Location"] == "/manage"


def test_forms_of_other_sites_are_refused(managed: Server, secrets: dict[Role, str]) -> None:
    headers = key(secrets[Role.WRITE]) | FORM
    for origin in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert managed.request("POST", "/manage/remove", b"id=press-release", headers | origin).status == 403
    assert managed.get("/v1/documents/press-release").status == 200


def test_the_setting_turns_the_manager_off() -> None:
    client = create_app(lambda: None, Settings(manage_page=False)).test_client()
    for path in ("/manage", "/manage/document?id=a", "/manage/remove?id=a", "/manage/health", "/manage/settings"):
        assert client.get(path).status_code == 404
    assert client.post("/manage/remove", data={"id": "a"}).status_code == 404


def test_lists_a_page_at_a_time_and_keeps_the_query(get: Callable[[str], Page]) -> None:
    first = get("/manage?title=note&sort=-title")
    boxes = [box["value"] for box in first.attributes("input") if box.get("type") == "checkbox"]
    assert boxes == [f"note-{n}" for n in range(RECORDS)][::-1][:50]
    (following,) = [link["href"] for link in first.attributes("a") if link.get("rel") == "next"]
    second = get(str(following))
    boxes = [box["value"] for box in second.attributes("input") if box.get("type") == "checkbox"]
    assert boxes == [f"note-{n}" for n in range(10)][::-1]
    assert "title=note&sort=-title" in str(following)
    assert f"{RECORDS} documents match." in second.text


@pytest.mark.parametrize("query", ["date_from=soon", "sort=size", "state=lost", "after=x&sort=title", "title=" + "x" * 1001])
def test_shows_invalid_filters_on_the_page(managed: Server, secrets: dict[Role, str], query: str) -> None:
    response = managed.request("GET", f"/manage?{query}", headers=key(secrets[Role.WRITE]))
    assert response.status == 422
    assert re.search(r'role="alert"><p class="error">\w*', response.text)


def test_edits_keep_the_types_of_metadata(managed: Server, get: Callable[[str], Page], send: Callable[..., Response]) -> None:
    shown = get("/manage/document?id=note-0")
    names = [box["value"] for box in shown.attributes("input") if box.get("name") == "key" and "value" in box]
    assert sorted(str(name) for name in names) == sorted(set(METADATA) - {"part_of"})
    changed = {
        "count": "4",
        "share": "0.25",
        "open": "false",
        "tags": "a\r\nc\r\n",
        "team": "Quay",
        "old": "",
        "": "",
        "part_of": "x",
    }
    fields = [("id", "note-0"), ("title", "Note 00"), ("date", "7 May 2024"), ("list", "title=note&evil=1")]
    fields += [pair for name, value in changed.items() for pair in (("key", name), ("value", value))]
    saved = send("/manage/document", fields)
    assert (saved.status, saved.headers["Location"]) == (303, "/manage/document?id=note-0&list=title%3Dnote%26evil%3D1&saved=1")
    document = managed.get("/v1/documents/note-0").json()
    wanted = {"count": 4, "share": 0.25, "open": False, "tags": ["a", "c"], "team": "Quay", "part_of": "note-1"}
    assert document["metadata"] == wanted
    assert (document["date"], document["title"], document["edited"]) == ("2024-05-07", "Note 00", ["date", "metadata"])
    again = [("id", "note-0"), ("title", "Note 00"), ("date", "2024-05-07"), ("key", "tags"), ("value", "a\r\nc")]
    assert send("/manage/document", again).headers["Location"].endswith("saved=0")


def test_an_invalid_edit_changes_nothing_and_keeps_what_was_typed(managed: Server, send: Callable[..., Response]) -> None:
    refused = send("/manage/document", {"id": "note-1", "title": "Typed", "date": "soon"})
    shown = page(refused)
    assert refused.status == 422
    assert "must be a date such as 2025-07-21" in shown.text
    assert [box["value"] for box in shown.attributes("input") if box.get("id") == "title"] == ["Typed"]
    assert managed.get("/v1/documents/note-1").json()["title"] == "Note 01"


def test_returns_only_to_lists(get: Callable[[str], Page], send: Callable[..., Response]) -> None:
    for back in ("https://evil.example", "//evil.example", "sort=title&removed=9#x"):
        response = send("/manage/remove", {"id": "unknown", "list": back})
        assert re.fullmatch(r"/manage\?(sort=title&)?removed=0", response.headers["Location"])
        (cancel,) = [a["href"] for a in get(f"/manage/remove?id=note-2&{urlencode({'list': back})}").attributes("a")][-1:]
        assert str(cancel).partition("?")[0] == "/manage"


def test_failures_are_listed_by_page_and_dismissed_together(
    managed: Server, get: Callable[[str], Page], send: Callable[..., Response]
) -> None:
    first = get("/manage")
    buttons = [button["value"] for button in first.attributes("button") if button.get("name") == "retry"]
    assert len(buttons) == 20
    (older,) = [a["href"] for a in first.attributes("a") if "failed_before" in (a["href"] or "")]
    assert [b["value"] for b in get(str(older).partition("#")[0]).attributes("button") if b.get("name") == "retry"] == [
        str(int(str(buttons[-1])) - 1), str(int(str(buttons[-1])) - 2)
    ]  # fmt: skip
    assert send("/manage/failures", {"dismiss": buttons[0]}).headers["Location"] == "/manage?dismissed=1"
    assert send("/manage/failures", {"dismiss": buttons[0]}).status == 404
    assert send("/manage/failures", {"dismiss": "all"}).headers["Location"] == "/manage?dismissed=21"
    assert "Could not be added" not in get("/manage").text


def test_settings_are_shown_without_secrets(managed: Server, secrets: dict[Role, str], get: Callable[[str], Page]) -> None:
    shown = get("/manage/settings").text
    changed, _, others = shown.partition("Defaults")
    assert "public_requests_per_minute" in changed
    assert "answer_threshold" in others
    assert "(set, not shown)" in changed
    assert "confidential" not in shown
    assert managed.request("GET", "/manage/settings", headers=key(secrets[Role.READ])).status == 403


def test_health_shows_questions_only_where_they_are_kept(get: Callable[[str], Page]) -> None:
    shown = get("/manage/health")
    assert "They are not kept" in shown.text
    assert "No damage was found" in shown.text
    assert f"{RECORDS + 1}" in shown.text
