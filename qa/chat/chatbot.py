"""The last message of a conversation -> a reply: fixed, made of quotes, or written by the language model and checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from index.filters import Filter
from index.lru import LRU
from qa.answering.answer import Answer
from qa.answering.answerer import Answerer
from qa.answering.question.small_talk import small_talk
from qa.answering.question.turn import Turn
from qa.chat.catalogue import catalogue_reply
from qa.chat.fixed_replies import SMALL_TALK_REPLIES, CrisisReply, crisis_text
from qa.chat.grounding import Checker
from qa.chat.model_server import ModelFailed, ModelServer, Usage
from qa.chat.prompt import NOTHING_FOUND, build_messages
from qa.chat.quoting import MAX_QUOTES, quote_pinned, quoted_reply
from qa.chat.reasoning import strip_reasoning
from qa.chat.replies import Reply, format_sources, prepend_text
from qa.observation import WRITE, mark_stage, record_answer
from qa.settings.settings import Read

log = logging.getLogger(__name__)

CACHED_REPLIES = 256
PASSAGES_FOR_MODEL = 5
MAX_REMOVED_CHARACTERS = 500  # reported of each removed statement

Pieces = Iterator[str | Reply]


@dataclass(frozen=True, slots=True)
class Request:
    """`message` follows `history`. `instructions`: the calling application's, for the model. `quotes_only`: do not use the model.
    `read`: when the reading model reads, None as the answerer was made. `spelling`: correct it.
    """

    message: str
    history: tuple[Turn, ...] = ()
    filter: Filter | None = None
    instructions: str = ""
    quotes_only: bool = False
    read: Read | None = None
    spelling: bool = True


@dataclass(frozen=True, slots=True)
class Chatbot:
    """Replies to one message. Stateless: the caller sends the history. `state`: a value that changes with the documents."""

    answerer: Answerer
    state: Callable[[], Hashable]
    crisis: Sequence[CrisisReply] = ()
    model: ModelServer | None = None
    cache: LRU[Hashable, Reply] = field(default_factory=lambda: LRU(CACHED_REPLIES))

    def over(self, answerer: Answerer, state: Callable[[], Hashable]) -> Chatbot:
        """As this one, for an audience: `state` differs from those of others, with which it shares the cache."""
        return replace(self, answerer=answerer, state=state)

    def reply(self, request: Request) -> Pieces:
        """Yield pieces of the text as they become available, and the complete Reply last."""
        if text := crisis_text(request.message, self.crisis):
            yield from self._crisis_reply(text, request)
        elif reply := catalogue_reply(request.message, self.answerer, request.filter):
            yield from _whole(reply)
        elif kind := small_talk(request.message):
            yield from _whole(Reply(SMALL_TALK_REPLIES[kind], "fixed"))
        else:
            yield from self._answer(request)

    def _crisis_reply(self, text: str, request: Request) -> Pieces:
        """The operator's text, followed by quotes if the documents answer. The model is not used."""
        yield text
        answer = self._ask(request, MAX_QUOTES)
        if not answer.answerable:
            yield Reply(text, "fixed", answer)
            return
        reply = prepend_text(f"{text}\n\n", quoted_reply(answer))
        yield reply.text[len(text) :]
        yield reply

    def _answer(self, request: Request) -> Pieces:
        key = (self.state(), request)
        cached = self.cache.get(key)
        if cached:
            if cached.answer:
                record_answer(cached.answer.answerable)
            yield from _whole(cached)
            return
        if self.model is None or request.quotes_only:
            reply = quoted_reply(self._ask(request, MAX_QUOTES))
            self._remember(key, reply)
            yield from _whole(reply)
            return
        answer = self._ask(request, PASSAGES_FOR_MODEL)
        if not answer.answerable:
            yield from _whole(quoted_reply(answer))
            return
        yield from self._model_reply(self.model, answer, request, key)

    def _remember(self, key: Hashable, reply: Reply) -> None:
        """Without how the answer was found, which is most of it and which no reply shows."""
        answer = replace(reply.answer, ranking=None, considered=()) if reply.answer else None
        self.cache.put(key, replace(reply, answer=answer))

    def _model_reply(self, model: ModelServer, answer: Answer, request: Request, key: Hashable) -> Pieces:
        """What the model writes, as far as the passages support it; quotes if the model fails or nothing is supported."""
        yield ""  # the search is done: let the caller start the stream
        stored = [result.stored for result in answer.results]
        checker = Checker(request.message, stored)
        usage: Usage | None = None
        note: str | None = None
        try:
            prompt = build_messages(answer.rewritten or request.message, stored, request.history, request.instructions)
            for piece in strip_reasoning(model.answer(prompt)):
                if isinstance(piece, Usage):
                    usage = piece
                else:
                    yield checker.feed(piece)
            yield checker.finish()
        except ModelFailed as failure:
            log.warning("the language model %s", failure)
            note = f"(The language model {failure}. These are quotes from the documents.)"
        mark_stage(WRITE)
        written = checker.draft.text
        if NOTHING_FOUND in checker.received and not written:
            reply = quoted_reply(replace(answer, answerable=False, answers=()))
        elif note is None and written:
            reply = _finish_reply(checker, answer)
        else:
            note = note or "(The passages support nothing that the language model wrote. These are quotes from the documents.)"
            reply = prepend_text(
                f"{written}\n\n" if written else "", quoted_reply(answer, note, cited=checker.cited), checker.draft.citations
            )
        removed = [statement[:MAX_REMOVED_CHARACTERS] for statement in checker.removed]
        reply = replace(reply, by="model" if written else reply.by, removed=removed)
        if usage:
            reply = replace(reply, usage=(usage.read, usage.written))
        if note is None:
            self._remember(key, reply)
        yield reply.text[len(written) :]
        yield reply

    def _ask(self, request: Request, limit: int) -> Answer:
        return self.answerer.ask(
            request.message, limit, request.filter, request.history, request.read, spelling=request.spelling
        )


def last_reply(pieces: Pieces) -> Reply:
    """The complete reply at the end of the pieces."""
    for piece in pieces:
        if isinstance(piece, Reply):
            return piece
    raise ValueError("the pieces do not end with a Reply")


def _whole(reply: Reply) -> Pieces:
    yield reply.text
    yield reply


def _finish_reply(checker: Checker, answer: Answer) -> Reply:
    """The supported text with its sources, and a note if statements were removed."""
    notes = [answer.notice] if answer.notice else []
    if checker.removed:
        count = "one statement" if len(checker.removed) == 1 else f"{len(checker.removed)} statements"
        notes.append(f"(Removed {count} of the language model that the passages do not support.)")
    cited = dict(checker.cited)
    quote_pinned(checker.draft, answer, cited)
    text = checker.draft.text + format_sources(cited) + "".join(f"\n\n{note}" for note in notes)
    return Reply(text, "model", answer, checker.draft.citations, notes)
