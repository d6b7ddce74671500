"""Keep the questions that are asked, with their outcome (setting `keep_questions`)."""

from __future__ import annotations

from qa.answering.answer import Answer
from qa.answering.confidence import LIKELY_CONFIDENCE
from qa.chat.chatbot import Pieces
from qa.chat.replies import Reply
from qa.operate.question_log import Outcome, QuestionLog
from qa.web.current import service, settings
from qa.web.schemas.documents import passage_name


def keep_question(answer: Answer) -> None:
    """Keep the question of an answer if `keep_questions` is set."""
    if settings().keep_questions:
        _keep(service().questions, answer)


def keep_question_of(pieces: Pieces) -> Pieces:
    """Pass a reply's pieces on and keep its question when it is complete, maybe after the request."""
    return _keep_when_complete(pieces, service().questions) if settings().keep_questions else pieces


def _keep_when_complete(pieces: Pieces, log: QuestionLog) -> Pieces:
    for piece in pieces:
        if isinstance(piece, Reply) and piece.answer:
            _keep(log, piece.answer)
        yield piece


def _keep(log: QuestionLog, answer: Answer) -> None:
    """Keeps a follow-up question as it was rewritten."""
    results = [passage_name(result.stored.id) for result in answer.results]
    documents = [result.stored.document.id for result in answer.answers]
    log.record(_outcome(answer), answer.rewritten or answer.question, answer.generation, results, documents)


def _outcome(answer: Answer) -> Outcome:
    if not answer.answerable:
        return Outcome.UNANSWERED
    return Outcome.ANSWERED if answer.confidence >= LIKELY_CONFIDENCE else Outcome.UNCERTAIN
