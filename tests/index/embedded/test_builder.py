"""Building and merging segments: every stored passage is found exactly once meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import pytest

from corpus.types import Document
from index.embedded.policy import Policy
from index.embedded.segments import generations
from index.embedded.segments.generations import generations_folder
from index.embedded.segments.segment_process import BuildStopped
from qa.assembly import open_to_write
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.settings.reading import read_settings

WORDS = "otter heron kingfisher trout salmon dipper vole mayfly alder willow reed sedge".split()
QUESTIONS = ("Where does the otter live?", "salmon and trout", "What grows beside the reed?")
UNINDEXED = 3
POLICY = Policy(unindexed=UNINDEXED, merged_at_once=6)


@pytest.fixture
def folder(data_folder: Callable[[], Path]) -> Path:
    return data_folder()


@pytest.fixture
def writer(folder: Path) -> Iterator[DocumentWriter]:
    with open_to_write(read_settings({"data": folder}, {}), policy=POLICY) as opened:
        yield opened


def entry(number: int) -> IncomingDocument:
    one, other = WORDS[number % len(WORDS)], WORDS[(5 * number + 1) % len(WORDS)]
    text = (
        f"Note {number} of the river says where the {one} lives, and that the {other} is seen there in month {number % 12 + 1}."
    )
    return IncomingDocument(f"note-{number}", Document(text=text, title=f"Note {number}"))


def found(writer: DocumentWriter) -> dict[str, dict[int, float]]:
    return {q: {c.passage_id: c.score for c in writer.engine.search(writer.engine.prepare(q)).candidates} for q in QUESTIONS}


def spans(writer: DocumentWriter) -> list[tuple[int, int]]:
    _, found = generations.read_layout(generations_folder(writer.engine.store.folder))
    return [(span.after, span.last) for span in found]


def test_finds_every_document_while_segments_are_built_and_merged(writer: DocumentWriter, folder: Path) -> None:
    most = 0
    for number in range(40):
        writer.put(entry(number))
        if number % 7 == 3:
            assert writer.engine.remove(f"note-{number - 2}")
        writer.engine.maintain()
        stored = {i for n in range(number + 1) for i in writer.engine.store.passage_ids(f"note-{n}").tolist()}
        for scores in found(writer).values():
            assert set(scores) == stored
        most = max(most, len(spans(writer)))
    writer.engine.wait_for_merges()
    assert most > 1
    followed = spans(writer)
    assert followed[0][0] == 0
    assert all(one[1] == other[0] for one, other in pairwise(followed))
    assert writer.engine.status().unindexed <= UNINDEXED
    merged = found(writer)
    writer.engine.rebuild()
    assert len(spans(writer)) == 1
    for question, scores in found(writer).items():
        assert scores == pytest.approx(merged[question], abs=1e-5)
    assert len(list(generations_folder(folder).iterdir())) <= POLICY.generations


@pytest.mark.parametrize(
    "policy",
    [replace(POLICY, built_in_process=0), replace(POLICY, exact_passages=0)],
    ids=["in a child process", "with an approximate index"],
)
def test_other_policies_find_the_same_also_after_a_restart(folder: Path, policy: Policy) -> None:
    with open_to_write(read_settings({"data": folder}, {}), policy=policy) as writer:
        for number in range(30):
            writer.put(entry(number))
        exact = found(writer)
        writer.engine.maintain()
        before = spans(writer)
        assert before
        for question, scores in found(writer).items():
            assert scores == pytest.approx(exact[question], abs=1e-5)
    with open_to_write(read_settings({"data": folder}, {}), policy=policy) as reopened:
        assert spans(reopened) == before
        for question, scores in found(reopened).items():
            assert scores == pytest.approx(exact[question], abs=1e-5)


def test_stopped_build_leaves_no_files(writer: DocumentWriter, folder: Path) -> None:
    for number in range(5):
        writer.put(entry(number))
    stopping = Event()
    stopping.set()
    span = generations.Span(0, writer.engine.store.last_passage_id())
    scratch = generations_folder(folder)
    policy = replace(POLICY, built_in_process=0)
    with (
        pytest.raises(BuildStopped),
        generations.build_segment(
            scratch, writer.engine.store, str(writer.engine.store.fingerprint), 384, span, stopping, policy
        ),
    ):
        pass
    assert list(scratch.glob(".part-*")) == []


def test_searches_during_builds_and_merges_see_all_stored_documents(writer: DocumentWriter) -> None:
    ended, told, wrong = Event(), [], []

    def search() -> None:
        while not ended.is_set():
            before = len(told)
            seen = len(writer.engine.search(writer.engine.prepare(QUESTIONS[0])).candidates)
            if seen < before or seen > writer.engine.store.last_passage_id():
                wrong.append((before, seen))

    searching = Thread(target=search)
    searching.start()
    for number in range(40):
        told.append(writer.put(entry(number)))
        writer.engine.maintain()
    writer.engine.wait_for_merges()
    ended.set()
    searching.join()
    assert wrong == []
