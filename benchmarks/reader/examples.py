"""Training examples of the reading model: a question and a window of text, its units, and which of them answer."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from corpus.splitting.sentences import sentence_spans
from corpus.types import Span

Words = tuple[int, int]  # of a window: its length is drawn between them
WINDOW_WORDS: Words = (45, 100)


@dataclass(frozen=True, slots=True)
class Example:
    """`id`: of the question, with "-" and the number of its window. `units`: ordered spans in `text`. `right`: places in
    `units` of those that answer; empty if nothing does.

    `span`: the shortest answer in `text`; None if nothing answers or the set has no short answers.
    """

    id: str
    source: str
    question: str
    context: str
    text: str
    units: Sequence[Span]
    right: Sequence[int]
    span: Span | None

    @property
    def question_id(self) -> str:
        """Windows of one question compete."""
        return self.id.rpartition("-")[0]


def window_example(
    id_: str,
    source: str,
    question: str,
    context: str,
    text: str,
    answer: Span | None,
    draw: random.Random,
    units: Sequence[Span] | None = None,
    *,
    whole: bool = False,
    words: Words = WINDOW_WORDS,
) -> Example | None:
    """An example over consecutive units of `text`, around the answer or anywhere. `words`: the least and the most words.

    The place of the answer in the window is random, so that places teach nothing. None if no window has a unit. `whole`: the answer is
    a unit, not a short span.
    """
    units = sentence_spans(text) if units is None else units
    if not units:
        return None
    holding = [i for i, (start, end) in enumerate(units) if answer and start < answer[1] and answer[0] < end]
    if answer and not holding:
        return None
    first = holding[0] if holding else draw.randrange(len(units))
    last = holding[-1] if holding else first
    first, last = _grow(text, units, first, last, draw.randint(*words), draw)
    shift, end = units[first][0], units[last][1]
    inside = [(s - shift, e - shift) for s, e in units[first : last + 1]]
    span = (answer[0] - shift, min(answer[1], end) - shift) if answer and not whole else None
    return Example(id_, source, question, context, text[shift:end], inside, [i - first for i in holding if i <= last], span)


def _grow(text: str, units: Sequence[Span], first: int, last: int, room: int, draw: random.Random) -> tuple[int, int]:
    def words(place: int) -> int:
        return len(text[units[place][0] : units[place][1]].split())

    used = sum(words(place) for place in range(first, last + 1))
    while True:
        sides = [side for side in (first - 1, last + 1) if 0 <= side < len(units) and used + words(side) <= room]
        if not sides:
            return first, last
        side = draw.choice(sides)
        used += words(side)
        first, last = min(first, side), max(last, side)


def write_examples(path: Path, examples: Iterable[Example]) -> str:
    """Write one JSON object a line and return the SHA-256 of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(json.dumps(asdict(example), ensure_ascii=False) + "\n" for example in examples).encode()
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def read_examples(path: Path) -> Iterator[Example]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            fields = json.loads(line)
            span = fields["span"]
            fields["units"] = [(start, end) for start, end in fields["units"]]
            yield Example(**{**fields, "span": (span[0], span[1]) if span else None})
