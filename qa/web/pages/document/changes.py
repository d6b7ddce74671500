"""What changed between two texts: their lines, and the words of lines that are alike. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

CONTEXT = 3  # unchanged lines shown around a change, the rest of a changed line included
# Lines of a text that are compared; in longer ones all count as changed but those that begin and end both. The time grows with
# the square.
MAX_LINES = 4_000
MAX_WORDS = 1_000  # in lines that were replaced by others, to compare their words
# Lines with a smaller share of words in common are others, not changed ones.
LEAST_ALIKE = 0.4
MOST_FREQUENT = 5  # a line that occurs more often is no place to align two texts at
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")

Kind = Literal["same", "ins", "del"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of either text, or both. `skipped`: the number of unchanged lines that it stands for, without their text."""

    kind: Kind
    text: str
    skipped: int = 0


def changes(old: str, new: str, *, whole: bool = False) -> list[Piece]:
    """The pieces of both texts in order: those that are `same` or `del` are the old text, those that are `same` or `ins` the new one.

    `whole`: also all unchanged lines; otherwise CONTEXT of them around each change.
    """
    found = _merged(_compare_lines(_lines(old), _lines(new)))
    if whole:
        return found
    return [part for number, piece in enumerate(found) for part in _shortened(piece, number == 0, number == len(found) - 1)]


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _compare_lines(old: Sequence[str], new: Sequence[str]) -> Iterator[Piece]:
    first = _common(old, new)
    last = _common(old[first:][::-1], new[first:][::-1])
    yield Piece("same", "".join(old[:first]))
    middle, other = old[first : len(old) - last], new[first : len(new) - last]
    if max(len(middle), len(other)) > MAX_LINES:
        yield from (Piece("del", "".join(middle)), Piece("ins", "".join(other)))
    else:
        counts = Counter([*middle, *other])
        matcher = SequenceMatcher(lambda line: counts[line] > 2 * MOST_FREQUENT, middle, other, autojunk=False)
        for operation, a, b, c, d in matcher.get_opcodes():
            if operation == "equal":
                yield Piece("same", "".join(middle[a:b]))
            else:
                yield from _compare_words("".join(middle[a:b]), "".join(other[c:d]))
    yield Piece("same", "".join(old[len(old) - last :]))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The number of lines with which both begin."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _compare_words(old: str, new: str) -> Iterator[Piece]:
    words, others = _WORDS.findall(old), _WORDS.findall(new)
    if words and others and max(len(words), len(others)) <= MAX_WORDS:
        matcher = SequenceMatcher(str.isspace, words, others, autojunk=False)
        if matcher.ratio() >= LEAST_ALIKE:
            for operation, a, b, c, d in matcher.get_opcodes():
                if operation == "equal":
                    yield Piece("same", "".join(words[a:b]))
                else:
                    yield from (Piece("del", "".join(words[a:b])), Piece("ins", "".join(others[c:d])))
            return
    yield from (Piece("del", old), Piece("ins", new))


def _merged(pieces: Iterator[Piece]) -> list[Piece]:
    """Without empty ones, and neighbours of one kind as one."""
    grouped = groupby((piece for piece in pieces if piece.text), lambda piece: piece.kind)
    return [Piece(kind, "".join(piece.text for piece in same)) for kind, same in grouped]


def _shortened(piece: Piece, is_first: bool, is_last: bool) -> Iterator[Piece]:
    """An unchanged piece as its lines beside the changes before and after it."""
    lines = _lines(piece.text)
    head = 0 if is_first else CONTEXT
    tail = len(lines) - (0 if is_last else CONTEXT)
    if piece.kind != "same" or tail - head < 2:
        yield piece
        return
    shown = (Piece("same", "".join(lines[:head])), Piece("same", "", tail - head), Piece("same", "".join(lines[tail:])))
    yield from (part for part in shown if part.text or part.skipped)
