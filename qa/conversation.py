"""Follow-up turns -> a question that stands alone. Pure.

A question is never joined with what was said before: that ranks worse than the question alone. Instead the vector of the assistant's
last reply and the words of the first and of the previous question are added with small weights, the more the less the documents say
to the question by itself, and the more it points back. Only “And in Wales?” and its like, which are no questions by themselves,
complete the question before them. docs/decisions/0013-follow-ups.md has the figures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from index.analysis import terms
from qa.small_talk import small_talk

# By the cosine of the question with the passage nearest to it: from UNAIDED on it needs no help, REACH below that it gets all of it.
UNAIDED = 0.57
REACH = 0.1
LEAST_IF_POINTING_BACK = 0.5
FEW_TERMS = 2
# Of the vector of what was said last, and of the earlier questions' idf, where all help is given.
SAID_WEIGHT = 0.5
QUESTIONS_WEIGHT = 0.3
REPLY_WORDS = 30  # of the reply; all of it ranks no better, and takes longer to embed than everything else
LONGEST_PHRASE = 5  # words, of “in Wales”
# How a reply begins that found nothing: it says nothing of the topic.
NOT_IN_THESE_DOCUMENTS = "Not in these documents."

_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|theirs|this|that|these|those|he|she|his|her|him|ones?|there|such|same|others?|another|else|more)\b",
    re.IGNORECASE,
)
_OPENS_AS_FOLLOW_UP = re.compile(
    r"\W*(?P<opening>and|or|but|so|then|also|what about|how about|what if|why|which|anything|any other)\b", re.IGNORECASE
)
# “And in Wales?”: nothing but a preposition and a few words.
_PLACE_OR_TIME = r"(?:in|on|at|from|for|with|without|under|during|before|after|since|until|within|outside|near)"
_COMPLETES = re.compile(
    rf"(?:(?:and|but|or|so|then|also|ok|okay),? )?(?:(?:what|how) about )?(?P<rest>{_PLACE_OR_TIME}(?: [\w’'&.-]+){{1,4}})\s*\?*",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"\b(?:is|are|was|were|do|does|did|can|could|will|would|should|must|has|have|had|i|you|we|they|he|she|it)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What is taken from earlier turns: the vector of `said`, and the terms of `questions`, with these weights, and why.

    `question`: how it reads when it stands alone.
    """

    question: str
    said: str
    said_weight: float
    questions: str
    questions_weight: float
    reason: str


def completed(question: str, history: Sequence[Turn]) -> str:
    """“And in Wales?” after “How do I renew a passport?” -> “How do I renew a passport in Wales?”; any other question as it is."""
    exchanges = _exchanges(history)
    return _completed(question, exchanges[-1][0] if exchanges else None)


def follow_up(question: str, history: Sequence[Turn], nearest: float) -> FollowUp | None:
    """What a question needs of its history; None where it stands alone. `nearest`: its best cosine with any passage."""
    exchanges = _exchanges(history)
    if not exchanges:
        return None
    pointer = _pointer(question)
    share = min(max((UNAIDED - nearest) / REACH, 0.0), 1.0)
    if pointer:
        share = max(share, LEAST_IF_POINTING_BACK)
    if not share:
        return None
    previous, reply = exchanges[-1]
    return FollowUp(
        question=f"{question} (after “{previous}”)",
        said=" ".join([previous, *reply.split()[:REPLY_WORDS]]),
        said_weight=SAID_WEIGHT * share,
        questions=" ".join(dict.fromkeys((previous, exchanges[0][0]))),
        questions_weight=QUESTIONS_WEIGHT * share,
        reason=pointer or "the documents say little to it by itself",
    )


def _exchanges(history: Sequence[Turn]) -> list[tuple[str, str]]:
    """Earlier questions, each as it reads by itself, with what was replied ("" for nothing); small talk left out."""
    exchanges: list[tuple[str, str]] = []
    heard = False  # whether the last turn of the user's was a question
    for turn in history:
        if turn.role == "user":
            heard = small_talk(turn.text) is None
            if heard:
                exchanges.append((_completed(turn.text, exchanges[-1][0] if exchanges else None), ""))
        elif heard and not turn.text.startswith(NOT_IN_THESE_DOCUMENTS):
            exchanges[-1] = (exchanges[-1][0], turn.text)
    return exchanges


def _completed(question: str, previous: str | None) -> str:
    found = _COMPLETES.fullmatch(question.strip())
    return _with_phrase(previous, found["rest"]) if previous and found and not _CLAUSE.search(found["rest"]) else question


def _pointer(question: str) -> str | None:
    """What in a question points back to what was said before it, in words; None for nothing."""
    if opening := _OPENS_AS_FOLLOW_UP.match(question):
        return f"it opens with “{opening['opening']}”"
    if pronoun := _POINTS_BACK.search(question):
        return f"it points back with “{pronoun[0]}”"
    return "it has few words of its own" if len(set(terms(question))) <= FEW_TERMS else None


def _with_phrase(question: str, phrase: str) -> str:
    """The question with the phrase at its end, in place of one that begins with the same word."""
    body = question.rstrip(" ?.!")
    preposition = phrase.split()[0].lower()
    words = body.split()
    for place in range(len(words) - 1, max(len(words) - 1 - LONGEST_PHRASE, 0), -1):
        if words[place].lower() == preposition:
            body = " ".join(words[:place])
            break
    return f"{body} {preposition} {phrase.partition(' ')[2]}?"
