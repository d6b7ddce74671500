"""Feedback on answers (setting `feedback`) and the record of unanswered questions (setting `keep_questions`)."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from qa.answering.answerer import Answer
from qa.chat.chatbot import Pieces
from qa.chat.replies import Reply
from qa.operate.question_log import Outcome, QuestionLog
from qa.web.current import service, settings
from qa.web.routes import READ, route
from qa.web.schemas.documents import passage_name
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import feedback_from_form, from_body
from qa.web.schemas.requests import FeedbackRequest

blueprint = Blueprint("feedback", __name__)


@route(
    blueprint,
    "POST",
    "/v1/feedback",
    READ,
    "Report whether the results helped",
    request=(FeedbackRequest,),
    status=204,
    tag="search",
)
def give_feedback() -> Response:
    _record(from_body(request, FeedbackRequest))
    return Response(status=204)


@route(blueprint, "POST", "/feedback", READ)
def send_feedback() -> str:
    """POST /v1/feedback as a form, for pages without scripts."""
    feedback = feedback_from_form(request)
    _record(feedback)
    return render_template("thanks.html", question=feedback.query)


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
        log.note(Outcome.UNANSWERED, answer.rewritten or answer.question, answer.generation, results)


def _record(feedback: FeedbackRequest) -> None:
    if not settings().feedback:
        raise Problem(403, "Feedback is turned off; the setting `feedback` turns it on")
    outcome = Outcome.HELPED if feedback.helped else Outcome.DID_NOT_HELP
    service().questions.note(outcome, feedback.query, feedback.generation, feedback.results)
