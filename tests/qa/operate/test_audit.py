"""The audit log and `qa audit`: every change of documents and keys with who made it, and nothing of what they say or were asked."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner

from benchmarks.durability import small
from qa.cli.main import main
from qa.ingest.writer import id_for_source
from tests.conftest import MakeFolder, Response, RunProcess, Server, StartServer
from tests.qa.operate.test_maintenance import flip
from tests.waiting import wait_for

# In every document, title and question of these tests, and in no id.
CANARY = "xylophone"
NEVER = "2100-01-01"
A = id_for_source("a.txt")


def audit(qa: RunProcess, data: Path, *options: str) -> list[dict[str, Any]]:
    """The entries but for that of the press release."""
    printed = qa("--data", data, "audit", "--json", *options)
    assert printed.code == 0, printed.stderr
    return [entry for entry in map(json.loads, printed.stdout.splitlines()) if entry.get("documents") != ["press-release"]]


def brief(entry: dict[str, Any]) -> tuple[Any, ...]:
    """Who did what to which, with what outcome."""
    return (
        entry["who"],
        entry["what"],
        *entry.get("documents", ()),
        *([entry["key"]] if "key" in entry else ()),
        entry["outcome"],
    )


def make_key(qa: RunProcess, data: Path, name: str) -> str:
    made = qa("--data", data, "key", "create", "--role", "write", "--name", name)
    assert made.code == 0, made.stderr
    return str(made.stdout.strip())


def call(server: Server, secret: str, method: str, target: str, form: bool = False, **fields: Any) -> Response:
    body = urlencode(fields, doseq=True) if form else json.dumps(fields)
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    return server.request(method, target, body.encode(), {"Authorization": f"Bearer {secret}", "Content-Type": kind})


def add(server: Server, secret: str, document_id: str, text: str, **fields: Any) -> None:
    sent = call(server, secret, "POST", "/v1/documents", id=document_id, title=CANARY, text=text, **fields)
    assert sent.status == 202, sent.text
    wait_until_finished(server, secret, sent)


def upload(server: Server, secret: str, document_id: str, name: str, body: bytes) -> None:
    parts = [f'name="id"\r\n\r\n{document_id}', f'name="file"; filename="{name}"\r\n\r\n{body.decode()}']
    content = "".join(f"--b\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + "--b--\r\n"
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "multipart/form-data; boundary=b"}
    sent = server.request("POST", "/v1/documents", content.encode(), headers)
    assert sent.status == 202, sent.text
    wait_until_finished(server, secret, sent)


def wait_until_finished(server: Server, secret: str, sent: Response) -> None:
    job = sent.json()["job"]["id"]
    wait_for(lambda: call(server, secret, "GET", f"/v1/jobs/{job}").json()["finished"])


def test_the_command_line_logs_what_it_changes(qa: RunProcess, data_folder: MakeFolder, tmp_path: Path) -> None:
    data, files = data_folder(), tmp_path / "files"
    files.mkdir()
    (files / "a.txt").write_text(f"The {CANARY} is in the cellar.")
    (files / "b.jsonl").write_text(
        "".join(json.dumps({"id": name, "text": f"{CANARY} {name}."}) + "\n" for name in ("b1", "b2"))
    )
    make_key(qa, data, "the importer")
    for _ in range(2):  # nothing changes the second time
        assert qa("--data", data, "add", files, "--collection", "press").code == 0
    (files / "a.txt").write_text(f"The {CANARY} is in the attic.")
    (files / "b.jsonl").write_text(json.dumps({"id": "b1", "text": f"{CANARY} b1."}) + "\n")
    assert qa("--data", data, "add", files).code == 0
    assert qa("--data", data, "add", files / "a.txt", "--access", "staff").code == 0
    assert qa("--data", data, "search", f"Where is the {CANARY}?").code == 0
    assert qa("--data", data, "remove", "b1").code == 0
    assert qa("--data", data, "remove", "nothing").code == 1
    assert qa("--data", data, "key", "revoke", "the importer").code == 0
    entries = audit(qa, data)
    us = "this machine"
    assert [brief(entry) for entry in entries] == [
        (us, "create key", "the importer", "done"),
        (us, "add", A, "added"),
        (us, "add", "b1", "added"),
        (us, "add", "b2", "added"),
        (us, "add", A, "replaced"),
        (us, "remove", "b2", "removed"),
        (us, "edit", A, "edited"),
        (us, "remove", "b1", "removed"),
        (us, "revoke key", "the importer", "done"),
    ]
    assert {entry["collection"] for entry in entries if "documents" in entry} == {"press"}
    assert (entries[0]["role"], entries[6]["fields"]) == ("write", ["access"])
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    assert CANARY not in (data / "audit.jsonl").read_text()
    shown = qa("--data", data, "audit").stdout.splitlines()[-len(entries) :]
    assert shown[4].split("\t") == [entries[4]["at"], us, "add", "replaced", A, "collection press"]
    assert shown[-1].split("\t")[1:] == [us, "revoke key", "done", "the importer"]


def test_since_a_time(qa: RunProcess, data_folder: MakeFolder) -> None:
    data = data_folder()
    make_key(qa, data, "one")
    make_key(qa, data, "two")
    _, second = audit(qa, data)
    assert audit(qa, data, "--since", second["at"]) == [second]
    assert audit(qa, data, "--since", NEVER) == []
    assert qa("--data", data, "audit", "--since", NEVER).stderr == "No changes.\n"
    wrong = qa("--data", data, "audit", "--since", "yesterday")
    assert (wrong.code, "2026-11-28" in wrong.stderr) == (2, True)


@pytest.mark.parametrize("workers", [1, 2])
def test_over_http_every_change_has_the_name_of_its_key(
    qa: RunProcess, data_folder: MakeFolder, start_server: StartServer, workers: int
) -> None:
    data = data_folder()
    anna, ben = make_key(qa, data, "Anna"), make_key(qa, data, "Ben")
    with start_server(data, "--workers", workers, QA_REQUIRE_KEY="true") as server:
        add(server, anna, "one", f"The {CANARY} is in the cellar.", collection="press")
        add(server, ben, "one", f"The {CANARY} is in the attic.")
        upload(server, ben, "two", "two.pdf", b"%PDF-1.7 and no more")
        assert call(server, ben, "PATCH", "/v1/documents/one", access=["staff"], title=f"{CANARY}s").status == 200
        assert call(server, anna, "POST", "/v1/search", query=f"Where is the {CANARY}?").status == 200
        edited = call(server, anna, "POST", "/manage/document", form=True, id="one", title=f"{CANARY} again", collection="hr")
        assert edited.status == 303, edited.text
        assert call(server, anna, "DELETE", "/v1/documents/nothing").status == 404
        add(server, anna, "three", f"Another {CANARY}.")
        assert call(server, ben, "DELETE", "/v1/documents/three").status == 200
        assert call(server, anna, "POST", "/manage/remove", form=True, id="one").status == 303
        assert "Traceback" not in server.log
    entries = [entry for entry in audit(qa, data) if "documents" in entry]
    assert [brief(entry) for entry in entries] == [
        ("Anna", "add", "one", "added"),
        ("Ben", "add", "one", "replaced"),
        ("Ben", "add", "two", "failed"),
        ("Ben", "edit", "one", "edited"),
        ("Anna", "edit", "one", "edited"),
        ("Anna", "add", "three", "added"),
        ("Ben", "remove", "three", "removed"),
        ("Anna", "remove", "one", "removed"),
    ]
    assert [entry.get("collection") for entry in entries] == [
        "press", "press", None, "press", "hr", "default", "default", "hr",
    ]  # fmt: skip
    assert [entry["fields"] for entry in entries if entry["what"] == "edit"] == [["access", "title"], ["collection", "title"]]
    log = (data / "audit.jsonl").read_text()
    assert not any(secret in log for secret in (CANARY, anna, ben, "staff"))


def test_several_processes_write_whole_lines_to_one_log(
    qa: RunProcess, data_folder: MakeFolder, start_server: StartServer
) -> None:
    data, rounds = data_folder(), 20
    keys = {name: make_key(qa, data, name) for name in ("Anna", "Ben")}
    with start_server(data, "--workers", 2, QA_REQUIRE_KEY="true") as server:
        for name, secret in keys.items():
            add(server, secret, name, f"The {CANARY} of {name}.")

        def edit(name: str, number: int) -> int:
            return call(server, keys[name], "PATCH", f"/v1/documents/{name}", date=f"2026-01-{number:02}").status

        with ThreadPoolExecutor(8) as threads:
            sent = [threads.submit(edit, name, number) for number in range(1, rounds + 1) for name in keys]
            assert {each.result() for each in sent} == {200}
    lines = (data / "audit.jsonl").read_text().splitlines()
    edits = [brief(entry) for entry in map(json.loads, lines) if entry["what"] == "edit"]
    assert sorted(edits) == sorted((name, "edit", name, "edited") for name in keys for _ in range(rounds))


def test_a_killed_server_loses_no_entry_and_a_torn_line_is_skipped(
    qa: RunProcess, data_folder: MakeFolder, start_server: StartServer
) -> None:
    data = data_folder()
    anna = make_key(qa, data, "Anna")
    with start_server(data, QA_REQUIRE_KEY="true") as server:
        add(server, anna, "one", f"The {CANARY} is in the cellar.")
        for number in range(5):
            sent = call(server, anna, "POST", "/v1/documents", id=f"d{number}", title="d", text=f"Document {number} is here.")
            assert sent.status == 202
        server.stop(signal.SIGKILL)
    with (data / "audit.jsonl").open("a") as log:
        log.write('{"format": 1, "at": "2026-')
    ids = {"one", *(f"d{number}" for number in range(5))}
    with start_server(data, QA_REQUIRE_KEY="true") as server:
        wait_for(lambda: {entry["documents"][0] for entry in audit(qa, data) if entry["what"] == "add"} == ids)
        assert call(server, anna, "DELETE", "/v1/documents/one").status == 200
    entries = audit(qa, data)
    assert brief(entries[-1]) == ("Anna", "remove", "one", "removed")
    assert {entry["who"] for entry in entries if entry["what"] == "add"} == {"Anna"}


def test_backups_and_copies_bring_the_log_and_a_restore_keeps_what_is_there(
    qa: RunProcess, data_folder: MakeFolder, tmp_path: Path
) -> None:
    data, elsewhere, copy, backup = data_folder(), tmp_path / "elsewhere", tmp_path / "copy", tmp_path / "all.backup"
    (tmp_path / "a.txt").write_text(f"The {CANARY} is in the cellar.")
    assert qa("--data", data, "add", tmp_path / "a.txt").code == 0
    assert qa("--data", data, "backup", backup).code == 0
    assert qa("--data", data, "remove", A).code == 0
    for folder in (data, elsewhere):
        assert qa("--data", folder, "restore", backup).code == 0
    for _ in range(2):
        assert qa("copy", data, copy).code == 0
    assert [entry["what"] for entry in audit(qa, data)] == ["add", "remove", "restore"]
    assert [entry["what"] for entry in audit(qa, elsewhere)] == ["add", "restore"]
    assert [entry["what"] for entry in audit(qa, copy)] == ["add", "remove", "restore", "copy", "copy"]


def test_another_model_and_a_repair_are_logged(qa: RunProcess, tmp_path: Path) -> None:
    data = tmp_path / "data"
    model = small.make_model(tmp_path / "model", data / "models")
    other = small.make_model(tmp_path / "other", data / "models", seed=2)
    with small.open_writer(data, model) as writer:
        small.put(writer, "a", 1)
        small.put(writer, "b", 1)
    assert qa("--data", data, "rebuild").code == 0
    assert qa("--data", data, "rebuild", "--model", other).code == 0
    flip(data, small.mark("b", 1).encode())
    assert qa("--data", data, "check", "--repair").code == 0
    assert [entry["what"] for entry in audit(qa, data)] == ["add", "add", "rebuild", "repair"]


def test_a_cluster_has_one_log(engine_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_MODEL", small.make_model(tmp_path / "model", tmp_path / "models"))
    monkeypatch.setenv("QA_CACHE", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text(f"The {CANARY} is in the cellar.")

    def run(*words: str, place: str = engine_address) -> str:
        done = CliRunner().invoke(main, ["--engine", place, *words])
        assert done.exit_code == 0, done.output
        return str(done.stdout)

    run("key", "create", "--role", "read", "--name", "Anna")
    run("add", "a.txt", "--collection", "press")
    run("backup", "all.backup")
    run("remove", A)
    run("restore", "all.backup")
    printed = run("audit", "--json")
    entries = [json.loads(line) for line in printed.splitlines()]
    us = "this machine"
    assert [brief(entry) for entry in entries] == [
        (us, "create key", "Anna", "done"),
        (us, "add", A, "added"),
        (us, "remove", A, "removed"),
        (us, "restore", "done"),
    ]
    assert CANARY not in printed
    assert json.loads(run("audit", "--json", "--since", entries[-1]["at"])) == entries[-1]
