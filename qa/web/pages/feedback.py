"""Feedback: whether an answer helped, kept where the operator turned it on (QA_FEEDBACK)."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from qa.answering.answerer import Answer
from qa.chat.chatbot import Pieces
from qa.chat.replies import Reply
from qa.operate.keys import Role
from qa.operate.question_log import Outcome, QuestionLog
from qa.web.current import service, settings
from qa.web.routes import route
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import feedback_from_form, from_body
from qa.web.schemas.requests import FeedbackRequest
from qa.web.schemas.responses import passage_name

blueprint = Blueprint("feedback", __name__)


@route(
    blueprint,
    "POST",
    "/v1/feedback",
    role=Role.READ,
    summary="Report whether the results helped",
    request=(FeedbackRequest,),
    status=204,
    tag="search",
)
def give_feedback() -> Response:
    _keep(from_body(request, FeedbackRequest))
    return Response(status=204)


@route(blueprint, "POST", "/feedback", role=Role.READ)
def send_feedback() -> str:
    """The same from a form, for pages without scripts."""
    given = feedback_from_form(request)
    _keep(given)
    return render_template("thanks.html", question=given.query)


def keep_if_unanswered(answer: Answer) -> None:
    """Keep a question that found no answer, where the operator agreed to that (QA_KEEP_QUESTIONS)."""
    if settings().keep_questions:
        _note_if_unanswered(service().questions, answer)


def keeping(pieces: Pieces) -> Pieces:
    """The same of a reply in a conversation, when it is complete; that may be after the request is over."""
    return _keeping(pieces, service().questions) if settings().keep_questions else pieces


def _keeping(pieces: Pieces, log: QuestionLog) -> Pieces:
    for piece in pieces:
        if isinstance(piece, Reply) and piece.answer:
            _note_if_unanswered(log, piece.answer)
        yield piece


def _note_if_unanswered(log: QuestionLog, answer: Answer) -> None:
    """A follow-up question is kept as it was understood: alone it says nothing."""
    if not answer.answerable:
        results = [passage_name(result.stored.id) for result in answer.results]
        log.note(Outcome.UNANSWERED, answer.rewritten or answer.question, answer.generation, results)


def _keep(given: FeedbackRequest) -> None:
    if not settings().feedback:
        raise Problem(403, "Feedback is not kept here; the setting “feedback” turns it on")
    outcome = Outcome.HELPED if given.helped else Outcome.DID_NOT_HELP
    service().questions.note(outcome, given.query, given.generation, given.results)
