"""The types of an answer: its quotes, the nearest passages, and the units that were considered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from corpus.types import Span
from index.ranking.result import Ranking
from index.types import StoredDocument, StoredPassage
from qa.answering.confidence import Evidence
from qa.answering.units.unit import UnitKind


@dataclass(frozen=True, slots=True)
class Result:
    """A passage with its score (0..1, descending over the results) and the quote in it.

    `quote` is a span of the document with the words `quoted_text`; in `Answer.results` it lies within the passage, in `Answer.answers`
    it may reach into the neighbours. The other fields are for answers. `span`: the shortest exact answer inside the quote, a span of the
    document. `lead_in`: the lead-in of a list item or the column heads of a table row, "" if the quote holds them. `more`: number of
    list items after the quote. `confidence`: the probability that the quote answers the question. `copies`: other documents with nearly
    the same passage; the newest is quoted.
    """

    stored: StoredPassage
    score: float
    quote: Span
    quoted_text: str
    kind: UnitKind = UnitKind.SENTENCE
    span: Span | None = None
    lead_in: str = ""
    more: int = 0
    confidence: float | None = None
    copies: Sequence[StoredDocument] = ()


@dataclass(frozen=True, slots=True)
class Considered:
    """A unit that could have been quoted: `start` and `end` in its document. `passage_id`: the passage that holds it or a part.

    `features`: their values. `contributions`: their parts of the log-odds of `probability`, as far as they are known.
    `reader`: the reading model's score, None if it did not read the unit. `span`: the reader's, in the document.
    """

    text: str
    start: int
    end: int
    kind: UnitKind
    passage_id: int
    probability: float
    features: Mapping[str, float]
    contributions: Mapping[str, float] = field(default_factory=dict)
    reader: float | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Curated:
    """What the editor decided about a question. `pinned`: passages, in the order of the rules, never the quoted answer by that.

    `hidden`: ids of documents, those of which only passages are hidden too. Both have only what the asker may read. `synonyms`: phrases of
    the question, each with one that was searched too.
    """

    pinned: Sequence[Result] = ()
    hidden: Sequence[str] = ()
    stop_answer: str | None = None
    synonyms: Sequence[tuple[str, str]] = ()


NOTHING_CURATED = Curated()


@dataclass(frozen=True, slots=True)
class Answer:
    """`answers`: up to three quotes from different places, best first; empty if the documents do not answer the question.

    `results` are the nearest passages even then. `confidence`: the probability that the first quote answers, 0..1.
    `corrected`: the question with its spelling corrected; `rewritten`: the question that was searched, with `reason`; None if
    nothing was changed. `read_as`: that with other words for those that may be misspelt, which were searched as well; None if there are
    none. `evidence`: the inputs of `confidence`, None without results. `ranking`: where the results come from.
    `considered`: the units that could have been quoted, best first. `missing`: names, places and numbers of the question that occur
    in none of the documents found. `curated`: what the editor decided about the question, with the passages that are pinned.
    """

    question: str
    corrected: str | None
    answerable: bool
    confidence: float
    evidence: Evidence | None
    answers: Sequence[Result]
    results: Sequence[Result]
    generation: int
    notice: str | None = None
    ranking: Ranking | None = None
    rewritten: str | None = None
    reason: str | None = None
    read_as: str | None = None
    considered: Sequence[Considered] = ()
    missing: Sequence[str] = ()
    curated: Curated = NOTHING_CURATED

    @property
    def shown(self) -> Sequence[Result]:
        """As many passages as `results`, or all that are pinned: those first, then the others by rank."""
        pinned = self.curated.pinned
        ids = {result.stored.id for result in pinned}
        rest = [result for result in self.results if result.stored.id not in ids]
        return [*pinned, *rest[: max(len(self.results) - len(pinned), 0)]]

    @property
    def stop_answer(self) -> str | None:
        """The editor's text for this question; None if it is answered."""
        return None if self.answers else self.curated.stop_answer

    @property
    def quote(self) -> Result | None:
        """The first of the answers."""
        return self.answers[0] if self.answers else None
