"""Generations on disk: loaded, verified byte by byte, deleted when damaged or foreign, and never out of step with the store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.press_release import press_release
from corpus.types import Document
from index.embedded.dense.flat import FlatDenseIndex
from index.embedded.lexical.tantivy_index import TantivyLexicalIndex
from index.embedded.searcher import Searcher
from index.embedded.segments import generations
from index.embedded.store.store import Store
from index.types import DamagedIndex, Embedder, Ids, IndexedText
from tests.index.searching import search

OpenStore = Callable[..., Store]
PutDocument = Callable[[Store, str, Document], Ids]
QUESTIONS = ("Who signed the memorandum?", "fees for an adult passport", "wizards", "the of", "Natwest Synthesia Oxford")
PASSPORTS = Document(text="An adult passport costs £82.80.\n\nA child's passport costs £53.50.", title="Passport fees")
WIZARDS = Document(text="The wizards of Ankh-Morpork study at the Unseen University.", title="Wizards")


@pytest.fixture
def store(open_store: OpenStore, put_document: PutDocument, tmp_path: Path) -> Store:
    created = open_store(tmp_path, create=True)
    put_document(created, "press-release", press_release())
    put_document(created, "passports", PASSPORTS)
    return created


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "generations"


def build(folder: Path, store: Store, embedder: Embedder) -> generations.Generation:
    return generations.build(folder, store, embedder.fingerprint, embedder.dimension)


def found(searcher: Searcher) -> dict[str, dict[int, float]]:
    """The candidates of every question with their scores."""
    return {question: {c.passage_id: c.score for c in search(searcher, question).candidates} for question in QUESTIONS}


def files_of(generation: Path) -> list[Path]:
    return sorted(path for path in generation.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_no_generation_before_the_first_build(store: Store, folder: Path, embedder: Embedder) -> None:
    assert generations.recover_newest(folder, store, embedder.fingerprint) is None


def test_newest_generation_is_loaded(store: Store, folder: Path, embedder: Embedder) -> None:
    for number in (1, 2, 3):
        assert build(folder, store, embedder).number == number
        loaded = generations.recover_newest(folder, store, embedder.fingerprint)
        assert loaded is not None
        assert (loaded.number, loaded.last_passage_id) == (number, store.last_passage_id())
        (segment,) = loaded.segments
        assert len(segment.vectors) == len(segment.lexical) == store.counts()[1]


def test_searches_are_equal_before_and_after_a_build(store: Store, folder: Path, embedder: Embedder) -> None:
    before = found(Searcher(store, embedder, None))
    after = found(Searcher(store, embedder, build(folder, store, embedder)))
    assert before.keys() == after.keys()
    for question, scores in before.items():
        assert after[question] == pytest.approx(scores, abs=1e-5)


def test_added_passages_are_found_at_once_with_the_scores_of_a_rebuild(
    store: Store, folder: Path, embedder: Embedder, put_document: PutDocument
) -> None:
    searcher = Searcher(store, embedder, build(folder, store, embedder))
    put_document(store, "wizards", WIZARDS)
    (added,) = store.passage_ids("wizards").tolist()
    assert search(searcher, "wizards").candidates[0].passage_id == added
    reopened = Searcher(store, embedder, generations.recover_newest(folder, store, embedder.fingerprint))
    rebuilt = Searcher(store, embedder, build(folder, store, embedder))
    for question, scores in found(rebuilt).items():
        assert found(searcher)[question] == pytest.approx(scores, abs=1e-5)
        assert found(reopened)[question] == pytest.approx(scores, abs=1e-5)


def test_removed_and_replaced_passages_are_not_found(
    store: Store, folder: Path, embedder: Embedder, put_document: PutDocument
) -> None:
    gone = {*store.passage_ids("passports").tolist(), *store.passage_ids("press-release").tolist()}
    searcher = Searcher(store, embedder, build(folder, store, embedder))
    store.remove("passports")
    put_document(store, "press-release", Document(text="Nobody signed a memorandum.", title="Correction"))
    reopened = Searcher(store, embedder, generations.recover_newest(folder, store, embedder.fingerprint))
    rebuilt = Searcher(store, embedder, build(folder, store, embedder))
    for each in (searcher, reopened, rebuilt):
        assert {i for scores in found(each).values() for i in scores} == set(store.passage_ids("press-release").tolist())
        assert not gone & {i for scores in found(each).values() for i in scores}


def test_searcher_adopts_a_new_generation(store: Store, folder: Path, embedder: Embedder, put_document: PutDocument) -> None:
    searcher = Searcher(store, embedder, build(folder, store, embedder))
    put_document(store, "wizards", WIZARDS)
    before = found(searcher)
    searcher.adopt(build(folder, store, embedder))
    assert searcher.generation is not None
    assert searcher.generation.number == 2
    for question, scores in before.items():
        assert found(searcher)[question] == pytest.approx(scores, abs=1e-5)


def test_flipped_byte_in_any_file_discards_the_generation(
    store: Store, folder: Path, embedder: Embedder, tmp_path: Path
) -> None:
    expected = found(Searcher(store, embedder, build(folder, store, embedder)))
    whole = tmp_path / "whole"
    folder.rename(whole)
    names = [path.relative_to(whole) for path in files_of(whole) if path.stat().st_size]
    assert len(names) >= 8
    for name in names:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        damaged = bytearray((folder / name).read_bytes())
        damaged[len(damaged) // 2] ^= 1
        (folder / name).write_bytes(damaged)
        assert generations.load_newest(folder, store, embedder.fingerprint) is None, name
        assert (folder / name).exists()
        assert generations.recover_newest(folder, store, embedder.fingerprint) is None, name
        assert not (folder / name).exists()
    for question, scores in found(Searcher(store, embedder, build(folder, store, embedder))).items():
        assert scores == pytest.approx(expected[question], abs=1e-5)


def test_missing_or_truncated_file_discards_the_generation(
    store: Store, folder: Path, embedder: Embedder, tmp_path: Path
) -> None:
    build(folder, store, embedder)
    whole = tmp_path / "whole"
    folder.rename(whole)
    for name in [path.relative_to(whole) for path in files_of(whole)]:
        for damage in (Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(whole, folder)
            if damage is not Path.unlink and not (folder / name).stat().st_size:
                continue
            damage(folder / name)
            assert generations.recover_newest(folder, store, embedder.fingerprint) is None, name


def test_previous_generation_serves_when_the_newest_is_damaged(
    store: Store, folder: Path, embedder: Embedder, put_document: PutDocument
) -> None:
    build(folder, store, embedder)
    put_document(store, "wizards", WIZARDS)
    build(folder, store, embedder)
    next((folder / "000002").glob("*/vectors.faiss")).write_bytes(b"not an index")
    generation = generations.recover_newest(folder, store, embedder.fingerprint)
    assert generation is not None
    assert generation.number == 1
    (added,) = store.passage_ids("wizards").tolist()
    assert search(Searcher(store, embedder, generation), "wizards").candidates[0].passage_id == added


def test_generation_of_another_store_is_rejected(
    store: Store, folder: Path, embedder: Embedder, open_store: OpenStore, put_document: PutDocument, tmp_path: Path
) -> None:
    build(folder, store, embedder)
    (tmp_path / "other").mkdir()
    other = open_store(tmp_path / "other", create=True)
    put_document(other, "press-release", press_release())
    put_document(other, "passports", PASSPORTS)
    assert other.last_passage_id() == store.last_passage_id()
    shutil.copytree(folder, tmp_path / "other" / "generations")
    assert generations.recover_newest(tmp_path / "other" / "generations", other, embedder.fingerprint) is None


def test_generation_newer_than_its_store_is_rejected(
    store: Store, folder: Path, embedder: Embedder, open_store: OpenStore, put_document: PutDocument, tmp_path: Path
) -> None:
    """As after restoring a backup of the store alone."""
    backup = tmp_path / "backup"
    backup.mkdir()
    (backup / "store.sqlite").write_bytes(b"")
    with_less = shutil.copytree(
        tmp_path, tmp_path.with_name(tmp_path.name + "-before"), ignore=shutil.ignore_patterns("backup")
    )
    put_document(store, "wizards", WIZARDS)
    build(folder, store, embedder)
    shutil.copytree(folder, with_less / "generations")
    assert generations.recover_newest(with_less / "generations", open_store(with_less), embedder.fingerprint) is None


def test_generation_of_another_model_is_rejected(store: Store, folder: Path, embedder: Embedder) -> None:
    build(folder, store, embedder)
    assert generations.load_newest(folder, store, "another fingerprint") is None
    assert generations.recover_newest(folder, store, embedder.fingerprint) is not None


def test_generation_of_a_newer_format_is_rejected(store: Store, folder: Path, embedder: Embedder) -> None:
    build(folder, store, embedder)
    manifest = folder / "000001" / "manifest.json"
    facts = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(facts | {"format": facts["format"] + 1}))
    assert generations.recover_newest(folder, store, embedder.fingerprint) is None


def test_leftovers_of_a_killed_build_are_deleted(store: Store, folder: Path, embedder: Embedder) -> None:
    leftover = folder / ".part-killed" / "generation"
    leftover.mkdir(parents=True)
    (leftover / "vectors.faiss").write_bytes(b"half")
    assert generations.recover_newest(folder, store, embedder.fingerprint) is None
    build(folder, store, embedder)
    assert [path.name for path in folder.iterdir()] == ["000001"]


def test_empty_store_can_be_built_and_searched(open_store: OpenStore, embedder: Embedder, tmp_path: Path) -> None:
    empty = open_store(tmp_path, create=True)
    searcher = Searcher(empty, embedder, build(tmp_path / "generations", empty, embedder))
    assert list(search(searcher, "anything").candidates) == []


def test_index_that_fails_its_self_test_is_not_adopted(
    store: Store, folder: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = TantivyLexicalIndex.add

    def add_other_words(index: TantivyLexicalIndex, ids: Ids, texts: Sequence[IndexedText]) -> None:
        add(index, ids, [replace(text, body="something else") for text in texts])

    build(folder, store, embedder)
    with monkeypatch.context() as patched:
        patched.setattr(TantivyLexicalIndex, "add", add_other_words)
        with pytest.raises(DamagedIndex, match="does not match the store"):
            build(folder, store, embedder)
    assert [path.name for path in folder.iterdir()] == ["000001"]


@pytest.mark.parametrize(("missed", "is_adopted"), [(5, True), (2, False)])
def test_an_index_may_miss_a_few_passages_but_not_half(
    store: Store, folder: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch, missed: int, is_adopted: bool
) -> None:
    search_all = FlatDenseIndex.search
    monkeypatch.setattr(
        FlatDenseIndex, "search", lambda index, vector, k: [i for i in search_all(index, vector, k) if i % missed]
    )
    if is_adopted:
        build(folder, store, embedder)
    else:
        with pytest.raises(DamagedIndex, match="does not match the store"):
            build(folder, store, embedder)
