"""Lets the reading model read the most promising units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from corpus.types import Span
from index.types import Matrix, Scores, StoredPassage
from qa.answering.reader.windows import Reader, Window, cut_windows
from qa.answering.units.unit import Unit

READ_WINDOWS, READ_WORDS = 8, 40  # windows that are read at most, and the words of one
CUT_LIST = 600  # code points of a list that reaches beyond its passage

READING_FEATURES = ("reader", "reader's odds", "reader behind best", "read first")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader says of a unit: log-odds, and the shortest answer as a span of the document. `window`: place of its window."""

    score: float
    span: Span
    window: int = 0


@dataclass(frozen=True, slots=True)
class CutWindow:
    """A window, where its text starts in its document, the place of its passage, and the indexes of its units."""

    window: Window
    start: int
    place: int
    units: Sequence[int]


def read_windows(reader: Reader, question: str, windows: Sequence[CutWindow], first: int = 0) -> dict[int, Reading]:
    """Readings by index of the unit, window by window. `first`: the number of windows that were read before these."""
    readings: dict[int, Reading] = {}
    read = reader.read(question, [cut.window for cut in windows])
    for place, (cut, of_window) in enumerate(zip(windows, read, strict=True), first):
        for i, one in zip(cut.units, of_window, strict=True):
            readings[i] = Reading(one.score, (cut.start + one.span[0], cut.start + one.span[1]), place)
    return readings


def reading_features(readings: Mapping[int, Reading]) -> Matrix:
    """Shape (readings, len(READING_FEATURES)), in the order of `readings`."""
    scores = np.array([reading.score for reading in readings.values()], np.float32)
    best = scores.max(initial=-np.inf)
    columns = (np.clip(scores, -10, 10) / 5, 1 / (1 + np.exp(-scores)), np.clip(best - scores, 0, 10) / 5, scores == best)
    return np.stack(columns, axis=1).astype(np.float32)


def windows_in_order(
    units: Sequence[Unit], scores: Scores, found: Sequence[StoredPassage], words: int = READ_WORDS
) -> list[CutWindow]:
    """The windows that hold the units, best first: by the highest score of a unit in them. `words`: of a window at most."""
    cut = [window for place, stored in enumerate(found) for window in _windows(units, place, stored, words)]
    return sorted(cut, key=lambda window: -max(scores[i] for i in window.units))


def _windows(units: Sequence[Unit], place: int, stored: StoredPassage, words: int) -> list[CutWindow]:
    """The windows of a passage; a list that reaches beyond it has its own."""
    passage = stored.passage
    here = [i for i, unit in enumerate(units) if unit.place == place]
    inside = [i for i in here if passage.start <= units[i].start and units[i].end <= passage.end]
    cut = []
    if inside:
        spans = [(units[i].start - passage.start, units[i].end - passage.start) for i in inside]
        lead_ins = [units[i].lead_in for i in inside]
        for window, places in cut_windows(units[inside[0]].headings, passage.text, spans, lead_ins, words):
            first = min(spans[place][0] for place in places)
            cut.append(CutWindow(window, passage.start + first, place, [inside[place] for place in places]))
    for i in here:
        if i not in inside:
            text = units[i].text[:CUT_LIST]
            cut.append(CutWindow(Window(units[i].headings, text, [(0, len(text))]), units[i].start, place, [i]))
    return cut
