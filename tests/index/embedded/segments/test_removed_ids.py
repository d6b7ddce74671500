"""Purging the ids of removed passages: the table stays small, and removed passages are never found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.types import Document
from index.embedded.policy import Policy
from index.embedded.segments import generations
from qa.assembly import open_to_write
from qa.ingest.writer import DocumentWriter, IncomingDocument, generations_folder
from qa.settings.settings import read_settings

NOTES, ROUNDS = 5, 12
POLICY = Policy(unindexed=3, merged_at_once=6)
QUESTION = "Where does the otter live?"


@pytest.fixture
def folder(data_folder: Callable[[], Path]) -> Path:
    return data_folder()


def open_library(folder: Path) -> DocumentWriter:
    return open_to_write(read_settings({"data": folder}, {}), policy=POLICY)


def put(library: DocumentWriter, number: int, version: int) -> None:
    text = f"Version {version} of note {number} says where the otter lives in month {version % 12 + 1}."
    library.put(IncomingDocument(f"note-{number}", Document(text=text, title=f"Note {number}")))


def replace_notes(library: DocumentWriter, versions: range = range(ROUNDS)) -> None:
    for version in versions:
        for number in range(NOTES):
            put(library, number, version)
            library.build_if_behind()
    library.wait_for_merges()


def removed_ids(library: DocumentWriter) -> set[int]:
    return {i for (i,) in library.database.rows("SELECT id FROM removed_passages")}


def assert_finds_only_stored_passages(library: DocumentWriter) -> None:
    stored = {i for ids in library.store.ids_in_batches() for i in ids}
    assert {c.passage_id for c in library.searcher.search(QUESTION).candidates} == stored
    assert not library.store.damaged


def test_keeps_only_ids_that_a_generation_holds(folder: Path) -> None:
    with open_library(folder) as library:
        replace_notes(library)
        assert library.store.last_passage_id() >= NOTES * ROUNDS
        library.build()
        assert_finds_only_stored_passages(library)
        library.build()
        assert removed_ids(library) == set()


def test_number_of_ids_does_not_grow_with_replacements(folder: Path) -> None:
    with open_library(folder) as library:
        most = []
        for round_ in range(4):
            replace_notes(library, range(ROUNDS * round_, ROUNDS * (round_ + 1)))
            most.append(len(removed_ids(library)))
            assert_finds_only_stored_passages(library)
        assert max(most) < NOTES * ROUNDS  # of 235 that were removed


def test_generation_before_the_newest_finds_no_removed_passage(folder: Path) -> None:
    with open_library(folder) as library:
        replace_notes(library)
        library.remove("note-0")
        library.build()
        newest = generations.list_folders(generations_folder(folder))[-1]
    (newest / generations.MANIFEST).write_text("{}")
    with open_library(folder) as library:
        assert library.searcher.generation == int(newest.name) - 1
        assert_finds_only_stored_passages(library)


def test_crash_between_adoption_and_purge_is_harmless(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with open_library(folder) as library:
        replace_notes(library, range(2))
        with monkeypatch.context() as patched:
            patched.setattr("index.embedded.segments.builder.purge_removed_ids", crash)
            with pytest.raises(KeyboardInterrupt):
                library.build()
        left = removed_ids(library)
        assert left
    with open_library(folder) as library:
        assert removed_ids(library) == left
        assert_finds_only_stored_passages(library)
        library.build()
        library.build()
        assert removed_ids(library) == set()
        assert_finds_only_stored_passages(library)
