"""`/chat`: a conversation. Its address holds the questions, so it can be shared and reloaded; the server keeps none."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from qa.answering.question.turn import Turn
from qa.chat.chatbot import Request, last_reply
from qa.chat.replies import SOURCES
from qa.web.asked import keep_question
from qa.web.current import service, site
from qa.web.pages.presentation import format_date, http_url
from qa.web.routes import READ, route
from qa.web.schemas.addresses import quote_address, with_text_fragment
from qa.web.schemas.openai.responses import Annotation, ChatCompletion, Envelope, usage_json
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import MAX_QUESTIONS_IN_ADDRESS, in_words, questions_from_address
from qa.web.server.admission import release_slot

blueprint = Blueprint("conversation", __name__)


@route(blueprint, "GET", "/chat", READ)
def chat_page() -> tuple[str, int]:
    try:
        questions = questions_from_address(request)
    except Problem as problem:
        return _render([], error=in_words(problem)), problem.status
    return _render(_turns(questions)), 200


def _turns(questions: list[str]) -> list[dict[str, Any]]:
    """The questions and their replies, as POST /v1/chat/completions gives them."""
    history: list[Turn] = []
    turns = []
    if service().chatbot.model:
        release_slot()
    for question in questions:
        reply = last_reply(service().chatbot.reply(Request(question, tuple(history))))
        turns.append({"question": question} | _reply_fields(Envelope("", 0, "", site()).completion(reply, usage_json(0, 0))))
        history += [Turn("user", question), Turn("assistant", reply.text)]
    if questions and reply.answer:
        keep_question(reply.answer)
    return turns


def _reply_fields(completion: ChatCompletion) -> dict[str, Any]:
    """The reply's text in pieces, linked where it quotes, and its sources. static/chat.js does the same."""
    message = completion["choices"][0]["message"]
    content, annotations = message["content"], message["annotations"]
    pieces: list[tuple[str, str]] = []
    position = 0
    for annotation in annotations:
        start, end = annotation["url_citation"]["start_index"], annotation["url_citation"]["end_index"]
        pieces += [
            (content[position:start], ""),
            (content[start:end], _address(annotation)),
        ]
        position = end
    rest = content[position:].partition(SOURCES)[0] if annotations else content  # the page shows links instead
    return {
        "content": content,
        "pieces": [piece for piece in [*pieces, (rest, "")] if piece[0]],
        "sources": [_source_fields(annotation) for annotation in annotations],
        "notes": completion["grounding"]["notes"] if annotations else [],
    }


def _source_fields(annotation: Annotation) -> dict[str, Any]:
    document = annotation["document"]
    return {
        "number": annotation["number"],
        "title": document["title"],
        "address": _address(annotation),
        "image": annotation["page_url"] or "",
        "date": document["date"] or "",
        "day": format_date(document["date"]),
        "original": with_text_fragment(http_url(document["url"]), annotation["quote"]),
    }


def _address(annotation: Annotation) -> str:
    document = annotation["document"]
    return quote_address(document["id"], document["version"], (annotation["start"], annotation["end"]))


def _render(turns: list[dict[str, Any]], *, error: str | None = None) -> str:
    most = MAX_QUESTIONS_IN_ADDRESS
    return render_template("chat.html", turns=turns, error=error, full=len(turns) >= most, most_questions=most)
