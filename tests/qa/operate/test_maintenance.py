"""Maintenance of a data folder from the command line: check, repair, backup, restore, rebuild, migration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from benchmarks.durability import small
from index.embedded.store.database import Database
from index.embedded.store.jobs import JobQueue
from index.embedded.store.page_checksums import PAGE_BYTES
from index.embedded.store.store import Store

Run = Callable[..., Any]
OLD = Path(__file__).parent.parent.parent / "data" / "format-1"


@pytest.fixture
def data(tmp_path: Path, model: str) -> Path:
    """Three indexed documents, and a fourth added after the index was built."""
    with small.open_writer(tmp_path / "data", model) as writer:
        for name in "abc":
            small.put(writer, name, 1)
        writer.engine.rebuild()
        small.put(writer, "d", 1)
    return tmp_path / "data"


def flip(data: Path, words: bytes) -> None:
    """Flip one bit at every occurrence of `words` in the store."""
    path = data / "store.sqlite"
    contents = bytearray(path.read_bytes())
    place = contents.find(words)
    assert place > 0
    while place > 0:
        contents[place] ^= 1
        place = contents.find(words)
    path.write_bytes(contents)


def listed(qa: Run, data: Path) -> set[str]:
    return {line.split("\t")[0] for line in qa("--data", data, "list").stdout.splitlines()}


def found(qa: Run, data: Path, name: str, version: int = 1) -> list[str]:
    """Ids of the documents with the mark of `name`, from `qa search` in its own process."""
    results = qa("--data", data, "search", small.mark(name, version), "--json").json()["results"]
    return [result["document"]["id"] for result in results if small.mark(name, version) in result["text"]]


def test_check_passes_for_an_intact_folder(qa: Run, data: Path) -> None:
    checked = qa("--data", data, "check")
    assert (checked.code, checked.stderr) == (0, "")
    assert "is intact" in checked.stdout


def test_a_damaged_document_is_reported_and_withheld_from_search(qa: Run, data: Path) -> None:
    flip(data, small.mark("b", 1).encode())
    assert found(qa, data, "a")[:1] == ["a"]
    assert found(qa, data, "b") == []
    assert "degraded" in qa("--data", data, "status").stdout
    checked = qa("--data", data, "check")
    assert checked.code == 1
    assert "'b'" in checked.stdout
    assert "qa restore FILE" in checked.stdout


def test_server_with_a_damaged_document_is_ready_and_degraded(data: Path, start_server: Callable[..., Any], model: str) -> None:
    flip(data, small.mark("b", 1).encode())
    with start_server(data) as running:
        assert running.search(small.mark("a", 1))["results"]
        running.search(small.mark("b", 1))
        ready = running.get("/readyz").json()
        assert (ready["status"], ready["degraded"], ready["documents"]) == ("ready", True, 4)
        assert "quotable_degraded 1.0" in running.get("/metrics").text
        assert running.get("/v1/documents/b/text").status == 503
        assert running.get("/v1/documents/a/text").status == 200
        job = running.finished(running.add(id="b", title="Document b", text=small.text_of("b", 1)))
        assert job["status"] == "done"  # adding it again repairs it
        assert running.get("/v1/documents/b/text").status == 200


def test_repair_drops_damaged_documents_and_keeps_the_rest(qa: Run, data: Path) -> None:
    flip(data, small.mark("b", 1).encode())
    repaired = qa("--data", data, "check", "--repair")
    assert repaired.code == 0, repaired.stderr
    assert "lost: b" in repaired.stdout
    assert listed(qa, data) == {"a", "c", "d"}
    assert found(qa, data, "d")[:1] == ["d"]
    assert "degraded" not in qa("--data", data, "status").stdout


@pytest.fixture
def large(tmp_path: Path, model: str) -> Path:
    """A folder whose documents and passages need an interior page each."""
    with small.open_writer(tmp_path / "data", model) as writer:
        for name in range(30):
            small.put(writer, str(name), 1)
    return tmp_path / "data"


def damage_root(data: Path, table: str, place: int) -> None:
    """Invert a byte of the root page, an interior page, of a table's b-tree."""
    with apsw.Connection(str(data / "store.sqlite")) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).get
    connection.close()
    contents = bytearray((data / "store.sqlite").read_bytes())
    start = (page - 1) * PAGE_BYTES
    assert contents[start] in (2, 5), "not an interior page"
    contents[start + place] ^= 0xFF
    (data / "store.sqlite").write_bytes(contents)


@pytest.mark.parametrize(
    ("table", "place"),
    [("passages", 0), ("passages", 4), ("passages", 13), ("documents", 13), ("vectors", 0)],
    ids=["page type", "number of children", "child", "child of documents", "vectors"],
)
def test_repairs_a_damaged_interior_page(qa: Run, large: Path, table: str, place: int) -> None:
    names = {str(name) for name in range(30)}
    damage_root(large, table, place)
    checked = qa("--data", large, "check")
    assert checked.code == 1
    assert "qa check --repair" in checked.stdout
    repaired = qa("--data", large, "check", "--repair")
    assert repaired.code == 0, repaired.stderr
    lost = {line.removeprefix("lost: ") for line in repaired.stdout.splitlines() if line.startswith("lost: ")}
    assert len(lost) < len(names)
    assert lost == set() or table == "documents"
    assert listed(qa, large) == names - lost
    assert found(qa, large, max(names - lost))[:1] == [max(names - lost)]
    assert (large / "store.sqlite.before-repair").exists()


def test_names_the_backup_where_repair_is_impossible(qa: Run, large: Path, tmp_path: Path) -> None:
    assert qa("--data", large, "backup", tmp_path / "all.backup").code == 0
    damage_root(large, "documents", 0)
    assert qa("--data", large, "check").code == 1
    before = (large / "store.sqlite").read_bytes()
    repaired = qa("--data", large, "check", "--repair")
    assert repaired.code == 1
    message = repaired.stderr.splitlines()[-1]
    assert "qa restore FILE" in message
    assert "qa check" not in message
    assert (large / "store.sqlite").read_bytes() == before
    assert qa("--data", large, "restore", tmp_path / "all.backup").code == 0
    assert qa("--data", large, "check").code == 0
    assert len(listed(qa, large)) == 30


def test_restores_a_backup_made_while_the_server_ran(
    qa: Run, data: Path, start_server: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "all.backup"
    assert qa("--data", data, "key", "create", "--role", "read", "--name", "the search box").code == 0
    (data / "questions.jsonl").write_text('{"question": "kept"}\n')
    with start_server(data) as running:
        assert qa("--data", data, "backup", file).code == 0
        job = running.add(id="later", title="Later", text="Added after the backup.")
        assert running.finished(job)["status"] == "done"
        assert running.request("DELETE", "/v1/documents/a").status == 200
        refused = qa("--data", data, "restore", file)
        assert refused.code == 1
        assert str(running.process.pid) in refused.stderr
    restored = qa("--data", data, "restore", file)
    assert restored.code == 0, restored.stderr
    assert listed(qa, data) == {"a", "b", "c", "d"}
    # A document deleted after the backup is found again: the later index is not used.
    assert found(qa, data, "a")[:1] == ["a"]
    assert qa("--data", data, "check").code == 0
    elsewhere = tmp_path / "elsewhere"
    assert qa("--data", elsewhere, "restore", file).code == 0
    assert listed(qa, elsewhere) == {"a", "b", "c", "d"}
    assert "the search box" in qa("--data", elsewhere, "key", "list").stdout
    assert (elsewhere / "keys.json").stat().st_mode & 0o777 == 0o600
    assert (elsewhere / "questions.jsonl").read_text() == '{"question": "kept"}\n'


def test_restoring_a_damaged_backup_changes_nothing(qa: Run, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.backup"
    assert qa("--data", data, "backup", file).code == 0
    contents = bytearray(file.read_bytes())
    contents[contents.index(small.mark("c", 1).encode())] ^= 1
    file.write_bytes(contents)
    before = (data / "store.sqlite").read_bytes()
    refused = qa("--data", data, "restore", file)
    assert refused.code == 1
    assert "nothing was changed" in refused.stderr
    assert (data / "store.sqlite").read_bytes() == before


def test_changes_the_model_and_back(qa: Run, data: Path, model: str, tmp_path: Path) -> None:
    other = small.make_model(tmp_path / "other", data / "models", seed=1)
    mismatch = qa("--data", data, "search", "wizard", QA_MODEL=other)
    assert mismatch.code == 1
    assert "qa rebuild --model" in mismatch.stderr
    changed = qa("--data", data, "rebuild", "--model", other)
    assert changed.code == 0, changed.stderr
    assert "of" in changed.stderr  # progress
    # Settings stay unchanged: a question is embedded by the model whose vectors are searched.
    assert found(qa, data, "a")[:1] == ["a"]
    assert other in qa("--data", data, "status").stdout
    with small.open_writer(data, None) as writer:
        small.put(writer, "e", 1)
    back = qa("--data", data, "rebuild", "--model", model)
    assert back.stdout.startswith(f"{small.text_of('e', 1).count('# Part')} passages")  # only the new document
    assert found(qa, data, "e")[:1] == ["e"]
    dropped = qa("--data", data, "rebuild", "--drop-old")
    assert "Deleted the vectors" in dropped.stdout
    with apsw.Connection(str(data / "store.sqlite")) as connection:
        assert connection.execute("SELECT count(DISTINCT fingerprint) FROM vectors").get == 1
    assert qa("--data", data, "check").code == 0


def test_migrates_format_1_after_a_backup(qa: Run, tmp_path: Path) -> None:
    shutil.copytree(OLD, tmp_path / "old")
    assert listed(qa, tmp_path / "old") == {"fees", "wizards"}
    backup = tmp_path / "old" / "store.sqlite.format-1"
    with apsw.Connection(str(backup)) as connection:
        assert connection.pragma("user_version") == 1
    checked = qa("--data", tmp_path / "old", "check")
    assert (checked.code, checked.stderr) == (0, "")
    with apsw.Connection(str(tmp_path / "old" / "store.sqlite")) as connection:
        assert connection.pragma("user_version") == 5
        assert connection.execute("SELECT count(*) FROM jobs WHERE status = 'queued'").get == 1
        assert connection.execute("SELECT text FROM documents WHERE id = 'fees'").get.startswith("Fees\nAn adult passport")


def test_migrates_format_2_after_a_backup(qa: Run, tmp_path: Path) -> None:
    data = tmp_path / "old"
    shutil.copytree(OLD.with_name("format-2"), data)
    listed_json = qa("--data", data, "list", "--json").stdout
    assert "/srv" not in listed_json
    assert {line.split("\t")[0]: line.split("\t")[2] for line in qa("--data", data, "list").stdout.splitlines()} == {
        "fees": "fees.txt",
        "other": "",
        "page": "https://example.org/page",
    }
    with apsw.Connection(str(data / "store.sqlite.format-2")) as connection:
        assert connection.pragma("user_version") == 2
    checked = qa("--data", data, "check")
    assert (checked.code, checked.stderr) == (0, "")
    database = Database(data)
    store, jobs = Store(database), JobQueue(database)
    (fees,) = store.documents_from("/srv/documents/leaflets/fees.txt")
    assert (fees.source_hash, fees.file_name, fees.metadata["publisher"]) == ("f" * 64, "fees.txt", "HMPO")
    assert len(store.passages_of("fees")) == 3
    assert [(job.name, job.status, job.kind) for job in jobs.jobs(None, None, 100)] == [
        ("queued.txt", "queued", "file"),
        ("document.jsonl", "queued", "record"),
        ("https://example.org/later", "queued", "address"),
        ("broken.pdf", "failed", "file"),
        ("done.txt", "done", "file"),
    ]
    assert jobs.take() is not None
    assert jobs.accept("a.txt", b"", "a").id == 6
    database.close()


def test_migrates_format_3_in_place(qa: Run, tmp_path: Path) -> None:
    data = tmp_path / "old"
    shutil.copytree(OLD.with_name("format-3"), data)
    listed_json = [json.loads(line) for line in qa("--data", data, "list", "--json").stdout.splitlines()]
    assert [(one["id"], one["title"], one["collection"], one["access"], one["edited"]) for one in listed_json] == [
        ("fees", "Fees", "default", None, []),
        ("wizards", "Wizards and witches", "default", None, ["metadata", "title"]),
    ]
    assert not list(data.glob("store.sqlite.format-*"))
    checked = qa("--data", data, "check")
    assert (checked.code, checked.stderr) == (0, "")
    database = Database(data)
    jobs = JobQueue(database)
    assert [(job.name, job.status) for job in jobs.jobs(None, None, 100)] == [
        ("queued.txt", "queued"),
        ("broken.pdf", "failed"),
        ("done.txt", "done"),
        ("Wizards and witches", "done"),
    ]
    taken = jobs.take()
    assert taken is not None
    assert taken[1] == b"Queued words."
    assert jobs.accept("a.txt", b"", "a").id == 5
    database.close()
