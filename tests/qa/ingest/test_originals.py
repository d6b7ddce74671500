"""Original files are kept with their documents: also when the process is killed, in a backup, and until they are removed."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.durability import small
from corpus.sandbox.pool import Sandbox
from corpus.types import Document
from index.embedded.originals import FOLDER, files_in
from index.types import Origin
from qa.ingest.contents import Content, Report, store
from qa.ingest.writer import DocumentWriter, IncomingDocument

Run = Callable[..., Any]
ROUNDS = 8


@pytest.fixture
def data(tmp_path: Path) -> Path:
    small.open_writer(tmp_path / "data", small.make_model(tmp_path / "model", tmp_path / "data" / "models")).close()
    return tmp_path / "data"


def add(writer: DocumentWriter, sandbox: Sandbox, name: str, body: bytes) -> Report:
    report = Report()
    list(store(writer, sandbox, Content(body, name, Origin(f"/srv/{name}", name, file_name=name), name), report))
    return report


def kept(data: Path) -> set[str]:
    return {file.name for file in files_in(data / FOLDER)}


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_an_original_lives_as_long_as_a_document_refers_to_it(data: Path) -> None:
    one, other = b"The wizard studies.", b"A passport costs pounds."
    with small.open_writer(data, None) as writer, Sandbox() as sandbox:
        for name in ("a.txt", "copy.txt"):
            add(writer, sandbox, name, one)
        assert kept(data) == {digest(one)}
        add(writer, sandbox, "a.txt", other)
        assert kept(data) == {digest(one), digest(other)}
        assert (writer.engine.original("a.txt"), writer.engine.original("copy.txt")) == (other, one)
        assert writer.engine.remove("copy.txt")
        assert kept(data) == {digest(other)}
        assert add(writer, sandbox, "broken.pdf", b"%PDF-1.4 broken").failures
        assert kept(data) == {digest(other)}  # nothing was stored from the broken one

        writer.keep_originals = False
        add(writer, sandbox, "b.txt", one)
        assert writer.engine.original("b.txt") is None
        writer.keep_originals = True
        assert add(writer, sandbox, "b.txt", one).outcomes == {"unchanged": 1}
        assert writer.engine.original("b.txt") == one


def test_a_backup_holds_the_originals_and_a_check_finds_their_damage(qa: Run, data: Path, tmp_path: Path) -> None:
    body = b"The wizard studies at the university."
    with small.open_writer(data, None) as writer, Sandbox() as sandbox:
        add(writer, sandbox, "a.txt", body)
    assert '"originals": 1' in qa("--data", data, "status", "--json").stdout
    assert qa("--data", data, "backup", tmp_path / "backup").code == 0
    (file,) = files_in(data / FOLDER)
    Path(file.path).write_bytes(body.replace(b"wizard", b"lizard"))
    checked = qa("--data", data, "check")
    assert checked.code == 1
    assert "a.txt" in checked.stdout
    assert "add its file again" in checked.stdout
    Path(file.path).unlink()
    assert qa("--data", data, "restore", tmp_path / "backup").code == 0
    assert qa("--data", data, "check").code == 0
    with small.open_writer(data, None) as writer:
        assert writer.engine.original("a.txt") == body
        tables = writer.engine.database.rows("SELECT name FROM sqlite_schema WHERE name LIKE 'kept%'")  # type: ignore[attr-defined]
        assert tables == []


def test_kill_9_loses_no_original_of_an_acknowledged_document(data: Path) -> None:
    there: dict[str, str | None] = {}
    chance = random.Random(5)
    for number in range(ROUNDS):
        child = small.Child(partial(_change, data, number, dict(there)))
        first = child.line()
        assert first is not None, "the process ended before it opened the folder"
        assert first["problems"] == []
        before = [child.line() for _ in range(chance.randrange(2, 20))]
        time.sleep(chance.random() * 0.02)
        child.kill()
        begun: str | None = None
        for message in [*before, *child.rest()]:
            assert message is not None, "the process ended by itself"
            assert message["kind"] != "failed", message
            if message["kind"] == "begins":
                begun = message["name"]
            else:
                there[message["name"]] = message["body"]
                begun = None
        if begun is not None:
            there.pop(begun, None)  # either version, or none, but a whole one: see `_problems`
    with small.open_writer(data, None) as writer:
        assert _problems(writer, data, there) == []
    assert len(there) > 3


def _change(data: Path, number: int, there: dict[str, str | None], send: small.Send, _wait: small.Wait) -> None:
    """Put and remove documents with originals until the process is killed."""
    rng = random.Random(number)
    with small.open_writer(data, None) as writer:
        send(kind="opened", problems=_problems(writer, data, there))
        while True:
            name = f"{rng.randrange(8)}.txt"
            send(kind="begins", name=name)
            if rng.random() < 0.3:
                writer.engine.remove(name)
                send(kind="done", name=name, body=None)
                continue
            text = small.text_of(name, rng.randrange(3 if name < "4" else 1_000_000))
            with writer.engine.keep_original(text.encode()) as original:
                origin = Origin(f"/srv/{name}", name, original, name, original)
                writer.put(IncomingDocument(name, Document(text=text, title=name), origin))
            send(kind="done", name=name, body=text)


def _problems(writer: DocumentWriter, data: Path, there: dict[str, str | None]) -> list[str]:
    engine = writer.engine
    engine.maintain()  # sweeps
    documents = {document.id: document for document in engine.documents(None, 1000)}
    wrong = [f"{name} is lost or changed" for name, text in there.items() if (name in documents) != (text is not None)]
    for document_id in documents:
        content, original = engine.content(document_id), engine.original(document_id)
        if content is None or original is None or original != content.text.encode():
            wrong.append(f"{document_id} and its original differ")
        if there.get(document_id) not in (None, content and content.text):
            wrong.append(f"{document_id} is not the acknowledged version")
    if kept(data) != {document.original for document in documents.values()}:
        wrong.append("the originals on disk are not those of the documents")
    return wrong
