"""What a reader reads and what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from corpus.types import Span


@dataclass(frozen=True, slots=True)
class Window:
    """Text that is read at once: consecutive text of a document, best not more than 100 words around the units in question.

    `context`: title, headings and lead-in, which cannot be quoted. `units`: spans in `text` that can be quoted; they may overlap.
    """

    context: str
    text: str
    units: Sequence[Span]


WINDOW_WORDS = 100  # the model was trained with windows of up to this length


@dataclass(frozen=True, slots=True)
class UnitReading:
    """`score`: log-odds that the unit answers rather than nothing here. `span`: the shortest answer in the unit, in the window's text."""

    score: float
    probability: float
    span: Span


class Reader(Protocol):
    def reads(self, language: str) -> bool:
        """Whether it was trained for questions in a language, ISO 639-1."""
        ...

    def read(self, question: str, windows: Sequence[Window]) -> list[list[UnitReading]]:
        """A list a window with a reading a unit, in their order. Thread-safe."""
        ...


def cut_windows(
    headings: str, text: str, units: Sequence[Span], lead_ins: Sequence[str], words: int = WINDOW_WORDS
) -> list[tuple[Window, list[int]]]:
    """Windows of at most this many words that hold the units of a text, each with the places of its units in `units`.

    `headings`: the context of all. `lead_ins`: a unit's lead-in or column heads, "" for none; that of a window's first unit is added to
    the context if the window does not hold it. A unit that is longer than a window has its own.
    """
    order = sorted(range(len(units)), key=lambda place: units[place])
    found: list[tuple[Window, list[int]]] = []
    group: list[int] = []
    for place in order:
        if group and _words(text, units, [*group, place]) > words:
            found.append(_window(headings, text, units, lead_ins, group))
            group = []
        group.append(place)
    if group:
        found.append(_window(headings, text, units, lead_ins, group))
    return found


def _words(text: str, units: Sequence[Span], group: Sequence[int]) -> int:
    return len(text[units[group[0]][0] : max(units[place][1] for place in group)].split())


def _window(
    headings: str, text: str, units: Sequence[Span], lead_ins: Sequence[str], group: Sequence[int]
) -> tuple[Window, list[int]]:
    start, end = units[group[0]][0], max(units[place][1] for place in group)
    inside = text[start:end]
    lead_in = lead_ins[group[0]]
    context = " › ".join(part for part in (headings, "" if lead_in in inside else lead_in) if part)
    return Window(context, inside, [(units[place][0] - start, units[place][1] - start) for place in group]), list(group)
