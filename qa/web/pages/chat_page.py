"""`/chat`: the same in turns. The address holds the questions, so a conversation can be shared and come back to; none is kept here."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from qa.answering.question.turn import Turn
from qa.chat.chatbot import Request, last_reply
from qa.operate.keys import Role
from qa.web.current import service
from qa.web.pages.feedback import keep_if_unanswered
from qa.web.pages.presentation import day, outside, place
from qa.web.routes import route
from qa.web.schemas.openai_responses import Envelope
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import MAX_QUESTIONS_IN_ADDRESS, in_words, questions_from_address
from qa.web.server.dispatcher import release_slot

blueprint = Blueprint("conversation", __name__)

SOURCES = "\n\nSources:\n"  # of a reply's text; the page shows them as links instead


@route(blueprint, "GET", "/chat", role=Role.READ)
def chat_page() -> tuple[str, int]:
    try:
        questions = questions_from_address(request)
    except Problem as problem:
        return _rendered([], error=in_words(problem)), problem.status
    return _rendered(_turns(questions)), 200


def _turns(questions: list[str]) -> list[dict[str, Any]]:
    """The questions with what is replied to each, as POST /v1/chat/completions would say it."""
    history: list[Turn] = []
    turns = []
    if service().chatbot.model:
        release_slot()
    for question in questions:
        reply = last_reply(service().chatbot.reply(Request(question, tuple(history))))
        turns.append({"question": question} | _shown(Envelope("", 0, "", request.host_url).completion(reply, {})))
        history += [Turn("user", question), Turn("assistant", reply.text)]
    if questions and reply.answer:
        keep_if_unanswered(reply.answer)
    return turns


def _shown(completion: dict[str, Any]) -> dict[str, Any]:
    """The text in pieces, its quotes with where they stand, and the sources. The same as static/chat.js makes of it."""
    message = completion["choices"][0]["message"]
    content, annotations = message["content"], message["annotations"]
    pieces: list[tuple[str, str]] = []
    position = 0
    for annotation in annotations:
        start, end = annotation["url_citation"]["start_index"], annotation["url_citation"]["end_index"]
        pieces += [
            (content[position:start], ""),
            (content[start:end], place(annotation["document"]["id"], annotation["passage_id"])),
        ]
        position = end
    rest = content[position:].partition(SOURCES)[0] if annotations else content
    return {
        "content": content,
        "pieces": [piece for piece in [*pieces, (rest, "")] if piece[0]],
        "sources": [_source(annotation) for annotation in annotations],
        "notes": completion["grounding"]["notes"] if annotations else [],
    }


def _source(annotation: dict[str, Any]) -> dict[str, Any]:
    document = annotation["document"]
    return {
        "number": annotation["number"],
        "title": document["title"],
        "place": place(document["id"], annotation["passage_id"]),
        "date": document["date"] or "",
        "day": day(document["date"]),
        "outside": outside(document["url"]),
    }


def _rendered(turns: list[dict[str, Any]], *, error: str | None = None) -> str:
    return render_template("chat.html", turns=turns, error=error, full=len(turns) >= MAX_QUESTIONS_IN_ADDRESS)
