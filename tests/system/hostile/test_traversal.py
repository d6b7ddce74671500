"""Path traversal: 200 names that would leave a folder, from every source of names, have no effect."""

from __future__ import annotations

import io
import itertools
import json
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from benchmarks.soak.files import FORMATS
from corpus.readers import read
from corpus.types import Document, ReadError
from index.embedded.store.database import Database
from index.embedded.store.rows import row_hash

STARTS, STEPS = ("", "/", "x/"), ("..", "%2e%2e", "..%c0%af", "....", ".%2e", "..;")
SEPARATORS = ("/", "%2f", "\\", "%5c", "//", "%252f")
NAMES = [
    f"{start}{separator.join([step] * depth)}{separator}etc/passwd"
    for start, step, separator, depth in itertools.product(STARTS, STEPS, SEPARATORS, (1, 8))
]
SOME_OR_ALL = pytest.mark.parametrize("names", [NAMES[::5], pytest.param(NAMES, marks=pytest.mark.long)], ids=["some", "all"])
WORDS = "These are the words of note {}."


def files_below(*places: Path) -> list[Path]:
    return sorted(path for place in places for path in place.iterdir())


def test_there_are_200_names() -> None:
    assert len(set(NAMES)) >= 200


@pytest.mark.parametrize(
    "target", ["/static/{}", "/d/{}", "/v1/documents/{}", "/v1/documents/{}/text", "/v1/passages/{}", "/{}"]
)
def test_url_paths_do_not_escape(server: Any, target: str) -> None:
    for name in NAMES:
        response = server.get(target.format(name))
        assert 400 <= response.status < 500, name
        assert "root:" not in response.text


@pytest.fixture
def untouched(data_folder: Any, start_server: Any, tmp_path: Path) -> Iterator[Any]:
    """A server; at the end, no file was written next to its data folder and none with another name in it."""
    folder = data_folder()
    with start_server(folder) as running:
        before = files_below(tmp_path, folder.parent, Path.cwd()), files_below(folder)
        yield running
        assert (files_below(tmp_path, folder.parent, Path.cwd()), files_below(folder)) == before


@SOME_OR_ALL
def test_uploads_are_stored_under_their_id(untouched: Any, names: list[str]) -> None:
    for number, name in enumerate(names):
        response = untouched.upload(f"{name}.txt", WORDS.format(number).encode(), id=quote(name, safe=""))
        assert response.status in {202, 422}
    untouched.finished(response.json()["job"])


@SOME_OR_ALL
def test_documents_with_hostile_ids_are_found_and_removed(untouched: Any, names: list[str]) -> None:
    """Added by a JSON Lines file that has such a name itself."""
    lines = [json.dumps({"id": name, "title": name, "text": WORDS.format(name)}) for name in names]
    job = untouched.upload("../../lines.jsonl", "\n".join(lines).encode()).json()["job"]
    assert untouched.finished(job)["documents"] == len(names)
    assert set(names) <= {one["id"] for one in untouched.get("/v1/documents?limit=1000").json()["data"]}
    for name in names:
        address = f"/v1/documents/{quote(name, safe='')}"
        assert untouched.get(address).json()["title"] == name
        assert untouched.get(f"{address}/text").json()["text"] == WORDS.format(name)
        assert untouched.request("DELETE", address).status == 200
        body = {"id": name, "title": "", "text": "x"}  # rejected for its title, not its name
        refused = untouched.post("/v1/documents", json.dumps(body).encode())
        assert [error["field"] for error in refused.json()["errors"]] == ["title"]


OPENED: list[str] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and "etc/passwd" in str(arguments[0]):
        OPENED.append(str(arguments[0]))


sys.addaudithook(_note)


def with_member(file: bytes, name: str, parts: Sequence[str]) -> bytes:
    """The archive with another member of this name, also referenced by its relationships."""
    out = io.BytesIO()
    related = f'<Relationship Id="rIdX" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" Target="{name}"/>'
    with zipfile.ZipFile(io.BytesIO(file)) as source, zipfile.ZipFile(out, "w") as target:
        for member in source.namelist():
            content = source.read(member)
            if member in parts:
                content = content.replace(b"</Relationships>", f"{related}</Relationships>".encode())
            target.writestr(member, content)
        target.writestr(name, b"root:x:0:0")
    return out.getvalue()


@SOME_OR_ALL
@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("docx", ["word/_rels/document.xml.rels"]),
        ("xlsx", ["xl/_rels/workbook.xml.rels"]),
        ("pptx", ["ppt/slides/_rels/slide1.xml.rels"]),
    ],
)
def test_hostile_archive_members_are_neither_read_nor_written(kind: str, parts: Sequence[str], names: list[str]) -> None:
    file = FORMATS[kind](1)
    (plain,) = read(file, f"a.{kind}")
    assert isinstance(plain, Document)
    around = files_below(Path.cwd(), Path.cwd().parent)
    for name in names:
        with suppress(ReadError):  # rejecting the file is fine too
            (found,) = read(with_member(file, name, parts), f"a.{kind}")
            assert isinstance(found, Document)
            assert found.text == plain.text
    assert OPENED == []
    assert files_below(Path.cwd(), Path.cwd().parent) == around


def test_restore_rejects_hostile_names(data_folder: Callable[[], Path], qa: Any, tmp_path: Path) -> None:
    data, backup = data_folder(), tmp_path / "backup"
    note = tmp_path / "note.txt"
    note.write_text("A note.")
    assert qa("--data", data, "add", note).code == 0
    assert qa("--data", data, "backup", backup).code == 0
    with closing(Database(tmp_path, file_name="backup")) as database, database.transaction() as connection:
        for name in (*NAMES, "../evil", str(tmp_path / "evil"), "store.sqlite", "qa.toml"):
            connection.execute("INSERT OR REPLACE INTO kept_files VALUES (?, ?, ?)", (name, b"root:", row_hash(name, b"root:")))
    before = files_below(data.parent, tmp_path)
    restored = qa("--data", data, "restore", backup)
    assert restored.code == 0, restored.stderr
    assert files_below(data.parent, tmp_path) == before
    assert {path.name for path in data.rglob("*") if path.is_file() and path.read_bytes()[:5] == b"root:"} == set()
    assert "note" in qa("--data", data, "list").stdout
