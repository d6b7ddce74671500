"""The expected type of an answer (date, number, name, reason) and the words that can be one. Pure; for English."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

from index.text.analysis import ENGLISH, stop_words


class AnswerType(Enum):
    DATE = "date"
    NUMBER = "number"
    NAME = "name"
    REASON = "reason"
    OTHER = "other"


def _cue(cues: str, nouns: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{cues})\b|\b(?:what|which) (?:\w+ )?(?:{nouns})\b", re.IGNORECASE)


_CUES = (
    (
        AnswerType.DATE,
        _cue("when|how long ago", "years?|dates?|days?|months?|decades?|century|centuries|time|eras?"),
    ),
    (
        AnswerType.NUMBER,
        _cue(
            "how (?:many|much|long|old|far|large|big|tall|high|fast|often|wide|deep|few)|percentage",
            r"percent\w*|number|amount|fraction|proportion|population|size|age|temperature|portion|distance|length|cost|price|fee|limit",
        ),
    ),
    (
        AnswerType.NAME,
        _cue(
            "who(?:m|se)?|where",
            "person|king|queen|man|woman|president|leader|author|scientists?|people|group|company|companies|organi[sz]ations?|team|player"
            "|emperor|name|city|country|countries|state|river|place|location|county|region|area|town|continent|street|island|nation"
            "|building|bank|university|minister",
        ),
    ),
    (AnswerType.REASON, _cue("why", "(?:reason|cause|purpose|caused)s?")),
)
_DATE = re.compile(
    r"(?:1\d|20)\d\ds?|\d+(?:st|nd|rd|th)|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday|century|decade"
)
_NUMBER = re.compile(
    r"\d.*|[£$€%]|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|twenty|thirty"
    r"|forty|fifty|hundreds?|thousands?|millions?|billions?|dozens?|half|third|quarter|twice|once|first|second"
)
_REASON = re.compile(
    r"\b(?:because|due to|since|as a result|so that|in order to|result\w* (?:of|from|in)|caused|reason|therefore|thus|lead|led|to \w+)\b",
    re.IGNORECASE,
)


def answer_type(question: str) -> AnswerType:
    """The first type whose cue is in the question."""
    return next((kind for kind, cue in _CUES if cue.search(question)), AnswerType.OTHER)


def candidate_words(kind: AnswerType, words: Sequence[str]) -> list[tuple[int, str]]:
    """The words of a sentence that can be an answer of this type, in lower case with their positions."""
    if kind is AnswerType.NAME:  # but not the first word, which is always capitalised
        capitals = [(place, word.lower()) for place, word in enumerate(words) if word[0].isupper() and place]
        return [(place, lower) for place, lower in capitals if lower not in stop_words(ENGLISH)]
    pattern = {AnswerType.DATE: _DATE, AnswerType.NUMBER: _NUMBER}.get(kind)
    if pattern is None:
        return []
    return [(place, lower) for place, word in enumerate(words) if pattern.fullmatch(lower := word.lower())]


@lru_cache(maxsize=4096)
def gives_reason(sentence: str) -> bool:
    return _REASON.search(sentence) is not None
