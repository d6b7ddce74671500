"""Follow-up questions: adds the context of a conversation to a question that needs it. Pure.

Joining a question with earlier turns ranks worse than the question alone. Instead the vector of the context and the words of earlier
questions are added with small weights, if the question points back, or if the documents match it poorly alone and better together
with the context. Only a phrase such as “And in Wales?” completes the previous question. docs/decisions/0013-follow-ups.md has the figures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from index.ranking.query import PreparedQuery
from index.text.analysis import terms
from index.types import Vector
from qa.answering.question.names import names_and_numbers
from qa.answering.question.small_talk import small_talk, strip_courtesies
from qa.answering.question.turn import Turn

# Cosine of the question and its nearest passage: from SIMILAR_ENOUGH on the question needs no context, RAMP below it gets all of it.
SIMILAR_ENOUGH = 0.58
RAMP = 0.1
MIN_SHARE_IF_POINTING_BACK = 0.5
FEW_TERMS = 2
# Gain of searching for question and context together (`_joint_gain`): at the first value the topic has changed, from the second on it
# has not. The values are lower for a question that points back.
JOINT_GAIN = (0.08, 0.18)
JOINT_GAIN_IF_POINTING_BACK = (-0.02, 0.04)
JOINT_WEIGHT = 0.5  # of the context vector in the joint search
# Weights of the context vector, and of the idf of earlier questions' terms, at full share.
CONTEXT_WEIGHT = 0.55
QUESTIONS_WEIGHT = 0.3
EARLIER_QUESTIONS = 4  # before the last one
EARLIER_WEIGHT = 0.7  # of them together, relative to the last question and its reply
REPLY_WORDS = 30  # of the reply; more does not rank better and takes longer to embed
MAX_TURNS = 40  # of a conversation, the last ones
MAX_PHRASE_WORDS = 5  # of a phrase such as “in Wales”
# Start of a reply that found nothing. It is not part of the context.
NOT_IN_THESE_DOCUMENTS = "Not in these documents."

_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|theirs|this|that|these|those|he|she|his|her|him|ones|there|such|same|others?|another|else|more)\b",
    re.IGNORECASE,
)
# “Which is cheaper?” and “Which one?” refer to earlier turns; “Which rivers are navigable?” stands alone.
_OPENS_AS_FOLLOW_UP = re.compile(
    r"\W*(?P<opening>and|or|but|so|then|also|what about|how about|what if|why|anything|any other"
    r"|which(?= (?:ones?|of|is|are|was|were|do|does|did|can|could|would|should)\b|\W*$))\b",
    re.IGNORECASE,
)
# “And in Wales?”: only a preposition and a few words.
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
    """The last question with its reply ("" if there is none), and earlier questions, oldest first."""

    question: str
    reply: str
    earlier: Sequence[str] = ()

    @property
    def last_exchange(self) -> str:
        """The last question and the beginning of its reply."""
        return " ".join([self.question, *self.reply.split()[:REPLY_WORDS]])

    @property
    def questions(self) -> str:
        """The last two questions, whose words are added to the lexical query."""
        return " ".join([*self.earlier[-1:], self.question])


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question with its context. `question`: for display; `query`: what is searched; `reason`: why the context was added."""

    question: str
    query: PreparedQuery
    reason: str


def is_phrase(question: str) -> bool:
    """Whether it is only a phrase such as “And in Wales?”, which asks nothing without the question before it."""
    return _COMPLETES.fullmatch(question.strip()) is not None and _CLAUSE.search(question) is None


def complete_question(question: str, context: Context | None) -> str:
    """“And in Wales?” after “How do I renew a passport?” -> “How do I renew a passport in Wales?”. Other questions are unchanged."""
    return _complete(question, context.question if context else None)


def read_context(history: Sequence[Turn]) -> Context | None:
    """The context at the end of a conversation, None if it has no question."""
    exchanges = _exchanges(history)
    if not exchanges:
        return None
    return Context(*exchanges[-1], earlier=[question for question, _ in exchanges[:-1][-EARLIER_QUESTIONS:]])


def resolve_follow_up(
    query: PreparedQuery,
    context: Context,
    similarity: float,
    embed: Callable[[Sequence[str]], Vector],
    best_similarity: Callable[[Vector], float],
) -> FollowUp | None:
    """Add the context that a question needs. None if it stands alone.

    `similarity`: cosine of the question and its nearest passage. `embed`: the joint unit vector of several texts. `best_similarity`: the
    greatest inner product of a vector, of any length, and a passage.
    """
    pointer = _pointer(query.question)
    share = _ramp(SIMILAR_ENOUGH, SIMILAR_ENOUGH - RAMP, similarity)
    if pointer:
        share = max(share, MIN_SHARE_IF_POINTING_BACK)
    if not share:
        return None
    vector = _context_vector(context, embed)
    gain = _joint_gain(query.vector, similarity, vector, best_similarity)
    share *= _ramp(*(JOINT_GAIN_IF_POINTING_BACK if pointer else JOINT_GAIN), gain)
    if not share:
        return None
    return FollowUp(
        question=f"{query.question} (after “{context.question}”)",
        query=_add_context(query, context, vector, share),
        reason=pointer or "the documents match it poorly without the conversation",
    )


def _context_vector(context: Context, embed: Callable[[Sequence[str]], Vector]) -> Vector:
    last = embed([context.last_exchange])
    if not context.earlier:
        return last
    return _normalise(last + np.float32(EARLIER_WEIGHT) * embed(context.earlier))


def _joint_gain(question: Vector, similarity: float, context: Vector, best_similarity: Callable[[Vector], float]) -> float:
    """The similarity of the best passage for question and context together, minus the better one for either alone.

    It is small after a change of topic, because no passage matches both.
    """
    weighted = np.float32(JOINT_WEIGHT) * context
    return best_similarity(question + weighted) - max(similarity, best_similarity(weighted))


def _add_context(query: PreparedQuery, context: Context, vector: Vector, share: float) -> PreparedQuery:
    combined = _normalise(query.vector + np.float32(CONTEXT_WEIGHT * share) * vector)
    weight = QUESTIONS_WEIGHT * share
    return replace(query, embed=lambda: combined, context=context.questions, context_weight=weight)


def _normalise(vector: Vector) -> Vector:
    unit: Vector = vector / np.linalg.norm(vector)
    return unit


def _ramp(zero: float, one: float, value: float) -> float:
    """Linear from 0 at `zero` to 1 at `one`, constant outside."""
    return min(max((value - zero) / (one - zero), 0.0), 1.0)


def _exchanges(history: Sequence[Turn]) -> list[tuple[str, str]]:
    """Earlier questions, completed, with their replies ("" if there is none); without small talk."""
    exchanges: list[tuple[str, str]] = []
    is_question = False  # whether the last turn of the user was a question
    for turn in history[-MAX_TURNS:]:
        if turn.role == "user":
            is_question = small_talk(turn.content) is None
            if is_question:
                previous = exchanges[-1][0] if exchanges else None
                exchanges.append((_complete(strip_courtesies(turn.content), previous), ""))
        elif is_question and not turn.content.startswith(NOT_IN_THESE_DOCUMENTS):
            exchanges[-1] = (exchanges[-1][0], turn.content)
    return exchanges


def _complete(question: str, previous: str | None) -> str:
    found = _COMPLETES.fullmatch(question.strip())
    return _replace_phrase(previous, found["rest"]) if previous and found and not _CLAUSE.search(found["rest"]) else question


def _pointer(question: str) -> str | None:
    """The reason why a question points back to earlier turns, None if it does not."""
    if opening := _OPENS_AS_FOLLOW_UP.match(question):
        return f"it opens with “{opening['opening']}”"
    if pronoun := _POINTS_BACK.search(question):
        return f"it points back with “{pronoun[0]}”"
    few = len(set(terms(question))) <= FEW_TERMS and not names_and_numbers(question)
    return "it has few words of its own" if few else None


def _replace_phrase(question: str, phrase: str) -> str:
    """The question with the phrase at its end, instead of a phrase with the same preposition."""
    body = question.rstrip(" ?.!")
    preposition = phrase.split()[0].lower()
    words = body.split()
    for place in range(len(words) - 1, max(len(words) - 1 - MAX_PHRASE_WORDS, 0), -1):
        if words[place].lower() == preposition:
            body = " ".join(words[:place])
            break
    return f"{body} {preposition} {phrase.partition(' ')[2]}?"
