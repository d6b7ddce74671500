"""Record unanswered questions (setting `keep_questions`)."""

from __future__ import annotations

from qa.answering.answer import Answer
from qa.chat.chatbot import Pieces
from qa.chat.replies import Reply
from qa.operate.question_log import Outcome, QuestionLog
from qa.web.current import service, settings
from qa.web.schemas.documents import passage_name


def record_if_unanswered(answer: Answer) -> None:
    """Record an unanswered question if `keep_questions` is set."""
    if settings().keep_questions:
        _record_if_unanswered(service().questions, answer)


def record_unanswered(pieces: Pieces) -> Pieces:
    """Pass a reply's pieces on and record its question when it is complete, maybe after the request."""
    return _record_when_complete(pieces, service().questions) if settings().keep_questions else pieces


def _record_when_complete(pieces: Pieces, log: QuestionLog) -> Pieces:
    for piece in pieces:
        if isinstance(piece, Reply) and piece.answer:
            _record_if_unanswered(log, piece.answer)
        yield piece


def _record_if_unanswered(log: QuestionLog, answer: Answer) -> None:
    """Records a follow-up question as it was rewritten."""
    if not answer.answerable:
        results = [passage_name(result.stored.id) for result in answer.results]
        log.record(Outcome.UNANSWERED, answer.rewritten or answer.question, answer.generation, results)
