"""`qa add`, `qa remove` and `qa list`: folders, JSON Lines, changes, failures and interruptions."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from index.embedded.store.database import Database
from index.embedded.store.store import Store
from index.types import StoreError
from qa.cli.main import main

Run = Callable[..., Any]
MakeFolder = Callable[[], Path]


def listed(qa: Run, data: Path) -> dict[str, Any]:
    """Every document by its id, as `qa list --json` prints it."""
    printed = qa("--data", data, "list", "--json")
    assert printed.code == 0, printed.stderr
    documents = [json.loads(line) for line in printed.stdout.splitlines()]
    assert len({document["id"] for document in documents}) == len(documents)
    return {document["id"]: document for document in documents}


def lines_of(added: Any) -> dict[str, str]:
    """The outcome printed for each file, by file name."""
    lines = [line.partition(": ") for line in added.stdout.splitlines()]
    assert len({path for path, _, _ in lines}) == len(lines)
    return {Path(path).name: said for path, _, said in lines}


def test_adds_a_folder_and_then_only_its_changes(data_folder: MakeFolder, qa: Run, tmp_path: Path) -> None:
    data, folder = data_folder(), tmp_path / "a folder"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "a.txt").write_text("The kiosk sells newspapers.")
    (folder / "b.md").write_text("# Kiosk\n\nThe kiosk sells stamps.\n")
    (folder / "deep" / "a.txt").write_text("The kiosk sells umbrellas.")
    (folder / "deep" / "deeper" / "c.html").write_text("<h1>Kiosk</h1><p>The kiosk sells maps of the town.</p>")
    (folder / ".hidden" / "d.txt").write_text("Not for you.")
    (folder / ".e.txt").write_text("Not for you either.")

    first = qa("--data", data, "add", folder)
    assert first.code == 0, first.stderr
    assert [line.rpartition(": ")[2] for line in first.stdout.splitlines()] == ["added"] * 4
    assert "4 files, 0 with failures; documents: 4 added" in first.stderr
    documents = listed(qa, data)
    assert {document["source"] for document in documents.values()} == {
        path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file() and "/." not in str(path)
    }

    second = qa("--data", data, "add", folder, folder / "a.txt")
    assert [line.rpartition(": ")[2] for line in second.stdout.splitlines()] == ["unchanged"] * 4
    assert "documents: 4 unchanged" in second.stderr

    (folder / "a.txt").write_text("The kiosk sells flowers.")
    (folder / "f.txt").write_text("The kiosk sells ice cream.")
    os.utime(folder / "b.md")
    third = qa("--data", data, "add", folder)
    assert "documents: 1 added, 1 replaced, 3 unchanged" in third.stderr
    found = qa("--data", data, "search", "What does the kiosk sell?", "--json", "--limit", 100).json()["results"]
    texts = " ".join(result["text"] for result in found)
    assert "flowers" in texts
    assert "newspapers" not in texts
    assert set(documents) < set(listed(qa, data))


def test_a_file_is_known_by_its_path_below_the_folder_that_was_added(data_folder: MakeFolder, qa: Run, tmp_path: Path) -> None:
    data, first, second = data_folder(), tmp_path / "first", tmp_path / "second"
    for folder, price in ((first, "one pound"), (second, "two pounds")):
        folder.mkdir()
        (folder / "stamps.txt").write_text(f"A stamp costs {price}.")
    assert qa("--data", data, "add", first).code == 0
    both = qa("--data", data, "add", second)
    assert "added; stamps-" in both.stdout  # another file of this name is still there
    assert "both are kept" in both.stdout

    first.rename(tmp_path / "moved")
    (tmp_path / "moved" / "stamps.txt").write_text("A stamp costs three pounds.")
    refused = qa("--data", data, "add", tmp_path / "moved", "--if-exists", "fail")
    assert (refused.code, "already there" in refused.stdout) == (1, True)
    assert "replaced" in qa("--data", data, "add", tmp_path / "moved").stdout
    texts = [found["text"] for found in qa("--data", data, "search", "stamp", "--json").json()["results"]]
    assert sorted(texts) == ["A stamp costs three pounds.", "A stamp costs two pounds."]
    assert str(tmp_path) not in qa("--data", data, "list", "--json").stdout


def test_run_without_changes_does_not_write(data_folder: MakeFolder, qa: Run, tmp_path: Path) -> None:
    data = data_folder()
    (tmp_path / "a.txt").write_text("The kiosk sells newspapers.")
    assert qa("--data", data, "add", tmp_path).code == 0
    generations = sorted((data / "generations").iterdir())
    content = (data / "store.sqlite").read_bytes()
    assert qa("--data", data, "add", tmp_path).code == 0
    assert (data / "store.sqlite").read_bytes() == content
    assert sorted((data / "generations").iterdir()) == generations


def test_failures_have_reasons_and_do_not_stop_other_files(data_folder: MakeFolder, qa: Run, tmp_path: Path) -> None:
    data = data_folder()
    (tmp_path / "good.txt").write_text("The kiosk sells newspapers.")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    os.mkfifo(tmp_path / "pipe.txt")
    os.symlink("nowhere", tmp_path / "dangling.txt")
    os.symlink(tmp_path, tmp_path / "around")
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("A name that is not UTF-8.")
    result = qa("--data", data, "add", tmp_path)
    assert result.code == 1
    assert "Traceback" not in result.stderr
    said = lines_of(result)
    assert said.pop("good.txt") == "added"
    assert {name for name in said if name.isascii() and "\\" not in name} == {
        "empty.txt",
        "picture.png",
        "broken.pdf",
        "pipe.txt",
        "dangling.txt",
        "around",
    } - ({"around"} - set(said))
    assert all("not added; " in reason and len(reason) > 20 for reason in said.values()), said
    assert f"{len(said)} of {len(said) + 1}" in result.stderr
    assert len(listed(qa, data)) == 1


def test_oversized_file_is_not_loaded(data_folder: MakeFolder, qa: Run, tmp_path: Path) -> None:
    data = data_folder()
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(6 * 2**30)
    result = qa("--data", data, "add", tmp_path)
    assert result.code == 1
    assert "larger than 256 MB" in result.stdout
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 3 * 2**20  # in kB


def records(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"r{number}",
            "title": f"Record {number}",
            "text": f"Shelf {number} holds box {number}.",
            "metadata": {"n": number},
        }
        for number in range(count)
    ]


def write_lines(path: Path, items: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(item) + "\n" for item in items))


@pytest.mark.parametrize("count", [120, pytest.param(5000, marks=pytest.mark.long)])
def test_changed_json_lines_replace_only_changed_records(data_folder: MakeFolder, qa: Run, tmp_path: Path, count: int) -> None:
    data, path, items = data_folder(), tmp_path / "boxes.jsonl", records(count)
    write_lines(path, items)
    first = qa("--data", data, "add", path)
    assert first.code == 0, first.stderr
    assert f"1 files, 0 with failures; documents: {count} added" in first.stderr
    documents = listed(qa, data)
    assert set(documents) == {item["id"] for item in items}
    assert all(documents[item["id"]]["metadata"] == item["metadata"] for item in items)
    assert f"{count} unchanged" in qa("--data", data, "add", path).stderr

    items[7]["text"] = "Shelf 7 holds a lamp."
    del items[100:110]
    write_lines(path, items)
    changed = qa("--data", data, "add", path)
    assert f"1 replaced, {count - 11} unchanged" in changed.stderr
    after = listed(qa, data)
    assert set(after) == {item["id"] for item in items}
    assert [one for one in after if after[one]["version"] != documents[one]["version"]] == ["r7"]
    found = qa("--data", data, "search", "What does shelf 105 hold?", "--json").json()["results"]
    assert all(result["document"]["id"] != "r105" for result in found)


def test_invalid_record_is_retried_on_each_run(data_folder: MakeFolder, qa: Run, tmp_path: Path) -> None:
    data, path = data_folder(), tmp_path / "boxes.jsonl"
    write_lines(path, [*records(3), {"id": "r3", "title": "No text"}])
    for _ in range(2):
        result = qa("--data", data, "add", path)
        assert result.code == 1
        assert "line 4" in result.stdout
        assert "'text'" in result.stdout
        assert len(listed(qa, data)) == 3
    write_lines(path, records(4))
    assert qa("--data", data, "add", path).code == 0
    assert len(listed(qa, data)) == 4


def stored_documents(data: Path) -> int:
    try:
        return Store(Database(data, read_only=True)).counts()[0]
    except StoreError:  # not created yet
        return 0


def test_interrupted_file_is_completed_on_the_next_run(data_folder: MakeFolder, qa: Run, qa_path: Path, tmp_path: Path) -> None:
    data, path = data_folder(), tmp_path / "boxes.jsonl"
    write_lines(path, records(300))
    with subprocess.Popen([str(qa_path), "--data", str(data), "add", str(path)], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not (data / "store.sqlite").exists():
            time.sleep(0.01)
        while process.poll() is None and stored_documents(data) < 50:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert 0 < len(listed(qa, data)) < 300
    assert qa("--data", data, "add", path).code == 0
    assert len(listed(qa, data)) == 300
    assert "300 unchanged" in qa("--data", data, "add", path).stderr


def test_repeated_id_gets_a_suffix(data_folder: MakeFolder, qa: Run, tmp_path: Path) -> None:
    data, path = data_folder(), tmp_path / "boxes.jsonl"
    write_lines(path, [{"id": "a", "text": "One box."}, {"id": "a", "text": "Another box."}])
    assert "2 added" in qa("--data", data, "add", path).stdout
    assert set(listed(qa, data)) == {"a", "a~2"}


def test_copy_of_a_file_is_noted(data_folder: MakeFolder, qa: Run, tmp_path: Path) -> None:
    data = data_folder()
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("The kiosk sells newspapers.")
    result = qa("--data", data, "add", tmp_path)
    first = next(one for one in listed(qa, data) if one.startswith("one"))
    assert result.stdout.splitlines()[1].endswith(f"two.txt: added; the same text as {first}")


def test_lists_and_removes_documents_by_id(data_folder: MakeFolder, qa: Run, tmp_path: Path) -> None:
    data, path = data_folder(), tmp_path / "boxes.jsonl"
    write_lines(path, [{"id": name, "title": name.upper(), "text": f"Box {name}."} for name in ("a", "b/c", "größe 🙂")])
    qa("--data", data, "add", path)
    plain = [line.split("\t") for line in qa("--data", data, "list").stdout.splitlines()]
    assert plain == [[name, name.upper(), "boxes.jsonl", "default"] for name in ("a", "b/c", "größe 🙂")]
    removed = qa("--data", data, "remove", "b/c", "größe 🙂")
    assert removed.code == 0, removed.stderr
    assert set(listed(qa, data)) == {"a"}
    refused = qa("--data", data, "remove", "b/c", "a")
    assert refused.code == 1
    assert "b/c" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert listed(qa, data) == {}
    assert qa("--data", data, "search", "Which box is there?", "--json").json()["results"] == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b/text", " ", "x" * 600, "a\u2028b"])
def test_hostile_ids_are_stored_or_rejected(data_folder: MakeFolder, qa: Run, tmp_path: Path, name: str) -> None:
    data, path = data_folder(), tmp_path / "boxes.jsonl"
    write_lines(path, [{"id": name, "text": "One box."}, {"id": "good", "text": "Another box."}])
    result = qa("--data", data, "add", path)
    assert "Traceback" not in result.stderr
    assert set(listed(qa, data)) in ({"good"}, {"good", name})
    assert (result.code == 0) == (name in listed(qa, data))


def test_progress_without_a_terminal_is_a_line_per_file(data_folder: MakeFolder, qa: Run, tmp_path: Path) -> None:
    data = data_folder()
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text(f"Box {number}.")
    result = qa("--data", data, "add", tmp_path)
    assert result.stdout.splitlines() == [f"{tmp_path}/{number}.txt: added" for number in range(5)]
    assert "\r" not in result.stdout + result.stderr
    assert "\x1b" not in result.stdout + result.stderr
    assert result.stderr.splitlines()[-1].startswith("5 files")


def test_a_collection_and_groups_are_given_to_files_that_are_there_already(data_folder: MakeFolder, tmp_path: Path) -> None:
    data, note = data_folder(), tmp_path / "note.txt"
    note.write_text("A note about otters.")

    def qa(*words: str) -> Result:
        return CliRunner().invoke(main, ["--data", str(data), *words])

    def placed() -> list[tuple[str, list[str] | None]]:
        rows = [json.loads(line) for line in qa("list", "--json").stdout.splitlines()]
        return [(row["collection"], row["access"]) for row in rows]

    for words, expected in (
        ((), ("default", None)),
        (("--collection", "press", "--access", "staff, board"), ("press", ["staff", "board"])),
        (("--collection", "hr"), ("hr", ["staff", "board"])),
        ((), ("hr", ["staff", "board"])),
    ):
        assert qa("add", str(note), *words).exit_code == 0
        assert placed() == [expected]
    note.write_text("Another note about otters.")
    assert (qa("add", str(note)).exit_code, placed()) == (0, [("hr", ["staff", "board"])])
    assert qa("list", "--collection", "press").stdout == ""
    assert qa("add", str(note), "--collection", "HR").exit_code == 2
