"""LangChain's `ChatOpenAI`, unmodified, through chat completions and through responses."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

SIGNED = "Who signed the memorandum?"


@pytest.fixture(scope="module", params=[False, True], ids=["completions", "responses"])
def chat(server: Any, request: pytest.FixtureRequest) -> ChatOpenAI:
    return ChatOpenAI(
        model="quotable", base_url=f"{server.address}/v1", api_key="none", max_retries=0, use_responses_api=request.param
    )


def test_replies_with_the_quote_whole_and_in_pieces(server: Any, chat: ChatOpenAI) -> None:
    reply = chat.invoke(SIGNED)
    assert server.search(SIGNED)["answer"]["text"] in reply.text
    assert "".join(piece.text for piece in chat.stream(SIGNED)) == reply.text


def test_continues_a_conversation(chat: ChatOpenAI) -> None:
    before = [HumanMessage(SIGNED), AIMessage(chat.invoke(SIGNED).text)]
    assert "Peter Kyle" in chat.invoke([*before, HumanMessage("Who is the Secretary of State?")]).text


def test_refuses_structured_output_by_name(chat: ChatOpenAI) -> None:
    class Name(BaseModel):
        name: str

    with pytest.raises(openai.BadRequestError, match="structured output is not supported"):
        chat.with_structured_output(Name).invoke(SIGNED)
