"""The result of a search: scored candidates and what their scores are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from index.text.analysis import ENGLISH
from index.types import Ids, Scores


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage with its fused score, higher is better.

    `similarity`: on the scale of the model; `lexical`: BM25 as a share of its upper bound.
    """

    passage_id: int
    score: float
    similarity: float
    lexical: float


@dataclass(frozen=True, slots=True)
class Candidates(Sequence[Candidate]):
    """Candidates as columns; a Candidate is made when it is read, because only the first few of some hundred are."""

    ids: Ids
    scores: Scores
    similarities: Scores
    shares: Scores

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> Candidate: ...
    @overload
    def __getitem__(self, place: slice) -> list[Candidate]: ...
    def __getitem__(self, place: int | slice) -> Candidate | list[Candidate]:
        if isinstance(place, slice):
            columns = (self.ids[place], self.scores[place], self.similarities[place], self.shares[place])
            return [Candidate(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
        row = (self.ids[place], self.scores[place], self.similarities[place], self.shares[place])
        return Candidate(int(row[0]), *map(float, row[1:]))

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self[:])


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates, best first, for `question`, the text with its spelling corrected.

    `meant`: the question with what may be meant by words that may be misspelt, in their place. `term_weights`: its terms with their idf,
    from the corpus and general language. `best_possible`: upper bound of a score. `contributions`: the parts of the candidates' scores.
    `passages`: the number of passages ranked. `absent`: the question's terms that no passage holds, whether it was ranked or not.
    `partial`: part of the documents could not be searched. `language`: that the terms are of. `synonyms`: as in
    PreparedQuery, those alone whose words passages hold.
    """

    question: str
    meant: str
    candidates: Sequence[Candidate]
    term_weights: Mapping[str, float]
    best_possible: float
    generation: int
    contributions: Mapping[str, Scores]
    passages: int
    absent: Collection[str] = ()
    partial: bool = False
    language: str = ENGLISH
    synonyms: Sequence[tuple[str, str]] = ()
