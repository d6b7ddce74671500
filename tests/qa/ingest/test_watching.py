"""`qa add --watch` follows changes of files within seconds."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE

Run = Callable[..., Any]


class Watched:
    """A folder followed by a `qa add --watch` process."""

    def __init__(self, qa: Run, qa_path: Path, data: Path, folder: Path) -> None:
        self.folder, self._data, self._qa = folder, data, qa
        with (folder.parent / "log").open("wb") as log:
            command = [str(qa_path), "--data", str(data), "add", str(folder), "--watch"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.wait(lambda: "Watching" in self.log)

    @property
    def log(self) -> str:
        return (self.folder.parent / "log").read_text("utf-8")

    def texts(self) -> dict[str, str]:
        """The text of each document in the search results, by file name."""
        found = self._qa("--data", self._data, "search", "box", "--json", "--limit", 100).json()["results"]
        by_id = {result["document"]["id"]: result["text"] for result in found}
        listed = [json.loads(line) for line in self._qa("--data", self._data, "list", "--json").stdout.splitlines()]
        return {Path(document["source"]).name: by_id[document["id"]] for document in listed}

    def wait(self, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not holds():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < until, self.log
            time.sleep(0.05)


@pytest.fixture
def watched(data_folder: Callable[[], Path], qa: Run, qa_path: Path, tmp_path: Path) -> Iterator[Watched]:
    folder = tmp_path / "followed"
    folder.mkdir()
    (folder / "first.txt").write_text("The first box.")
    running = Watched(qa, qa_path, data_folder(), folder)
    yield running
    if running.process.poll() is None:
        running.process.kill()
    running.process.wait()
    assert "Traceback" not in running.log, running.log


def test_follows_new_changed_moved_and_deleted_files(watched: Watched) -> None:
    folder = watched.folder
    (folder / "second.txt").write_text("The second box.")
    watched.wait(lambda: "second.txt: added" in watched.log)
    assert watched.texts() == {"first.txt": "The first box.", "second.txt": "The second box."}

    (folder / "first.txt").write_text("The first box is empty.")
    watched.wait(lambda: "first.txt: replaced" in watched.log)
    assert watched.texts()["first.txt"] == "The first box is empty."

    (folder / "below").mkdir()
    (folder / "below" / "third.txt").write_text("The third box.")
    watched.wait(lambda: "third.txt: added" in watched.log)

    (folder / "second.txt").rename(folder / "renamed.txt")
    watched.wait(lambda: "renamed.txt: added" in watched.log and watched.log.count(": removed") == 1)
    assert set(watched.texts()) == {"first.txt", "renamed.txt", "third.txt"}

    shutil.rmtree(folder / "below")
    (folder / "renamed.txt").unlink()
    watched.wait(lambda: watched.log.count(": removed") == 3)
    assert watched.texts() == {"first.txt": "The first box is empty."}


def test_ignores_hidden_files_and_survives_unreadable_ones(watched: Watched) -> None:
    (watched.folder / ".secret.txt").write_text("The hidden box.")
    (watched.folder / ".git").mkdir()
    (watched.folder / ".git" / "config.txt").write_text("The hidden box.")
    (watched.folder / "empty.txt").write_text("")
    (watched.folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (watched.folder / "later.txt").write_text("The later box.")
    watched.wait(lambda: all(f"{name}: " in watched.log for name in ("empty.txt", "picture.png", "later.txt")))
    (watched.folder / "last.txt").write_text("The last box.")
    watched.wait(lambda: "last.txt: added" in watched.log)
    assert set(watched.texts()) == {"first.txt", "later.txt", "last.txt"}
    assert "secret" not in watched.log
    assert "config" not in watched.log


def test_does_not_miss_changes_during_the_start(
    data_folder: Callable[[], Path], qa: Run, qa_path: Path, tmp_path: Path
) -> None:
    """Writes files throughout the start; each must be found in the end."""
    folder, written = tmp_path / "followed", 0
    folder.mkdir()
    (folder / "first.txt").write_text("The first box.")
    data = data_folder()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(qa_path), "--data", str(data), "add", str(folder), "--watch"], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        while "Watching" not in (tmp_path / "log").read_text() or written % 10:
            (folder / f"{written}.txt").write_text(f"Box {written}.")
            written += 1
            time.sleep(0.05)
            assert process.poll() is None
        until = time.monotonic() + PATIENCE
        while len(qa("--data", data, "list").stdout.splitlines()) < written + 1:
            assert time.monotonic() < until
            time.sleep(0.2)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_process_and_releases_the_folder(watched: Watched, qa: Run, number: signal.Signals) -> None:
    watched.process.send_signal(number)
    assert watched.process.wait(PATIENCE) == 0
    assert "Traceback" not in watched.log
    added = qa("--data", watched._data, "add", watched.folder)
    assert added.code == 0, added.stderr
    assert "unchanged" in added.stdout


def test_rejects_a_missing_folder(data_folder: Callable[[], Path], qa: Run, tmp_path: Path) -> None:
    refused = qa("--data", data_folder(), "add", tmp_path / "missing", "--watch")
    assert refused.code == 1
    assert "Traceback" not in refused.stderr
    assert "missing" in refused.stdout + refused.stderr
