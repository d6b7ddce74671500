"""Text -> terms of the lexical index. Pure, the same for passages and questions.

Lower case without accents, words of at least two characters, no English stop words, Snowball English stems. Chinese, Japanese, Thai,
Khmer, Lao and Burmese are written without spaces and become overlapping pairs of characters. Dates, numbers and codes are
normalised first (`index/text/notations.py`).
"""

from __future__ import annotations

import re
import threading
import unicodedata

import Stemmer

from index.text.notations import normalize_notation

# fmt: off
# The English stop words of Lucene and tantivy, plus question words and auxiliaries.
STOP_WORDS = frozenset(
    "a about above after again all also am an and any are as at be because been before being below between both but by can could"
    " did do does doing down during each few for from further had has have having he her here hers herself him himself his how i"
    " if in into is it its itself just me more most my myself no nor not now of off on once only or other our ours ourselves out"
    " over own same she should so some such than that the their theirs them themselves then there these they this those through to"
    " too under until up very was we were what when where which while who whom why will with would you your yours yourself"
    " yourselves dont cant wont didnt doesnt isnt arent wasnt werent havent hasnt wouldnt couldnt shouldnt im ive youre thats whats"
    " theres".split()
)

_WORD = re.compile(r"\w\w+")
_ACCENTS = re.compile("[\u0300-\u036f\u064b-\u0652]+")  # of Latin, Greek and Cyrillic letters; Arabic short vowels
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
CACHED_STEMS = 2_000  # per thread
_local = threading.local()  # a Stemmer has a cache and is not thread-safe


def words(text: str) -> list[str]:
    """Lower-case words without accents, in order, with stop words, unstemmed."""
    if not text.isascii():
        text = _UNSPACED.sub(_pairs, fold(text))
    return _WORD.findall(normalize_notation(text).lower())


def fold(text: str) -> str:
    """Remove accents and replace compatibility forms such as ligatures and full-width letters."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))


def is_unspaced(text: str) -> bool:
    """Whether the text contains a script that is written without spaces."""
    return not text.isascii() and _UNSPACED.search(text) is not None


def terms(text: str) -> list[str]:
    """Stemmed words without stop words, in order."""
    return stems([word for word in words(text) if word not in STOP_WORDS])


def stems(words_: list[str]) -> list[str]:
    if len(words_) > CACHED_STEMS:  # such as a vocabulary: storing and evicting would take longer than stemming
        return list(Stemmer.Stemmer("english", 0).stemWords(words_))
    stemmer = getattr(_local, "stemmer", None)
    if stemmer is None:
        stemmer = _local.stemmer = Stemmer.Stemmer("english", CACHED_STEMS)
    return list(stemmer.stemWords(words_))


def _pairs(run: re.Match[str]) -> str:
    characters = run[0]
    pairs = [characters[i : i + 2] for i in range(len(characters) - 1)] or [characters * 2]
    return f" {' '.join(pairs)} "
