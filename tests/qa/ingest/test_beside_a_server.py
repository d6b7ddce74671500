"""The commands that change documents while a server runs on the folder: the same messages, and found by the server at once."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.durability import small
from tests.waiting import wait_for

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the server follows."""
    folder = tmp_path_factory.mktemp("followed")
    (folder / "followed.txt").write_text("The heron sleeps.")
    return folder


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, start_server: Callable[..., Any], followed: Path) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("data")
    model = small.make_model(folder / "model", folder / "data" / "models")
    with start_server(folder / "data", "--watch", followed, QA_MODEL=model) as server:
        yield server
        assert "Traceback" not in server.log


def texts(running: Any) -> set[str]:
    return {result["text"] for result in running.search("heron", limit=50)["results"]}


def test_add_and_remove(qa: Run, running: Any, tmp_path: Path) -> None:
    file = tmp_path / "heron.txt"
    for text, outcome in (("The heron eats.", "added"), ("The heron flies.", "replaced")):
        file.write_text(text)
        added = qa("--data", running.data, "add", file)
        assert (added.code, added.stdout.strip()) == (0, f"{file}: {outcome}"), added.stderr
        assert text in texts(running)
    assert "The heron eats." not in texts(running)
    document_id = running.search("The heron flies.")["results"][0]["document"]["id"]
    removed = qa("--data", running.data, "remove", document_id, "missing")
    assert (removed.code, "no document missing;" in removed.stderr) == (1, True)
    assert "The heron flies." not in texts(running)


def test_add_keeps_originals_as_the_setting_says(qa: Run, running: Any, tmp_path: Path) -> None:
    def kept() -> int:
        return int(json.loads(qa("--data", running.data, "status", "--json").stdout)["originals"])

    before = kept()
    for name, setting, more in (("swan.txt", "false", 0), ("goose.txt", "true", 1)):
        (tmp_path / name).write_text(f"The {name} swims.")
        assert qa("--data", running.data, "add", tmp_path / name, QA_KEEP_ORIGINALS=setting).code == 0
        assert kept() == before + more


def test_rebuild(qa: Run, running: Any) -> None:
    before = running.get("/readyz").json()["generation"]
    rebuilt = qa("--data", running.data, "rebuild")
    assert (rebuilt.code, rebuilt.stdout) == (0, "0 passages embedded, index built.\n"), rebuilt.stderr
    assert running.get("/readyz").json()["generation"] > before
    refused = qa("--data", running.data, "rebuild", "--model", "other")
    assert (refused.code, "stop it to change" in refused.stderr) == (1, True)


def test_restore_is_refused(qa: Run, running: Any, tmp_path: Path) -> None:
    (tmp_path / "backup").touch()
    assert "stop it first" in qa("--data", running.data, "restore", tmp_path / "backup").stderr


def test_server_follows_files(running: Any, followed: Path) -> None:
    wait_for(lambda: "The heron sleeps." in texts(running))
    (followed / "followed.txt").write_text("The heron wakes.")
    wait_for(lambda: {"The heron wakes."} == texts(running) & {"The heron sleeps.", "The heron wakes."})
    (followed / "followed.txt").unlink()
    wait_for(lambda: "The heron wakes." not in texts(running))
    assert "followed.txt: replaced" in running.log


def test_add_with_watch_outlives_the_server(qa: Run, qa_path: Path, tmp_path: Path, start_server: Callable[..., Any]) -> None:
    model = small.make_model(tmp_path / "model", tmp_path / "data" / "models")
    folder, log = tmp_path / "files", tmp_path / "log"
    folder.mkdir()
    with start_server(tmp_path / "data", QA_MODEL=model) as server, log.open("wb") as output:
        command = [str(qa_path), "--data", str(server.data), "add", str(folder), "--watch"]
        process = subprocess.Popen(command, stdout=output, stderr=output)
        wait_for(lambda: "Watching" in log.read_text())
        (folder / "heron.txt").write_text("The heron eats.")
        wait_for(lambda: "The heron eats." in texts(server))
        server.stop(signal.SIGKILL)
    try:
        assert "every `qa add` first" in qa("--data", server.data, "restore", log).stderr
        (folder / "heron.txt").write_text("The heron flies.")
        wait_for(lambda: "heron.txt: replaced" in log.read_text())
        with start_server(server.data) as restarted:
            assert "The heron flies." in texts(restarted)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
