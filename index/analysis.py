"""Text to terms for the lexical leg: pure, the same for passages and questions.

Lower case without accents, words of two characters or more, English stop words out, Snowball English stems. Runs of Chinese,
Japanese, Thai, Khmer, Lao and Burmese script have no spaces to cut at and become overlapping pairs of characters.
"""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable

import Stemmer

from index.types import LexicalQuery

# fmt: off
# The stop words of Lucene's and tantivy's English lists, with the question words and auxiliaries that say nothing of the topic.
STOP_WORDS = frozenset(
    "a about above after again all also am an and any are as at be because been before being below between both but by can could"
    " did do does doing down during each few for from further had has have having he her here hers herself him himself his how i"
    " if in into is it its itself just me more most my myself no nor not now of off on once only or other our ours ourselves out"
    " over own same she should so some such than that the their theirs them themselves then there these they this those through to"
    " too under until up very was we were what when where which while who whom why will with would you your yours yourself"
    " yourselves".split()
)

_WORD = re.compile(r"\w\w+")
_ACCENTS = re.compile("[\u0300-\u036f\u064b-\u0652]+")  # of Latin, Greek and Cyrillic letters; Arabic short vowels
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_local = threading.local()  # a Stemmer keeps a cache and must not be shared between threads


def words(text: str) -> list[str]:
    """Lower-case words without accents, in order, stop words included, stems not taken."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))
        text = _UNSPACED.sub(_pairs, text)
    return _WORD.findall(text.lower())


def terms(text: str) -> list[str]:
    """The terms of a text in their order: words without stop words, stemmed."""
    return stems([word for word in words(text) if word not in STOP_WORDS])


def stems(words_: list[str]) -> list[str]:
    stemmer = getattr(_local, "stemmer", None)
    if stemmer is None:
        stemmer = _local.stemmer = Stemmer.Stemmer("english")
    return list(stemmer.stemWords(words_))


def lexical_query(
    terms_: list[str], document_frequency: Callable[[str], int], passages: int, mean_length: float
) -> LexicalQuery:
    """Weights of the terms that the corpus holds: `ln(1 + (N - df + .5) / (df + .5))` times their occurrences in the question.

    Robertson and Zaragoza, The Probabilistic Relevance Framework (2009), with the idf of Lucene, which is never negative.
    """
    weights = []
    for term, occurrences in Counter(terms_).items():
        frequency = document_frequency(term)
        if frequency > 0:
            weights.append((term, occurrences * inverse_document_frequency(frequency, passages)))
    return LexicalQuery(tuple(weights), mean_length)


def inverse_document_frequency(frequency: int, passages: int) -> float:
    """`frequency` may exceed `passages` by those removed since the index was built; it is taken as equal then."""
    frequency = min(frequency, passages)
    return math.log1p((passages - frequency + 0.5) / (frequency + 0.5))


def _pairs(run: re.Match[str]) -> str:
    characters = run[0]
    pairs = [characters[i : i + 2] for i in range(len(characters) - 1)] or [characters * 2]
    return f" {' '.join(pairs)} "
