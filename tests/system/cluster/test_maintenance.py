"""`qa check`, `qa backup` and `qa restore` on a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks.durability import small
from corpus.types import Document
from index.opensearch.documents import rows
from index.opensearch.documents.records import Records
from index.types import EngineUnavailable, Origin
from qa.assembly import open_to_write
from qa.cli.main import main
from qa.curation.stored import stored_curation, write_curation
from qa.ingest.writer import IncomingDocument
from qa.operate.keys import Role, create_key, read_keys, revoke_key
from qa.operate.state import open_connection, state_files_of
from qa.settings.settings import Settings


@pytest.fixture
def settings(engine_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Five documents, each with an original, and a key."""
    monkeypatch.setenv("QA_MODEL", small.make_model(tmp_path / "model", tmp_path / "models"))
    monkeypatch.setenv("QA_CACHE", str(tmp_path / "models"))
    found = Settings(engine=engine_address, model=str(tmp_path / "model"), cache=tmp_path / "models", threads=1)
    with open_to_write(found) as writer:
        for name in "abcde":
            with writer.engine.keep_original(name.encode()) as digest:
                document = Document(text=small.text_of(name, 1), title=f"Document {name}")
                writer.put(IncomingDocument(name, document, Origin(f"/{name}", name, digest, name, digest)))
    create_key(state_files_of(found), "reader", Role.READ)
    return found


def qa(settings: Settings, *words: str) -> Result:
    return CliRunner().invoke(main, ["--engine", str(settings.engine), *words])


def damage(settings: Settings) -> None:
    """A passage of `a` is gone, the text of `b` is another one, the original of `c` is gone; `d` is removed."""
    connection = open_connection(settings)
    records = Records(connection)
    a, b, c = records.records(["a", "b", "c"])
    path = f"/{records.index}/_doc"
    passage = rows.passage_name(a.revision, 0)
    connection.write("DELETE", f"{path}/{passage}", params={"routing": a.key, "refresh": "true"})
    other = rows.content_row(b.key, b.stored.number, Document(text="something else", title="b"))
    connection.write("PUT", f"{path}/{rows.content_name(b.stored.number)}", other, params={"routing": b.key})
    connection.write("DELETE", f"/{connection.index('originals')}/_doc/{c.stored.original}")
    with open_to_write(settings) as writer:
        writer.engine.remove("d")


def test_damage_is_listed_and_a_backup_brings_everything_back(settings: Settings, tmp_path: Path) -> None:
    checked = qa(settings, "check")
    assert (checked.exit_code, "is intact" in checked.output) == (0, True), checked.output
    status = qa(settings, "status").output.splitlines()
    assert status[0].split() == ["cluster", settings.engine]
    assert "documents    5" in status
    write_curation(state_files_of(settings), b'[[rule]]\nwords = ["fee"]\npin = ["a"]\n')
    backup = str(tmp_path / "cluster.backup")
    assert qa(settings, "backup", backup).exit_code == 0
    damage(settings)
    revoke_key(state_files_of(settings), "reader")
    write_curation(state_files_of(settings), b"")
    sampled = qa(settings, "check", "--sample", "0")
    assert [line for line in sampled.output.splitlines() if line.startswith("the document")] == sampled.output.splitlines()[:1]
    assert "the document 'a' has" in sampled.output
    checked = qa(settings, "check")
    assert checked.exit_code == 1
    for words in ("'a'", "the stored text of 'b' is damaged", "is missing; add its file again ('c')"):
        assert words in checked.output
    restored = qa(settings, "restore", backup)
    assert restored.exit_code == 0, restored.output
    checked = qa(settings, "check")
    assert (checked.exit_code, "is intact" in checked.output) == (0, True), checked.output
    with open_to_write(settings) as writer:
        found = {document.id: writer.engine.content(document.id) for document in writer.engine.documents()}
        assert {name: document.text for name, document in found.items() if document} == {
            name: small.text_of(name, 1) for name in "abcde"
        }
        assert writer.engine.original("c") == b"c"
    assert [key.name for key in read_keys(state_files_of(settings))] == ["reader"]
    assert len(stored_curation(state_files_of(settings)).rules) == 1


def test_passages_are_made_again_from_the_text(settings: Settings) -> None:
    connection = open_connection(settings)
    (a,) = Records(connection).records(["a"])
    path = f"/{Records(connection).index}/_doc/{rows.passage_name(a.revision, 0)}"
    connection.write("DELETE", path, params={"routing": a.key, "refresh": "true"})
    assert "run `qa check --repair`" in qa(settings, "check").output
    repaired = qa(settings, "check", "--repair")
    assert (repaired.exit_code, "'a' has new passages" in repaired.output) == (0, True), repaired.output
    assert qa(settings, "rebuild").output == "Index merged.\n"


def test_another_model_takes_over_when_every_document_is_embedded(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = small.make_model(tmp_path / "other", tmp_path / "models", seed=1)
    with open_to_write(settings) as running:
        question = running.engine.prepare(small.text_of("a", 1))
        before = running.engine.search(question).candidates[0].similarity
        b, content = Records(open_connection(settings)).records(["b"])[0], rows.content_name
        path = f"/{Records(open_connection(settings)).index}/_doc/{content(b.stored.number)}"
        open_connection(settings).write("DELETE", path, params={"routing": b.key, "refresh": "true"})
        refused = qa(settings, "rebuild", "--model", other)
        assert (refused.exit_code, "'b'" in refused.output) == (1, True), refused.output
        missed = {"question": small.text_of("a", 1)[:100], "document": "none"}
        (tmp_path / "invariants.jsonl").write_text(json.dumps(missed))
        running.engine.remove("b")  # changes are allowed again
        monkeypatch.setenv("QA_INVARIANTS", str(tmp_path / "invariants.jsonl"))
        refused = qa(settings, "rebuild", "--model", other)
        assert (refused.exit_code, "1 of 1 invariants" in refused.output) == (1, True), refused.output
        (tmp_path / "invariants.jsonl").write_text(json.dumps(missed | {"document": "a"}))
        rebuilt = qa(settings, "rebuild", "--model", other)
        assert (rebuilt.exit_code, rebuilt.stdout) == (0, "0 documents embedded, index built.\n"), rebuilt.output
        with pytest.raises(EngineUnavailable, match="restart this process"):
            running.engine.remove("a")
        assert running.engine.search(question).candidates[0].similarity == before
        assert running.engine.counts()[0] == 4
    monkeypatch.setenv("QA_MODEL", other)
    with open_to_write(settings.model_copy(update={"model": other})) as restarted:
        assert [document.id for document in restarted.engine.documents()] == ["a", "c", "d", "e"]
        assert restarted.engine.search(restarted.engine.prepare(small.text_of("a", 1))).candidates
        assert restarted.engine.original("c") == b"c"
        assert restarted.engine.remove("d")
        dropped = qa(settings, "rebuild", "--drop-old")
        assert (dropped.exit_code, "Deleted the vectors" in dropped.output) == (0, True), dropped.output
    assert qa(settings, "check").exit_code == 0


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["--data", str(tmp_path), "check", "--sample", "3"]).exit_code == 2
    refused = CliRunner().invoke(main, ["--data", str(tmp_path), "work"])
    assert (refused.exit_code, "--engine" in refused.output) == (1, True)
