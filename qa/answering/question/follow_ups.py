"""Follow-up turns -> a question that stands alone. Pure.

A question is never joined with what was said before: that ranks worse than the question alone. Instead the vector of what was said
and the words of the questions before are added with small weights, where the question points back, or where the documents say little
to it by itself and more to it together with what was said. Only “And in Wales?” and its like, which are no questions by themselves,
complete the question before them. docs/decisions/0013-follow-ups.md has the figures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from index.ranking.query import PreparedQuery
from index.text.analysis import terms
from index.types import Vector
from qa.answering.question.names import names_and_numbers
from qa.answering.question.small_talk import small_talk, strip_courtesies
from qa.answering.question.turn import Turn

# By the cosine of the question with the passage nearest to it: from UNAIDED on it needs no help, REACH below that it gets all of it.
UNAIDED = 0.58
REACH = 0.1
LEAST_IF_POINTING_BACK = 0.5
FEW_TERMS = 2
# By what the best passage gains where question and context are sought together (see `_in_common`): up to the first the topic has
# changed, from the second on it has not. A question that points back is believed, unless nothing at all is gained.
IN_COMMON = (0.08, 0.18)
IN_COMMON_IF_POINTING_BACK = (-0.02, 0.04)
CONTEXT_SOUGHT = 0.5  # of the context's vector, beside the question's, when they are sought together
# Of the context's vector, and of the earlier questions' idf, where all help is given.
CONTEXT_WEIGHT = 0.55
QUESTIONS_WEIGHT = 0.3
EARLIER = 4  # questions before the last one
EARLIER_WEIGHT = 0.7  # of them together, beside the last one and its reply
REPLY_WORDS = 30  # of the reply; all of it ranks no better, and takes longer to embed than everything else
TURNS_READ = 40  # of a conversation, the last ones
LONGEST_PHRASE = 5  # words, of “in Wales”
# How a reply begins that found nothing: it says nothing of the topic.
NOT_IN_THESE_DOCUMENTS = "Not in these documents."

_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|theirs|this|that|these|those|he|she|his|her|him|ones|there|such|same|others?|another|else|more)\b",
    re.IGNORECASE,
)
# “Which is cheaper?” and “Which one?” choose among what was said; “Which rivers are navigable?” asks of its own.
_OPENS_AS_FOLLOW_UP = re.compile(
    r"\W*(?P<opening>and|or|but|so|then|also|what about|how about|what if|why|anything|any other"
    r"|which(?= (?:ones?|of|is|are|was|were|do|does|did|can|could|would|should)\b|\W*$))\b",
    re.IGNORECASE,
)
# “And in Wales?”: nothing but a preposition and a few words.
_PLACE_OR_TIME = r"(?:in|on|at|from|for|with|without|under|during|before|after|since|until|within|outside|near)"
_COMPLETES = re.compile(
    rf"(?:(?:and|but|or|so|then|also|ok|okay),? )?(?:(?:what|how) about )?(?P<rest>{_PLACE_OR_TIME}(?: [\w’'&.-]+){{1,4}})\s*\?*",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"\b(?:is|are|was|were|do|does|did|can|could|will|would|should|must|has|have|had|i|you|we|they|he|she|it"
    r"|which|what|who|whom|whose|how|when|where|why)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Context:
    """What was said before a question: the last question with its reply ("" for none), and some questions before it, the latest last."""

    question: str
    reply: str
    earlier: Sequence[str] = ()

    @property
    def said(self) -> str:
        """The last question and the beginning of its reply."""
        return " ".join([self.question, *self.reply.split()[:REPLY_WORDS]])

    @property
    def questions(self) -> str:
        """The last two questions, whose words are looked for besides the question's own."""
        return " ".join([*self.earlier[-1:], self.question])


@dataclass(frozen=True, slots=True)
class FollowUp:
    """How a question reads when it stands alone, how it is searched (with its context), and why."""

    question: str
    asked: PreparedQuery
    reason: str


def completed(question: str, context: Context | None) -> str:
    """“And in Wales?” after “How do I renew a passport?” -> “How do I renew a passport in Wales?”; any other question as it is."""
    return _completed(question, context.question if context else None)


def context_of(history: Sequence[Turn]) -> Context | None:
    """None where nothing was asked before."""
    exchanges = _exchanges(history)
    if not exchanges:
        return None
    return Context(*exchanges[-1], earlier=[question for question, _ in exchanges[:-1][-EARLIER:]])


def follow_up(
    asked: PreparedQuery,
    context: Context,
    nearest: float,
    vector: Callable[[Sequence[str]], Vector],
    best: Callable[[Vector], float],
) -> FollowUp | None:
    """A question with what it needs of its context; None where it stands alone.

    `nearest`: its best cosine with any passage. `vector`: of texts together, of unit length. `best`: the greatest inner product of a
    vector, of whatever length, with any passage.
    """
    pointer = _pointer(asked.question)
    share = _between(UNAIDED, UNAIDED - REACH, nearest)
    if pointer:
        share = max(share, LEAST_IF_POINTING_BACK)
    if not share:
        return None
    said = _context_vector(context, vector)
    gained = _in_common(asked.vector, nearest, said, best)
    share *= _between(*(IN_COMMON_IF_POINTING_BACK if pointer else IN_COMMON), gained)
    if not share:
        return None
    return FollowUp(
        question=f"{asked.question} (after “{context.question}”)",
        asked=_in_context(asked, context, said, share),
        reason=pointer or "the documents say little to it by itself",
    )


def _context_vector(context: Context, vector: Callable[[Sequence[str]], Vector]) -> Vector:
    said = vector([context.said])
    if not context.earlier:
        return said
    together = said + np.float32(EARLIER_WEIGHT) * vector(context.earlier)
    of_unit_length: Vector = together / np.linalg.norm(together)
    return of_unit_length


def _in_common(question: Vector, nearest: float, context: Vector, best: Callable[[Vector], float]) -> float:
    """How much better a passage suits question and context together than the better one of those that suit either alone.

    After a change of topic no passage suits both, and little is gained.
    """
    sought = np.float32(CONTEXT_SOUGHT) * context
    return best(question + sought) - max(nearest, best(sought))


def _in_context(asked: PreparedQuery, context: Context, vector: Vector, share: float) -> PreparedQuery:
    """The question with so much of its context, whose vector this is."""
    together = asked.vector + np.float32(CONTEXT_WEIGHT * share) * vector
    of_unit_length: Vector = together / np.linalg.norm(together)
    return PreparedQuery(asked.question, lambda: of_unit_length, context.questions, QUESTIONS_WEIGHT * share)


def _between(none: float, all_: float, value: float) -> float:
    """0 at `none` and beyond it, 1 at `all_` and beyond it."""
    return min(max((value - none) / (all_ - none), 0.0), 1.0)


def _exchanges(history: Sequence[Turn]) -> list[tuple[str, str]]:
    """Earlier questions, each as it reads by itself, with what was replied ("" for nothing); small talk left out."""
    exchanges: list[tuple[str, str]] = []
    heard = False  # whether the last turn of the user's was a question
    for turn in history[-TURNS_READ:]:
        if turn.role == "user":
            heard = small_talk(turn.content) is None
            if heard:
                exchanges.append((_completed(strip_courtesies(turn.content), exchanges[-1][0] if exchanges else None), ""))
        elif heard and not turn.content.startswith(NOT_IN_THESE_DOCUMENTS):
            exchanges[-1] = (exchanges[-1][0], turn.content)
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
    few = len(set(terms(question))) <= FEW_TERMS and not names_and_numbers(question)
    return "it has few words of its own" if few else None


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
