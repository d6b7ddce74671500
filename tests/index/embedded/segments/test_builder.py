"""The index keeps up with the store: small segments at once, large ones merged apart; nothing is missed or found twice on the way."""

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
from index.embedded.segments.segment_process import BuildStopped
from qa.assembly import open_to_write
from qa.ingest.writer import DocumentWriter, IncomingDocument, generations_folder
from qa.settings.settings import read_settings

WORDS = "otter heron kingfisher trout salmon dipper vole mayfly alder willow reed sedge".split()
QUESTIONS = ("Where does the otter live?", "salmon and trout", "What grows beside the reed?")
UNINDEXED = 3
POLICY = Policy(unindexed=UNINDEXED, merged_at_once=6)


@pytest.fixture
def folder(data_folder: Callable[[], Path]) -> Path:
    return data_folder()


@pytest.fixture
def library(folder: Path) -> Iterator[DocumentWriter]:
    with open_to_write(read_settings({"data": folder}, {}), policy=POLICY) as opened:
        yield opened


def entry(number: int) -> IncomingDocument:
    one, other = WORDS[number % len(WORDS)], WORDS[(5 * number + 1) % len(WORDS)]
    text = (
        f"Note {number} of the river says where the {one} lives, and that the {other} is seen there in month {number % 12 + 1}."
    )
    return IncomingDocument(f"note-{number}", Document(text=text, title=f"Note {number}"))


def found(library: DocumentWriter) -> dict[str, dict[int, float]]:
    return {q: {c.passage_id: c.score for c in library.searcher.search(q).candidates} for q in QUESTIONS}


def spans(library: DocumentWriter) -> list[tuple[int, int]]:
    generation = library.searcher.adopted
    assert generation is not None
    return [(segment.span.after, segment.span.last) for segment in generation.segments]


def test_every_document_is_found_from_the_moment_it_is_put_whatever_is_built_meanwhile(
    library: DocumentWriter, folder: Path
) -> None:
    most = 0
    for number in range(40):
        library.put(entry(number))
        if number % 7 == 3:
            assert library.remove(f"note-{number - 2}")
        library.build_if_behind()
        stored = {i for n in range(number + 1) for i in library.store.passage_ids(f"note-{n}").tolist()}
        for scores in found(library).values():
            assert set(scores) == stored
        most = max(most, len(spans(library)))
    library.wait_for_merges()
    assert most > 1
    followed = spans(library)
    assert followed[0][0] == 0
    assert all(one[1] == other[0] for one, other in pairwise(followed))
    assert library.searcher.unbuilt <= UNINDEXED
    merged = found(library)
    library.build()
    assert len(spans(library)) == 1
    for question, scores in found(library).items():
        assert scores == pytest.approx(merged[question], abs=1e-5)
    assert len(list(generations_folder(folder).iterdir())) <= POLICY.generations


@pytest.mark.parametrize(
    "policy",
    [replace(POLICY, built_in_process=0), replace(POLICY, exact_passages=0)],
    ids=["in a child process", "with an approximate index"],
)
def test_segments_built_otherwise_find_the_same_and_come_back_after_a_restart(folder: Path, policy: Policy) -> None:
    with open_to_write(read_settings({"data": folder}, {}), policy=policy) as library:
        for number in range(30):
            library.put(entry(number))
        exact = found(library)
        library.build_if_behind()
        before = spans(library)
        assert before
        for question, scores in found(library).items():
            assert scores == pytest.approx(exact[question], abs=1e-5)
    with open_to_write(read_settings({"data": folder}, {}), policy=policy) as reopened:
        assert spans(reopened) == before
        for question, scores in found(reopened).items():
            assert scores == pytest.approx(exact[question], abs=1e-5)


def test_a_build_that_is_stopped_leaves_nothing_behind(library: DocumentWriter, folder: Path) -> None:
    for number in range(5):
        library.put(entry(number))
    stopping = Event()
    stopping.set()
    span = generations.Span(0, library.store.last_passage_id())
    scratch = generations_folder(folder)
    policy = replace(POLICY, built_in_process=0)
    with (
        pytest.raises(BuildStopped),
        generations.build_segment(scratch, library.store, str(library.store.fingerprint), 384, span, stopping, policy),
    ):
        pass
    assert list(scratch.glob(".part-*")) == []


def test_searches_go_on_while_segments_are_built_and_merged(library: DocumentWriter) -> None:
    ended, told, wrong = Event(), [], []

    def search() -> None:
        while not ended.is_set():
            before = len(told)
            seen = len(library.searcher.search(QUESTIONS[0]).candidates)
            if seen < before or seen > library.store.last_passage_id():
                wrong.append((before, seen))

    searching = Thread(target=search)
    searching.start()
    for number in range(40):
        told.append(library.put(entry(number)))
        library.build_if_behind()
    library.wait_for_merges()
    ended.set()
    searching.join()
    assert wrong == []
