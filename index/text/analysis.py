"""Text -> terms of the lexical index. Pure, the same for passages and questions.

Lower case without accents, words of at least two characters, without stop words, Snowball stems: of a passage in its document's language,
of a question in its own. Chinese, Japanese, Thai, Khmer, Lao and Burmese are written without spaces and become overlapping pairs of
characters. Dates, numbers and codes are normalised first (`index/text/notations.py`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache

import Stemmer

from index.text.notations import normalize_notation
from index.text.stop_words import stop_words_of

ENGLISH = "en"
ENGLISH_ONLY = (ENGLISH,)
# Text in any other language, or in none that is known, is analysed as English.
STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "et": "estonian",
    "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian",
    "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip

_WORD = re.compile(r"\w\w+")
# Of Latin, Greek and Cyrillic letters; Arabic short vowels, hamza and madda on other letters, and lengthening.
_ACCENTS = re.compile("[\u0300-\u036f\u0640\u064b-\u0655\u0670]+")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
MIN_STOP_WORDS = 3  # that tell a language


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


def passage_terms(title: str, body: str, language: str | None) -> tuple[list[str], list[str]]:
    """The terms of a passage's title and body. `language`: its document's, if it is known."""
    in_body = words(body)
    language = language_of(in_body, language)
    return _content_stems(words(title), language), _content_stems(in_body, language)


def language_of(words_: Sequence[str], known: str | None) -> str:
    """The language that words are analysed in. Text with English names may be taken for English or for none: then it is the language with
    most stop words in it, if there are some.
    """
    if known not in (None, ENGLISH):
        return analysed_as(known)
    languages = _languages_of_stop_words()
    counts = Counter(language for word in words_ for language in languages.get(word, ()))
    best = max(counts, key=lambda language: (counts[language], language == ENGLISH), default=ENGLISH)
    return best if counts[best] >= MIN_STOP_WORDS else ENGLISH


def terms(text: str, language: str | None = ENGLISH) -> list[str]:
    """Stemmed words without stop words, in order. `language`: ISO 639-1 code."""
    return _content_stems(words(text), language)


def stems(words_: list[str], language: str | None = ENGLISH) -> list[str]:
    """The stem of each word."""
    # A stemmer is not thread-safe, and made anew in a microsecond. Its cache would be one for each thread, and takes longer than stemming.
    return list(Stemmer.Stemmer(STEMMERS[analysed_as(language)], 0).stemWords(words_))


def stop_words(language: str | None) -> frozenset[str]:
    """In lower case, without accents."""
    return _stop_words(analysed_as(language))


def analysed_as(language: str | None) -> str:
    """The language whose stemmer and stop words are used for text in a language."""
    return language if language in STEMMERS else ENGLISH


def _content_stems(words_: Sequence[str], language: str | None) -> list[str]:
    stop = stop_words(language)
    return stems([word for word in words_ if word not in stop], language)


@cache
def _languages_of_stop_words() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for language in STEMMERS:
        for word in stop_words(language):
            found.setdefault(word, []).append(language)
    return found


@cache
def _stop_words(language: str) -> frozenset[str]:
    return frozenset(fold(word) for word in stop_words_of(language))


def _pairs(run: re.Match[str]) -> str:
    characters = run[0]
    pairs = [characters[i : i + 2] for i in range(len(characters) - 1)] or [characters * 2]
    return f" {' '.join(pairs)} "
