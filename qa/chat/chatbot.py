"""A conversation's last message -> a reply: fixed, quoted, or written by the operator's language model and checked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from index.filters import Filter
from qa.answerer import Answerer
from qa.chat.fixed_replies import SMALL_TALK_REPLIES, CrisisReply, crisis_text
from qa.chat.quoting import MOST_QUOTES, quoted_reply
from qa.chat.replies import Reply
from qa.chat.reply_cache import ReplyCache
from qa.conversation import Turn
from qa.small_talk import small_talk

Pieces = Iterator[str | Reply]


@dataclass(frozen=True, slots=True)
class Chatbot:
    """Keeps nothing of a conversation: whoever holds it sends it along. `state`: changes whenever the documents do."""

    answerer: Answerer
    state: Callable[[], Hashable]
    crisis: Sequence[CrisisReply] = ()
    cache: ReplyCache = field(default_factory=ReplyCache)

    def reply(self, message: str, history: Sequence[Turn] = (), filter_: Filter | None = None) -> Pieces:
        """Pieces of the text as they come, and at the end the whole Reply."""
        first = crisis_text(message, self.crisis)
        if first:
            yield from self._after(first, message, history, filter_)
            return
        said = small_talk(message)
        if said:
            yield from _whole(Reply(SMALL_TALK_REPLIES[said], "fixed"))
            return
        key = (self.state(), message, tuple(history), filter_)
        known = self.cache.get(key)
        if known is None:
            known = quoted_reply(self.answerer.ask(message, MOST_QUOTES, filter_, history))
            self.cache.put(key, known)
        yield from _whole(known)

    def _after(self, first: str, message: str, history: Sequence[Turn], filter_: Filter | None) -> Pieces:
        """What the operator wants said first, and the quotes where the documents answer."""
        yield first
        answer = self.answerer.ask(message, MOST_QUOTES, filter_, history)
        if not answer.answerable:
            yield Reply(first, "fixed", answer)
            return
        begin = f"{first}\n\n"
        reply = _moved(quoted_reply(answer), begin)
        yield reply.text[len(first) :]
        yield reply


def last_reply(pieces: Pieces) -> Reply:
    """The whole reply that pieces end with."""
    for piece in pieces:
        if isinstance(piece, Reply):
            return piece
    raise ValueError("pieces of a reply end with the reply")


def _whole(reply: Reply) -> Pieces:
    yield reply.text
    yield reply


def _moved(reply: Reply, begin: str) -> Reply:
    """The reply behind another text."""
    offset = len(begin)
    citations = [replace(each, place=(each.place[0] + offset, each.place[1] + offset)) for each in reply.citations]
    return replace(reply, text=begin + reply.text, citations=citations)
