"""A conversation's last message -> a reply: fixed, quoted, or written by the operator's language model and checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from index.filters import Filter
from qa.answering.answerer import Answer, Answerer
from qa.answering.question.small_talk import small_talk
from qa.answering.question.turn import Turn
from qa.chat.fixed_replies import SMALL_TALK_REPLIES, CrisisReply, crisis_text
from qa.chat.grounding import Checker
from qa.chat.model_server import ModelFailed, ModelServer, Usage
from qa.chat.prompt import NOTHING_FOUND, messages
from qa.chat.quoting import MOST_QUOTES, quoted_reply
from qa.chat.replies import Reply, moved, sources
from qa.chat.reply_cache import ReplyCache
from qa.chat.thoughts import without_thoughts
from qa.observation import WRITE, mark_stage, record_answer

log = logging.getLogger(__name__)

PASSAGES_READ = 5  # by the model
LONGEST_REPORTED = 500  # characters, of what a model wrote and is left out

Pieces = Iterator[str | Reply]


@dataclass(frozen=True, slots=True)
class Request:
    """`message`: what was said last, after `history`. `instructions`: the application's, to a model. `quotes_only`: ask no model."""

    message: str
    history: tuple[Turn, ...] = ()
    filter: Filter | None = None
    instructions: str = ""
    quotes_only: bool = False


@dataclass(frozen=True, slots=True)
class Chatbot:
    """Keeps nothing of a conversation: whoever holds it sends it along. `state`: changes whenever the documents do."""

    answerer: Answerer
    state: Callable[[], Hashable]
    crisis: Sequence[CrisisReply] = ()
    model: ModelServer | None = None
    cache: ReplyCache = field(default_factory=ReplyCache)

    def reply(self, asked: Request) -> Pieces:
        """Pieces of the text as they come, and at the end the whole Reply."""
        if first := crisis_text(asked.message, self.crisis):
            yield from self._after(first, asked)
        elif said := small_talk(asked.message):
            yield from _whole(Reply(SMALL_TALK_REPLIES[said], "fixed"))
        else:
            yield from self._found(asked)

    def _after(self, first: str, asked: Request) -> Pieces:
        """What the operator wants said first, and the quotes where the documents answer; no model has a say in it."""
        yield first
        answer = self._ask(asked, MOST_QUOTES)
        if not answer.answerable:
            yield Reply(first, "fixed", answer)
            return
        reply = moved(quoted_reply(answer), f"{first}\n\n")
        yield reply.text[len(first) :]
        yield reply

    def _found(self, asked: Request) -> Pieces:
        key = (self.state(), asked)
        known = self.cache.get(key)
        if known:
            if known.answer:
                record_answer(asked.message, known.answer.answerable)
            yield from _whole(known)
            return
        if self.model is None or asked.quotes_only:
            reply = quoted_reply(self._ask(asked, MOST_QUOTES))
            self.cache.put(key, reply)
            yield from _whole(reply)
            return
        answer = self._ask(asked, PASSAGES_READ)
        if not answer.answerable:  # no passage, no model
            yield from _whole(quoted_reply(answer))
            return
        yield from self._written(self.model, answer, asked, key)

    def _written(self, model: ModelServer, answer: Answer, asked: Request, key: Hashable) -> Pieces:
        """What the model writes, as far as the passages bear it out; the quotes where it fails or nothing of it holds."""
        yield ""  # the search is done, and the stream can begin
        stored = [result.stored for result in answer.results]
        checker = Checker(asked.message, stored)
        usage: Usage | None = None
        note: str | None = None
        try:
            prompt = messages(answer.rewritten or asked.message, stored, asked.history, asked.instructions)
            for said in without_thoughts(model.answer(prompt)):
                if isinstance(said, Usage):
                    usage = said
                else:
                    yield checker.take(said)
            yield checker.finish()
        except ModelFailed as failure:
            log.warning("the language model %s", failure)
            note = f"(The language model {failure}. These are the exact words that were found.)"
        mark_stage(WRITE)
        begun = checker.draft.text
        if NOTHING_FOUND in checker.heard and not begun:
            reply = quoted_reply(replace(answer, answerable=False, quote=None))
        elif note is None and begun:
            reply = _signed(checker, answer)
        else:
            note = note or "(Nothing that the language model wrote could be found in the passages. These are the exact words.)"
            reply = moved(quoted_reply(answer, note), f"{begun}\n\n" if begun else "", checker.draft.citations)
        reply = replace(reply, by="model" if begun else reply.by, removed=[each[:LONGEST_REPORTED] for each in checker.removed])
        if usage:
            reply = replace(reply, usage=(usage.read, usage.written))
        if note is None:
            self.cache.put(key, reply)
        yield reply.text[len(begun) :]
        yield reply

    def _ask(self, asked: Request, limit: int) -> Answer:
        return self.answerer.ask(asked.message, limit, asked.filter, asked.history)


def last_reply(pieces: Pieces) -> Reply:
    """The whole reply that pieces end with."""
    for piece in pieces:
        if isinstance(piece, Reply):
            return piece
    raise ValueError("pieces of a reply end with the reply")


def _whole(reply: Reply) -> Pieces:
    yield reply.text
    yield reply


def _signed(checker: Checker, answer: Answer) -> Reply:
    """What was let through, with its sources and a word on what was not."""
    cited = {number: checker.passages[number - 1] for number in checker.cited}
    notes = [answer.notice] if answer.notice else []
    if checker.removed:
        left_out = "a statement" if len(checker.removed) == 1 else f"{len(checker.removed)} statements"
        notes.append(f"(The language model also wrote {left_out} that the passages do not bear out; left out here.)")
    text = checker.draft.text + sources(cited) + "".join(f"\n\n{note}" for note in notes)
    return Reply(text, "model", answer, checker.draft.citations, notes)
