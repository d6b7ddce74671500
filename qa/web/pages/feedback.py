"""Feedback on answers (setting `feedback`)."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from qa.operate.question_log import Outcome
from qa.web.current import service, settings
from qa.web.routes import READ, route
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


def _record(feedback: FeedbackRequest) -> None:
    if not settings().feedback:
        raise Problem(403, "Feedback is turned off; the setting `feedback` turns it on")
    outcome = Outcome.HELPED if feedback.helped else Outcome.DID_NOT_HELP
    service().questions.record(outcome, feedback.query, feedback.generation, feedback.results)
