"""The sentence of a passage, or two adjacent ones, that answers best by hand-made rules. Pure, about 0.1 ms a passage.

A sentence's score has these parts: the share of the question's idf that its words cover (word prefixes count less), the share that
only the sentence before it covers (more if it opens with a pronoun), the proximity of the covered words, and whether it contains a
word of the expected answer type. On 1,500 questions of SQuAD 2.0 with the right passage the quote contains the answer in 90%.
Sentence embeddings gave no gain and doubled the cost of adding documents (docs/decisions/0004-quotes.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from benchmarks.quality.baseline.answer_types import AnswerType, answer_type, candidate_words, gives_reason
from corpus.splitting.sentences import sentence_spans
from corpus.types import Span
from qa.answering.choosing.words import AnalysedText, analyse, opens_with_pronoun, prefixes, tokens

# Weights of the parts, each of which is a share of the question's idf, or 0 or 1. Tuned on half of the SQuAD questions.
PREFIX, PREVIOUS, PREVIOUS_IF_PRONOUN, TYPED, NEAR_TYPED, REASON, PROXIMITY = 0.35, 0.45, 0.40, 0.30, 0.12, 0.18, 0.45
CACHED_PASSAGES = 1024  # analysed, about 20 kB each
WINDOW = 12  # words; a larger distance adds nothing to proximity
MAX_DISTANCE = 10  # words between a question's word and a word of the expected type
# A neighbouring sentence is quoted too if its score is within the margin and the quote stays short.
MARGIN = 0.1
MAX_PAIR = 400  # code points


@dataclass(frozen=True, slots=True, eq=False)
class _Sentence:
    """The analysis of a sentence that does not depend on the question."""

    span: Span
    text: str
    tokens: Sequence[str]
    words: AnalysedText
    opens_with_pronoun: bool
    _candidates: dict[AnswerType, Sequence[tuple[int, str]]] = field(default_factory=dict)

    def candidate_words(self, kind: AnswerType) -> Sequence[tuple[int, str]]:
        """Its words that can be an answer of this type, with their positions."""
        found = self._candidates.get(kind)
        if found is None:
            found = self._candidates[kind] = candidate_words(kind, self.tokens)
        return found


class QuoteFinder:
    """Finds quotes for one question. `weights`: term of the question -> idf, including terms that no document has."""

    def __init__(self, question: str, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._total = sum(weights.values()) or 1.0
        self._prefixes = prefixes(weights)
        self._kind = answer_type(question)
        self._question_tokens = {token.lower() for token in tokens(question)}

    def best(self, text: str) -> Span:
        """The span in `text` of the one or two sentences that answer best. Raises ValueError if the text is blank."""
        sentences = _sentences(text)
        if not sentences:
            raise ValueError("cannot quote from a blank passage")
        scores = []
        before: frozenset[str] = frozenset()
        for sentence in sentences:
            scores.append(self._score(sentence, before))
            before = sentence.words.stems
        return _choose_span(sentences, scores, self._kind)

    def _score(self, sentence: _Sentence, before: frozenset[str]) -> float:
        weights, here = self._weights, sentence.words.stems
        previous = sum(weights[term] for term in weights if term in before and term not in here)
        prefixed = sum(
            weights[term] for term, prefix in self._prefixes if term not in here and sentence.words.has_prefix(prefix)
        )
        typed = self._typed(sentence)
        near = proximity = covered = 0.0
        if not weights.keys().isdisjoint(here):
            hits = [(place, term) for place, term in enumerate(sentence.words.in_order) if term in weights]
            near = max(
                (self._weight(term for at, term in hits if abs(at - place) <= MAX_DISTANCE) for place in typed), default=0.0
            )
            proximity = max(self._weight(term for at, term in hits if 0 <= at - place < WINDOW) for place, _ in hits)
            covered = self._weight(term for _, term in hits)
        previous_weight = PREVIOUS + (PREVIOUS_IF_PRONOUN if sentence.opens_with_pronoun else 0.0)
        shares = covered + PREFIX * prefixed + previous_weight * previous + NEAR_TYPED * near + PROXIMITY * proximity
        reason = REASON if self._kind is AnswerType.REASON and gives_reason(sentence.text) else 0.0
        return shares / self._total + (TYPED if typed else 0.0) + reason

    def _typed(self, sentence: _Sentence) -> list[int]:
        """Positions of the words of the expected type that are not in the question."""
        if self._kind in (AnswerType.OTHER, AnswerType.REASON):
            return []
        return [place for place, word in sentence.candidate_words(self._kind) if word not in self._question_tokens]

    def _weight(self, found: Iterable[str]) -> float:
        return math.fsum(self._weights[term] for term in set(found))  # exact, so independent of the set's order


@lru_cache(maxsize=CACHED_PASSAGES)
def _sentences(text: str) -> Sequence[_Sentence]:
    """The sentences of a passage. Cached, because analysing a passage takes longer than scoring it."""
    return tuple(_sentence(text[start:end], (start, end)) for start, end in sentence_spans(text))


def _sentence(text: str, span: Span) -> _Sentence:
    return _Sentence(span, text, tokens(text), analyse(text), opens_with_pronoun(text))


def _choose_span(sentences: Sequence[_Sentence], scores: Sequence[float], kind: AnswerType) -> Span:
    """The span of the best sentence, with its better neighbour if that scores almost as well."""
    best = max(range(len(scores)), key=scores.__getitem__)
    neighbours = [place for place in (best - 1, best + 1) if 0 <= place < len(scores)]
    if not neighbours:
        return sentences[best].span
    other = max(neighbours, key=scores.__getitem__)
    start, end = min(best, other), max(best, other)
    pair = (sentences[start].span[0], sentences[end].span[1])
    joins = scores[best] - scores[other] < MARGIN and pair[1] - pair[0] <= MAX_PAIR
    return pair if joins else sentences[best].span
