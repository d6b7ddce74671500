"""Which sentence of a passage answers a question. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from corpus.sentences import sentence_spans
from index.analysis import terms


@dataclass(frozen=True, slots=True)
class Quote:
    """A span of a passage's text (offsets into that text) with the share of the question's weight that it covers, 0..1."""

    start: int
    end: int
    coverage: float


def best_quote(text: str, weights: Mapping[str, float]) -> Quote:
    """The sentence that covers most of the question's terms by weight; the first of equals. Raises ValueError for blank text."""
    spans = sentence_spans(text)
    if not spans:
        raise ValueError("a passage without text has no quote")
    quotes = [Quote(start, end, coverage(set(terms(text[start:end])), weights)) for start, end in spans]
    return max(quotes, key=lambda quote: quote.coverage)


def coverage(found: set[str], weights: Mapping[str, float]) -> float:
    """The share of the question's weight whose terms are among `found`; 0 for a question without terms."""
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in found) / total if total else 0.0
