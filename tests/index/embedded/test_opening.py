"""Opening a data folder: what needs the model, who may write, and what the next step is after an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.types import Document, Passage
from index.embedded.opening import open_engine_to_read, open_engine_to_write
from index.types import Embedder, FingerprintMismatch, ModelError, StoreError
from tests.index.engine.reference import HashingEmbedder


class OtherEmbedder(HashingEmbedder):
    fingerprint = "another"


def hashing(_: str | None) -> tuple[str, Embedder]:
    return "hashing", HashingEmbedder()


def unavailable(_: str | None) -> tuple[str, Embedder]:
    raise ModelError("the model was loaded")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    engine = open_engine_to_write(tmp_path, hashing)
    passages = [Passage(0, 5, "otter", (), "")]
    engine.put("a", Document(text="otter", title="", id="a"), passages, HashingEmbedder().embed_passages(["otter"]))
    engine.rebuild()
    engine.close()
    return tmp_path


def test_lists_documents_and_status_without_the_model(folder: Path) -> None:
    engine = open_engine_to_read(folder, unavailable)
    assert [document.id for document in engine.documents()] == ["a"]
    status = engine.status()
    assert (status.documents, status.passages, status.generation, status.segments, status.unindexed) == (1, 1, 1, 1, 0)
    assert (status.model, status.fingerprint, status.recall, status.written) == ("hashing", "hashing", None, False)
    with pytest.raises(ModelError, match="was loaded"):
        engine.prepare("otter")
    engine.close()


def test_offers_the_stored_model_to_the_opener(folder: Path) -> None:
    offered: list[str | None] = []

    def open_embedder(stored: str | None) -> tuple[str, Embedder]:
        offered.append(stored)
        return hashing(stored)

    engine = open_engine_to_read(folder, open_embedder)
    assert offered == []
    for _ in range(2):
        engine.search(engine.prepare("otter"))
    assert offered == ["hashing"]
    engine.close()


def test_refuses_another_model_and_releases_the_folder(folder: Path) -> None:
    with pytest.raises(FingerprintMismatch, match="qa rebuild --model"):
        open_engine_to_write(folder, lambda _: ("another", OtherEmbedder()))
    open_engine_to_write(folder, hashing).close()


def test_reader_sees_what_the_writer_changed(folder: Path) -> None:
    writer, reader = open_engine_to_write(folder, hashing), open_engine_to_read(folder, hashing)
    found = reader.search(reader.prepare("heron"))
    assert len(found.candidates) == 1
    before = reader.version
    passages = [Passage(0, 5, "heron", (), "")]
    writer.put("b", Document(text="heron", title="", id="b"), passages, HashingEmbedder().embed_passages(["heron"]))
    assert reader.version != before
    assert len(reader.search(reader.prepare("heron")).candidates) == 2
    with pytest.raises(StoreError, match="another process"):
        open_engine_to_write(folder, hashing)
    writer.close()
    reader.close()


def test_names_the_next_step_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="qa serve"):
        open_engine_to_read(tmp_path / "missing", hashing)
