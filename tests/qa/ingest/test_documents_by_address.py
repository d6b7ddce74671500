"""Documents added by address over HTTP and `qa add`, from configured hosts only."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.corpus.sources.site import Site, say

Run = Callable[..., Any]
PAGE = b"<html><head><title>Ferry</title></head><body><main><h1>Ferry</h1><p>The ferry costs seven pounds.</p></main></body></html>"


def accepted(server: Any, **fields: str) -> Any:
    response = server.post("/v1/documents", json.dumps(fields).encode())
    assert response.status == 202, response.text
    return response.json()


def test_fetches_and_replaces_a_page(data_folder: Callable[[], Path], start_server: Run, site: Site) -> None:
    here = f"127.0.0.1:{site.port}"
    site.answers = {"/ferry": say(302, Location="/prices?year=1"), "/prices?year=1": say(body=PAGE, Content_Type="text/html")}
    with start_server(data_folder(), QA_URL_PRIVATE_HOSTS=here) as server:
        taken = accepted(server, url=f"http://{here}/ferry")
        assert server.finished(taken["job"])["status"] == "done"
        document = server.get(f"/v1/documents/{taken['document']['id']}").json()
        assert (document["title"], document["type"]) == ("Ferry", "html")
        assert document["url"] == f"http://{here}/prices?year=1"
        assert document["source"] == f"http://{here}/ferry"
        assert "seven pounds" in server.search("What does the ferry cost?")["answer"]["text"]

        site.answers["/prices?year=1"] = say(body=PAGE.replace(b"seven", b"eight"), Content_Type="text/html")
        again = accepted(server, url=f"http://{here}/ferry")
        assert again["document"]["id"] == taken["document"]["id"]
        assert again["document"]["stored"]["version"] == document["version"]
        server.finished(again["job"])
        assert "eight pounds" in server.search("What does the ferry cost?")["answer"]["text"]

        named = accepted(server, url=f"http://{here}/ferry", id="the-ferry")
        assert server.finished(named["job"])["documents"] == 1
        assert server.get("/v1/documents/the-ferry").status == 200

        missing = server.finished(accepted(server, url=f"http://{here}/none")["job"])
        assert missing["status"] == "failed"
        assert "status 404" in missing["failures"][0]
        assert "Traceback" not in server.log


def test_rejects_addresses_and_redirects_to_other_hosts(data_folder: Callable[[], Path], start_server: Run, site: Site) -> None:
    other = Site()
    here, there = f"127.0.0.1:{site.port}", f"127.0.0.1:{other.port}"
    site.answers["/"] = say(302, Location=f"http://{there}/")
    with start_server(data_folder(), QA_URL_PRIVATE_HOSTS=here, QA_URL_HOSTS="docs.example.org") as server:
        for url in (f"http://{there}/", f"http://localhost:{site.port}/", "http://169.254.169.254/", "file:///etc/passwd", "x"):
            refused = server.post("/v1/documents", json.dumps({"url": url}).encode())
            assert (refused.status, refused.json()["errors"][0]["field"]) == (422, "url"), url
        led = server.finished(accepted(server, url=f"http://{here}/")["job"])
        assert led["status"] == "failed"
        assert "url_hosts" in led["failures"][0]
        # A file whose name looks like an address is still a file.
        job = server.upload(f"http://{there}/a.txt", b"Words.").json()["job"]
        assert server.finished(job)["status"] == "done"
        job = server.upload(f"http://{there}/b.txt", b"").json()["job"]
        assert server.finished(job)["status"] == "failed"
    assert other.connections == 0
    other.stop()


def test_rejects_addresses_without_configured_hosts(server: Any) -> None:
    refused = server.post("/v1/documents", json.dumps({"url": "https://docs.example.org/"}).encode())
    assert refused.status == 422
    assert "url_hosts" in refused.json()["errors"][0]["message"]
    for fields in (
        {"url": ""},
        {"url": 5},
        {"url": "https://docs.example.org/", "id": ""},
        {"url": "https://x/", "date": "2025"},
    ):
        assert server.post("/v1/documents", json.dumps(fields).encode()).status == 422


def test_adds_addresses_from_the_command_line(data_folder: Callable[[], Path], qa: Run, site: Site, tmp_path: Path) -> None:
    data, here = data_folder(), f"http://127.0.0.1:{site.port}"
    lines = b'{"id": "a", "text": "First."}\n{"id": "b", "text": "Second.", "url": "https://docs.example.org/b"}\n'
    site.answers = {"/ferry": say(body=PAGE), "/list.jsonl": say(body=lines)}
    note = tmp_path / "note.txt"
    note.write_text("A note.")
    named = {"QA_URL_PRIVATE_HOSTS": f"127.0.0.1:{site.port}"}

    added = qa("--data", data, "add", note, f"{here}/ferry", f"{here}/list.jsonl", **named)
    assert added.code == 0, added.stderr
    assert f"{here}/ferry: added" in added.stdout
    listed = [json.loads(line) for line in qa("--data", data, "list", "--json").stdout.splitlines()]
    assert {(one["id"], one["url"]) for one in listed} >= {("a", f"{here}/list.jsonl"), ("b", "https://docs.example.org/b")}
    assert f"{here}/ferry: unchanged" in qa("--data", data, "add", f"{here}/ferry", **named).stdout

    site.answers["/list.jsonl"] = say(body=lines.partition(b"\n")[0])
    assert qa("--data", data, "add", f"{here}/list.jsonl", **named).code == 0
    assert {"a", "b"} & {line.partition("\t")[0] for line in qa("--data", data, "list").stdout.splitlines()} == {"a"}

    failed = qa("--data", data, "add", f"{here}/none", f"{here}/ferry", **named)
    assert failed.code == 1
    assert "status 404" in failed.stdout
    assert f"{here}/ferry: unchanged" in failed.stdout
    refused = qa("--data", data, "add", f"{here}/ferry")
    assert refused.code == 1
    assert "url_hosts" in refused.stderr
    assert "without it" in qa("--data", data, "add", "--watch", f"{here}/ferry", **named).stderr


def test_rejects_an_invalid_host_setting_by_name(qa: Run, tmp_path: Path) -> None:
    refused = qa("--data", tmp_path, "status", QA_URL_HOSTS="https://docs.example.org/")
    assert refused.code == 2
    assert "url_hosts" in refused.stderr
    assert "docs.example.org:8443" in refused.stderr
