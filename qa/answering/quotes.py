"""Which sentence, or two adjacent ones, of a passage answers a question. Pure, about 0.1 ms a passage.

A sentence is judged by the share of the question's idf that it covers, whole words first, word beginnings less; by what the
sentence before it covers (more when it opens with "It" or "They"); by how close together the words stand; and by whether it holds
a word of the kind that is asked for. On 1,500 questions of SQuAD 2.0 with their passage given, the quote holds the answer in 90%
(docs/decisions/0004-quotes.md); vectors of sentences gave no more and double the cost of taking documents in.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from corpus.splitting.sentences import sentence_spans
from corpus.types import Span
from index.text.analysis import fold, is_unspaced, stems, terms
from index.text.notations import plain_notation
from qa.answering.answer_types import AnswerType, alike, answer_type, gives_reason

# Weights of the parts; each part is a share of the question's idf, or 0 or 1. Chosen on half of the SQuAD questions.
BEGINNING, CARRIED, CARRIED_BY_PRONOUN, TYPED, NEAR_TYPED, REASON, TOGETHER = 0.35, 0.45, 0.40, 0.30, 0.12, 0.18, 0.45
LEAST_BEGINNING = 4  # letters
PASSAGES_KEPT = 1024  # taken apart, some 20 kB each
WINDOW = 12  # words that count as standing together
REACH = 10  # words between a question's word and a word of the kind asked for
# A neighbour that scores almost as well is quoted too, while the quote stays short.
MARGIN = 0.1
LONGEST_PAIR = 400  # code points

_TOKEN = re.compile(r"\w+|[£$€%]")
_PRONOUN = re.compile(
    r"[\"'“‘(]*(?:It|He|She|They|This|These|Those|That|His|Her|Its|Their|Such|However|But|Also|Another|Both|Here|There)\b"
)


@dataclass(frozen=True, slots=True, eq=False)
class _Sentence:
    """What can be said of a sentence before any question is asked."""

    span: Span
    text: str
    tokens: tuple[str, ...]
    stems_in_order: Sequence[str]
    stems: frozenset[str]
    stems_by_name: Sequence[str]
    opens_with_pronoun: bool
    _alike: dict[AnswerType, Sequence[tuple[int, str]]] = field(default_factory=dict)

    def alike(self, kind: AnswerType) -> Sequence[tuple[int, str]]:
        """Its words that may be an answer of this kind, and where they stand."""
        found = self._alike.get(kind)
        if found is None:
            found = self._alike[kind] = alike(kind, self.tokens)
        return found


class QuoteFinder:
    """Finds quotes for one question. `weights`: the question's terms with their idf, unknown ones included."""

    def __init__(self, question: str, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._total = sum(weights.values()) or 1.0
        self._beginnings = [
            (term, term[: max(LEAST_BEGINNING, len(term) - 3)]) for term in weights if len(term) >= LEAST_BEGINNING
        ]
        self._kind = answer_type(question)
        self._asked = {token.lower() for token in _TOKEN.findall(plain_notation(question))}

    def best(self, text: str) -> Span:
        """The span of the sentence or two that answer best: offsets into `text`. Raises ValueError for blank text."""
        sentences = _sentences(text)
        if not sentences:
            raise ValueError("a passage without text has no quote")
        scores = []
        before: frozenset[str] = frozenset()
        for sentence in sentences:
            scores.append(self._score(sentence, before))
            before = sentence.stems
        return _quoted(sentences, scores, self._kind)

    def _score(self, sentence: _Sentence, before: frozenset[str]) -> float:
        weights, here = self._weights, sentence.stems
        carried = sum(weights[term] for term in weights if term in before and term not in here)
        begun = sum(
            weights[term]
            for term, beginning in self._beginnings
            if term not in here and _holds_beginning(sentence.stems_by_name, beginning)
        )
        typed = self._typed(sentence)
        near = together = covered = 0.0
        if not weights.keys().isdisjoint(here):
            hits = [(place, term) for place, term in enumerate(sentence.stems_in_order) if term in weights]
            near = max((self._weight(term for at, term in hits if abs(at - place) <= REACH) for place in typed), default=0.0)
            together = max(self._weight(term for at, term in hits if 0 <= at - place < WINDOW) for place, _ in hits)
            covered = self._weight(term for _, term in hits)
        carry = CARRIED + (CARRIED_BY_PRONOUN if sentence.opens_with_pronoun else 0.0)
        shares = covered + BEGINNING * begun + carry * carried + NEAR_TYPED * near + TOGETHER * together
        reason = REASON if self._kind is AnswerType.REASON and gives_reason(sentence.text) else 0.0
        return shares / self._total + (TYPED if typed else 0.0) + reason

    def _typed(self, sentence: _Sentence) -> list[int]:
        """Places of words that look like what is asked for and do not stand in the question."""
        if self._kind in (AnswerType.OTHER, AnswerType.REASON):
            return []
        return [place for place, word in sentence.alike(self._kind) if word not in self._asked]

    def _weight(self, found: Iterable[str]) -> float:
        return math.fsum(self._weights[term] for term in set(found))  # whatever the order of the set


def sentence_terms(text: str) -> list[frozenset[str]]:
    """The terms of each sentence of a passage."""
    return [sentence.stems for sentence in _sentences(text)]


@lru_cache(maxsize=PASSAGES_KEPT)
def _sentences(text: str) -> Sequence[_Sentence]:
    """The sentences of a passage; kept for passages found again, since taking a text apart costs more than scoring it."""
    return tuple(_sentence(text[start:end], (start, end)) for start, end in sentence_spans(text))


def _sentence(text: str, span: Span) -> _Sentence:
    tokens = tuple(_TOKEN.findall(plain_notation(text)))
    if is_unspaced(text):
        found = terms(text)
    else:
        lower = [token.lower() for token in tokens]
        found = stems(lower if text.isascii() else [fold(token) for token in lower])
    here = frozenset(found)
    return _Sentence(span, text, tokens, found, here, sorted(here), _PRONOUN.match(text) is not None)


def _holds_beginning(in_order: Sequence[str], beginning: str) -> bool:
    """Whether any of these sorted words begins so."""
    place = bisect_left(in_order, beginning)
    return place < len(in_order) and in_order[place].startswith(beginning)


def _quoted(sentences: Sequence[_Sentence], scores: Sequence[float], kind: AnswerType) -> Span:
    """The best sentence, with the better of its neighbours where that scores almost as well."""
    best = max(range(len(scores)), key=scores.__getitem__)
    neighbours = [place for place in (best - 1, best + 1) if 0 <= place < len(scores)]
    if not neighbours:
        return sentences[best].span
    other = max(neighbours, key=scores.__getitem__)
    start, end = min(best, other), max(best, other)
    pair = (sentences[start].span[0], sentences[end].span[1])
    joins = scores[best] - scores[other] < MARGIN and pair[1] - pair[0] <= LONGEST_PAIR
    return pair if joins else sentences[best].span
