"""The words of a text, analysed once and cached. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from corpus.splitting.sentences import sentence_spans
from corpus.types import Span
from index.text.analysis import ENGLISH, fold, is_unspaced, stems, terms
from index.text.notations import normalize_notation

CACHED_TEXTS = 2048  # of documents, about 3 kB each
CACHED_QUESTIONS = 256  # those that are being answered; others would be kept for no use
MIN_PREFIX = 4  # letters

_TOKEN = re.compile(r"\w+|[£$€%]")
_PRONOUN = re.compile(
    r"[\"'“‘(]*(?:It|He|She|They|This|These|Those|That|His|Her|Its|Their|Such|However|But|Also|Another|Both|Here|There)\b"
)


@dataclass(frozen=True, slots=True)
class AnalysedText:
    """The stems of a text in their order, as a set, and sorted."""

    in_order: Sequence[str]
    stems: frozenset[str]
    ordered: Sequence[str]

    def has_prefix(self, prefix: str) -> bool:
        """Whether a stem begins with it."""
        place = bisect_left(self.ordered, prefix)
        return place < len(self.ordered) and self.ordered[place].startswith(prefix)


def tokens(text: str) -> list[str]:
    """Its words and signs of currency and percent."""
    return _TOKEN.findall(normalize_notation(text))


def prefixes(words: Iterable[str]) -> list[tuple[str, str]]:
    """Words that are long enough, each with the beginning that other forms of it share."""
    return [(word, word[: max(MIN_PREFIX, len(word) - 3)]) for word in words if len(word) >= MIN_PREFIX]


def opens_with_pronoun(text: str) -> bool:
    """Whether it begins with a pronoun or another word that points to the sentence before it."""
    return _PRONOUN.match(text) is not None


@lru_cache(maxsize=CACHED_TEXTS)
def analyse(text: str, language: str = ENGLISH) -> AnalysedText:
    """`language`: that of the question whose words are looked for. Cached, because analysing a text takes longer than scoring it."""
    if is_unspaced(text):
        found: Sequence[str] = terms(text, language)
    else:
        lower = [token.lower() for token in tokens(text)]
        found = stems(lower if text.isascii() else [fold(token) for token in lower], language)
    distinct = frozenset(found)
    return AnalysedText(found, distinct, sorted(distinct))


@lru_cache(maxsize=CACHED_TEXTS // 8)
def sentences(text: str, language: str = ENGLISH) -> list[tuple[Span, frozenset[str]]]:
    """The sentences of a passage, each with its stems."""
    return [(span, analyse(text[slice(*span)], language).stems) for span in sentence_spans(text)]
