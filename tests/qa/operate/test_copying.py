"""`qa copy`: everything arrives, also after kills; what differs is reported."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.durability import small
from corpus.types import Document
from index.types import Origin
from qa.assembly import open_reading_engine, open_to_write
from qa.cli.main import main
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.operate.copying import Copier
from qa.operate.keys import Role, create_key
from qa.settings.reading import settings_at
from qa.settings.settings import Settings
from qa.state_files import FolderFiles

DOCUMENTS = 60


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    return small.make_model(folder / "model", folder / "models")


def settings_of(data: Path, model: str, **changes: Any) -> Settings:
    return Settings(data=data, model=model, cache=Path(model).parent / "models", threads=1, **changes)


@pytest.fixture(scope="module")
def source(model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents with originals, edits, metadata and tables, some of them replaced or removed since."""
    folder = tmp_path_factory.mktemp("source")
    with open_to_write(settings_of(folder, model)) as writer:
        for number in range(DOCUMENTS):
            name = f"d{number:02}"
            put(writer, name, 1)
            if number % 5 == 0:
                put(writer, name, 2)
        writer.engine.edit(
            "d07", {"date": "2025-07-21", "metadata": {"topic": "fees"}, "collection": "hr", "access": ["staff"]}
        )
        writer.engine.remove("d08")
        writer.engine.maintain()
    create_key(FolderFiles(folder), "reader", Role.READ)
    (folder / "questions.jsonl").write_text('{"format": 1}\n')
    return folder


def put(writer: DocumentWriter, name: str, version: int) -> None:
    text = small.text_of(name, version)
    document = Document(text=text, title=f"Document {name}", pages=(0, 5), metadata={"number": name, "list": ["a", "b"]})
    with writer.engine.keep_original(f"original of {name} {version}".encode()) as digest:
        origin = Origin(f"/files/{name}.txt", f"{name}.txt", digest, f"{name}.txt", digest)
        writer.put(IncomingDocument(name, document, origin))


def contents(folder: Path, model: str) -> dict[str, Any]:
    """Everything that an engine holds, without the numbers that are its own."""
    with open_to_write(settings_of(folder, model)) as writer:
        engine = writer.engine
        found = {}
        for document in engine.documents(limit=1_000):
            copy = engine.export(document.id)
            assert copy is not None
            fields = {name: getattr(copy.stored, name) for name in type(document).__slots__ if name != "number"}
            original = engine.original(document.id)
            earlier = [(replace(each, stored=replace(each.stored, number=0)), text) for each, text in copy.earlier]
            versions = (copy.since, copy.by, earlier)
            passages, vectors = list(copy.passages), copy.vectors.tolist()
            found[document.id] = (fields, copy.document, passages, vectors, copy.fingerprint, original, versions)
        return found


def copy(qa: Callable[..., Any], model: str, *words: object) -> Any:
    return qa("copy", *words, QA_MODEL=model, QA_CACHE=str(Path(model).parent / "models"), QA_THREADS="1")


def test_copies_everything_there_and_back(qa: Callable[..., Any], source: Path, model: str, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    copied = copy(qa, model, source, there)
    assert copied.code == 0, copied.stderr
    assert f"{DOCUMENTS - 1} documents copied" in copied.stdout
    with open_to_write(settings_of(there, model)) as writer, open_to_write(settings_of(back, model)) as other:
        Copier(writer.engine, other.engine).copy(lambda done, total: None)
    expected = contents(source, model)
    ((version, text),) = expected["d05"][-1][-1]
    assert (text.text, version.until) == (small.text_of("d05", 1), expected["d05"][-1][0])
    assert contents(there, model) == expected
    assert contents(back, model) == expected
    for name in ("keys.json", "questions.jsonl"):
        assert (there / name).read_bytes() == (source / name).read_bytes()


@pytest.fixture(params=["folder", "cluster"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "target") if request.param == "folder" else str(request.getfixturevalue("engine_address"))


def copy_in_a_process(source: Settings, target: Settings, send: small.Send, wait: small.Wait) -> None:
    with closing(open_reading_engine(source)) as ours, open_to_write(target) as theirs:
        send(kind="opened")
        wait()
        Copier(ours, theirs.engine).copy(lambda done, total: None)
        send(kind="ended")


def test_goes_on_after_kills(source: Path, target: str, model: str, tmp_path: Path) -> None:
    chance = random.Random(7)
    folder = settings_of(source, model)
    back = tmp_path / "back"
    for first, second in ((folder, settings_at(folder, target)), (settings_at(folder, target), settings_of(back, model))):
        interrupted = 0
        for most in (0, 0.01, 0.03, 0.1):
            child = small.Child(partial(copy_in_a_process, first, second))
            assert child.line() == {"kind": "opened"}
            child.go()
            time.sleep(chance.uniform(0, most))
            child.kill()
            interrupted += not child.rest()
        assert interrupted
        with closing(open_reading_engine(first)) as ours, open_to_write(second) as theirs:
            copier = Copier(ours, theirs.engine)
            copier.copy(lambda done, total: None)
            before = copier.report.copied
            copier.check(lambda done, total: None)
            assert (copier.report.copied, copier.report.problems) == (before, [])
    assert contents(back, model) == contents(source, model)


def test_leaves_other_documents_alone_unless_told_to_delete_them(
    qa: Callable[..., Any], source: Path, model: str, tmp_path: Path
) -> None:
    with open_to_write(settings_of(source, model)) as ours, open_to_write(settings_of(tmp_path, model)) as theirs:
        put(theirs, "other", 1)
        put(theirs, "d01", 9)
        copier = Copier(ours.engine, theirs.engine)
        copier.copy(lambda done, total: None)
        assert copier.report.others == 1
    expected = contents(source, model)
    assert contents(tmp_path, model) == expected | {"other": contents(tmp_path, model)["other"]}
    copied = copy(qa, model, source, tmp_path, "--delete")
    assert f"0 documents copied to {tmp_path}, {DOCUMENTS - 1} were there already, 1 removed" in copied.stdout
    assert contents(tmp_path, model) == expected


def test_embeds_again_for_another_model(source: Path, model: str, tmp_path: Path) -> None:
    other = small.make_model(tmp_path / "other", tmp_path / "models", seed=1)
    with (
        open_to_write(settings_of(source, model)) as ours,
        open_to_write(settings_of(tmp_path / "target", other)) as theirs,
    ):
        copier = Copier(ours.engine, theirs.engine)
        copier.copy(lambda done, total: None)
        copier.check(lambda done, total: None)
        assert (copier.report.embedded, copier.report.problems) == (DOCUMENTS - 1, [])
        vectors = [engine.export("d01") for engine in (ours.engine, theirs.engine)]
        assert vectors[0]
        assert vectors[1]
        assert vectors[0].vectors.tolist() != vectors[1].vectors.tolist()


def test_copies_again_what_differs_at_the_end(source: Path, model: str, tmp_path: Path) -> None:
    with open_to_write(settings_of(source, model)) as ours, open_to_write(settings_of(tmp_path, model)) as theirs:
        copier = Copier(ours.engine, theirs.engine)
        copier.copy(lambda done, total: None)
        theirs.engine.remove("d03")
        stored = theirs.engine.export("d04")
        assert stored is not None
        theirs.engine.put_copies([replace(stored, passages=stored.passages[1:], vectors=stored.vectors[1:])])
        copier.check(lambda done, total: None)
        assert copier.report.problems == []
    assert contents(tmp_path, model) == contents(source, model)


def test_reports_a_damaged_document_of_the_source(source: Path, model: str, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(source, damaged)
    with open_to_write(settings_of(damaged, model)) as ours, open_to_write(settings_of(tmp_path / "target", model)) as theirs:
        stored = ours.engine.document("d03")
        assert stored is not None
        (original,) = (damaged / "originals").rglob(str(stored.original))
        original.chmod(0o600)
        original.write_bytes(b"something else")
        copier = Copier(ours.engine, theirs.engine)
        copier.copy(lambda done, total: None)
        copier.check(lambda done, total: None)
        assert {line.partition(":")[0] for line in copier.report.problems} == {"d03"}
        assert theirs.engine.content("d03") == ours.engine.content("d03")


def test_refuses_one_folder_for_both(source: Path) -> None:
    refused = CliRunner().invoke(main, ["copy", str(source), str(source)])
    assert (refused.exit_code, "the same" in refused.output) == (2, True)
