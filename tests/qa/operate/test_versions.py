"""Earlier texts of documents from the command line: listed, printed, kept by backups, checked and repaired, and removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.durability import small
from index.embedded.store.database import Database

Run = Callable[..., Any]
FORMAT_4 = Path(__file__).parent.parent.parent / "data" / "format-4"


@pytest.fixture
def data(tmp_path: Path, model: str) -> Path:
    """A document that was replaced twice, and another one."""
    with small.open_writer(tmp_path / "data", model) as writer:
        for version in (1, 2, 3):
            small.put(writer, "a", version)
        small.put(writer, "b", 1)
        writer.engine.rebuild()
    return tmp_path / "data"


def versions(qa: Run, data: Path, name: str = "a") -> list[Any]:
    return [json.loads(line) for line in qa("--data", data, "versions", name, "--json").stdout.splitlines()]


def texts(qa: Run, data: Path) -> list[str]:
    return [qa("--data", data, "versions", "a", each["version"]).stdout for each in versions(qa, data)]


def test_lists_and_prints_versions(qa: Run, data: Path) -> None:
    listed = versions(qa, data)
    assert [each["by"] for each in listed] == ["this machine"] * 3
    assert [each["until"] for each in listed] == [None, listed[0]["since"], listed[1]["since"]]
    assert texts(qa, data) == [f"{small.text_of('a', version)}\n" for version in (3, 2, 1)]
    first = qa("--data", data, "versions", "a").stdout.splitlines()[0].split("\t")
    assert first == [listed[0]["version"], listed[0]["since"], "now", "this machine", listed[0]["title"]]
    with_text = qa("--data", data, "versions", "a", listed[2]["version"], "--json").json()
    assert with_text == {**listed[2], "text": small.text_of("a", 1)}


def test_says_what_is_not_kept(qa: Run, data: Path) -> None:
    unknown = qa("--data", data, "versions", "z")
    assert (unknown.code, unknown.stderr) == (1, "qa: no document z; `qa list` lists all documents\n")
    missing = qa("--data", data, "versions", "b", f"sha256:{'0' * 64}")
    assert missing.code == 1
    assert "`qa versions b` lists those that are kept" in missing.stderr


def test_backups_have_versions_and_removed_documents_have_none(qa: Run, data: Path, tmp_path: Path) -> None:
    before = versions(qa, data)
    assert qa("--data", data, "backup", tmp_path / "backup").code == 0
    assert qa("--data", data, "remove", "a").code == 0
    with closing(Database(data, read_only=True)) as database:
        assert database.rows("SELECT DISTINCT id FROM versions") == [("b",)]
    assert qa("--data", data, "restore", tmp_path / "backup").code == 0
    assert versions(qa, data) == before
    assert texts(qa, data) == [f"{small.text_of('a', version)}\n" for version in (3, 2, 1)]


def test_a_damaged_version_is_reported_and_dropped_by_a_repair(qa: Run, data: Path) -> None:
    with closing(Database(data)) as database, database.transaction() as connection:
        connection.execute(
            "UPDATE versions SET text = 'x' || text WHERE until IS NOT NULL AND number = (SELECT min(number) FROM versions)"
        )
    checked = qa("--data", data, "check")
    assert checked.code == 1
    assert "an earlier text of 'a' is damaged" in checked.stdout
    repaired = qa("--data", data, "check", "--repair")
    assert "an earlier text of a document was damaged" in repaired.stdout
    assert texts(qa, data) == [f"{small.text_of('a', version)}\n" for version in (3, 2)]
    assert qa("--data", data, "check").code == 0
    assert versions(qa, data, "b")


@pytest.mark.parametrize(("kept", "expected"), [("0", [4]), ("2", [4, 3, 2])])
def test_the_setting_says_how_many_are_kept(qa: Run, data: Path, tmp_path: Path, kept: str, expected: list[int]) -> None:
    record = {"id": "a", "title": "Document a", "text": small.text_of("a", 4)}
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    added = qa("--data", data, "add", tmp_path / "a.jsonl", QA_KEEP_VERSIONS=kept)
    assert added.code == 0, added.stderr
    assert texts(qa, data) == [f"{small.text_of('a', version)}\n" for version in expected]


def test_migrates_format_4_in_place(qa: Run, tmp_path: Path) -> None:
    data = tmp_path / "old"
    shutil.copytree(FORMAT_4, data)
    listed_json = [json.loads(line) for line in qa("--data", data, "list", "--json").stdout.splitlines()]
    assert [(one["id"], one["access"]) for one in listed_json] == [("fees", None), ("wizards", ["staff"])]
    assert not list(data.glob("store.sqlite.format-*"))
    checked = qa("--data", data, "check")
    assert (checked.code, checked.stderr) == (0, "")
    # Known of their present texts: since when, at the latest.
    assert [(one["since"], one["until"], one["by"]) for one in versions(qa, data, "wizards")] == [
        (listed_json[1]["changed"], None, None)
    ]
