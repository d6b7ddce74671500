"""Purging the ids of removed passages: the table stays small, and removed passages are never found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.types import Document
from index.embedded.policy import Policy
from index.embedded.segments import generations
from index.embedded.segments.generations import generations_folder
from index.embedded.segments.manifest import MANIFEST
from qa.assembly import open_to_write
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.settings.reading import read_settings

NOTES, ROUNDS = 5, 6
POLICY = Policy(unindexed=3, merged_at_once=6)
QUESTION = "Where does the otter live?"


@pytest.fixture
def folder(data_folder: Callable[[], Path]) -> Path:
    return data_folder()


def open_writer(folder: Path) -> DocumentWriter:
    return open_to_write(read_settings({"data": folder}, {}), policy=POLICY)


def put(writer: DocumentWriter, number: int, version: int) -> None:
    text = f"Version {version} of note {number} says where the otter lives in month {version % 12 + 1}."
    writer.put(IncomingDocument(f"note-{number}", Document(text=text, title=f"Note {number}")))


def replace_notes(writer: DocumentWriter, versions: range = range(ROUNDS)) -> None:
    for version in versions:
        for number in range(NOTES):
            put(writer, number, version)
            writer.engine.maintain()
    writer.engine.wait_for_merges()


def removed_ids(writer: DocumentWriter) -> set[int]:
    return {i for (i,) in writer.engine.database.rows("SELECT id FROM removed_passages")}


def assert_finds_only_stored_passages(writer: DocumentWriter) -> None:
    stored = {i for ids in writer.engine.store.ids_in_batches() for i in ids}
    assert {c.passage_id for c in writer.engine.search(writer.engine.prepare(QUESTION)).candidates} == stored
    assert not writer.engine.store.damaged


def test_keeps_only_ids_that_a_generation_holds(folder: Path) -> None:
    with open_writer(folder) as writer:
        replace_notes(writer)
        assert writer.engine.store.last_passage_id() >= NOTES * ROUNDS
        writer.engine.rebuild()
        assert_finds_only_stored_passages(writer)
        writer.engine.rebuild()
        assert removed_ids(writer) == set()


def test_number_of_ids_does_not_grow_with_replacements(folder: Path) -> None:
    with open_writer(folder) as writer:
        most = []
        for round_ in range(4):
            replace_notes(writer, range(ROUNDS * round_, ROUNDS * (round_ + 1)))
            most.append(len(removed_ids(writer)))
            assert_finds_only_stored_passages(writer)
        assert max(most) < NOTES * ROUNDS  # of 115 that were removed


def test_generation_before_the_newest_finds_no_removed_passage(folder: Path) -> None:
    with open_writer(folder) as writer:
        replace_notes(writer)
        writer.engine.remove("note-0")
        writer.engine.rebuild()
        newest = generations.list_folders(generations_folder(folder))[-1]
    (newest / MANIFEST).write_text("{}")
    with open_writer(folder) as writer:
        assert writer.engine.generation == int(newest.name) - 1
        assert_finds_only_stored_passages(writer)


def test_crash_between_adoption_and_purge_is_harmless(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with open_writer(folder) as writer:
        replace_notes(writer, range(2))
        with monkeypatch.context() as patched:
            patched.setattr("index.embedded.builder.purge_removed_ids", crash)
            with pytest.raises(KeyboardInterrupt):
                writer.engine.rebuild()
        left = removed_ids(writer)
        assert left
    with open_writer(folder) as writer:
        assert removed_ids(writer) == left
        assert_finds_only_stored_passages(writer)
        writer.engine.rebuild()
        writer.engine.rebuild()
        assert removed_ids(writer) == set()
        assert_finds_only_stored_passages(writer)
