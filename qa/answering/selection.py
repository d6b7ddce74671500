"""Turns chosen units into what an answer shows: quotes in the words of the document, and the units considered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from corpus.types import Span
from index.ranking.result import Ranking
from index.text.analysis import stems, words
from index.types import StoredPassage
from qa.answering.answer import Considered, Result
from qa.answering.choosing.choice import Choice
from qa.answering.choosing.words import sentences
from qa.answering.near_duplicates import are_near_duplicates
from qa.answering.question.names import names_and_numbers
from qa.answering.units.unit import Unit, UnitKind


def quoted_in(unit: Unit, stored: StoredPassage) -> str | None:
    """The text of a unit's quote; None if the passage does not hold it."""
    (start, end), passage = unit.quote, stored.passage
    return passage.text[start - passage.start : end - passage.start] if passage.start <= start and end <= passage.end else None


def quote(choice: Choice, stored: StoredPassage, score: float, text: str, confidence: float) -> Result:
    """A choice's quote, whose words are `text`. `score`: of its passage."""
    unit = choice.unit
    start, end = unit.quote
    is_wider = unit.quote != (unit.start, unit.end)
    is_sentence = unit.kind is UnitKind.SENTENCE
    span = choice.span if choice.span and start <= choice.span[0] and choice.span[1] <= end else None
    return Result(
        stored,
        score,
        unit.quote,
        text,
        kind=UnitKind.LIST if is_wider and not is_sentence else unit.kind,
        span=span or ((unit.start, unit.end) if is_wider else None),
        lead_in="" if is_wider or is_sentence else unit.lead_in,
        more=unit.more,
        confidence=confidence,
    )


def marked(stored: StoredPassage, choices: Sequence[Choice], weights: Mapping[str, float], language: str) -> Span:
    """What is marked in a passage: the quote of its best unit in the passage. If it has none, the sentence with most of the question's
    words, by their `weights`, in their `language`.
    """
    passage = stored.passage
    for choice in choices:
        for span in (choice.unit.quote, (choice.unit.start, choice.unit.end)):
            if passage.start <= span[0] and span[1] <= passage.end:
                return span
    covered = [
        (sum(weights[term] for term in weights if term in stems), span) for span, stems in sentences(passage.text, language)
    ]
    _, (start, end) = max(covered, key=lambda one: one[0], default=(0.0, (0, len(passage.text))))
    return passage.start + start, passage.start + end


def adds_to(answer: Result, other: Result) -> bool:
    """Whether an answer is from another place than `other` and says something else."""
    (start, end), (other_start, other_end) = answer.quote, other.quote
    overlap = answer.stored.document.number == other.stored.document.number and start < other_end and other_start < end
    return not overlap and not are_near_duplicates(answer.quoted_text, other.quoted_text)


@dataclass(frozen=True, slots=True)
class ConsideredUnits(Sequence[Considered]):
    """The units of choices among the units of passages; each is described when it is read, because few answers are explained."""

    choices: Sequence[Choice]
    found: Sequence[StoredPassage]

    def __len__(self) -> int:
        return len(self.choices)

    @overload
    def __getitem__(self, place: int) -> Considered: ...
    @overload
    def __getitem__(self, place: slice) -> list[Considered]: ...
    def __getitem__(self, place: int | slice) -> Considered | list[Considered]:
        if isinstance(place, slice):
            return [_considered(choice, self.found) for choice in self.choices[place]]
        return _considered(self.choices[place], self.found)


def _considered(choice: Choice, found: Sequence[StoredPassage]) -> Considered:
    unit = choice.unit
    return Considered(
        text=unit.text,
        start=unit.start,
        end=unit.end,
        kind=unit.kind,
        passage_id=found[unit.place].id,
        probability=choice.probability,
        features=dict(zip(choice.names, choice.values.tolist(), strict=True)),
        contributions=dict(zip(choice.names, choice.contributions.tolist(), strict=True)),
        reader=choice.reading.score if choice.reading else None,
        span=choice.span,
    )


def missing_names(ranking: Ranking, besides: Sequence[str] = ()) -> list[str]:
    """The names, places and numbers of the question that no document holds, as they are written there.

    `besides`: phrases that are not missing, because documents say the same in other words.
    """
    known = {stem for phrase in besides for stem in stems(words(phrase), ranking.language)}
    names = {name: stem for name in names_and_numbers(ranking.question) for stem in stems([name], ranking.language)}
    absent = [name for name, stem in names.items() if stem in ranking.absent and stem not in known]
    shown = {word.strip(".,;:?!()\"'“”‘’").removesuffix("'s").removesuffix("’s") for word in ranking.question.split()}
    written = {word.lower(): word for word in shown}
    return [written[name] for name in absent if name in written]
