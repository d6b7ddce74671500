"""`/v1/responses` through OpenAI's client: the same replies as chat completions, whole and as events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

SIGNED = "Who signed the memorandum?"


@pytest.fixture(scope="module")
def client(server: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key="none is needed", max_retries=0) as made:
        yield made


def ask(client: openai.OpenAI, given: Any = SIGNED, **options: Any) -> Any:
    return client.responses.create(model="quotable", input=given, **options)


def test_a_response_is_the_reply_of_a_completion(server: Any, client: openai.OpenAI) -> None:
    response = ask(client)
    chat: Any = client.chat.completions.create(model="quotable", messages=[{"role": "user", "content": SIGNED}])
    assert (response.object, response.status, response.error) == ("response", "completed", None)
    assert response.output_text == chat.choices[0].message.content
    assert response.grounding == chat.grounding
    assert response.usage.input_tokens == chat.usage.prompt_tokens
    (message,) = response.output
    (part,) = message.content
    text = server.get("/v1/documents/press-release/text").json()["text"]
    assert part.annotations
    for each in part.annotations:
        assert part.text[each.start_index : each.end_index] == each.quote == text[each.start : each.end]
        assert each.url.startswith("http")


def test_a_stream_has_the_events_of_the_same_response(client: openai.OpenAI) -> None:
    whole = ask(client)
    events = list(ask(client, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events if event.type != "response.output_text.delta"]
    annotations = ["response.output_text.annotation.added"] * len(whole.output[0].content[0].annotations)
    assert kinds == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added", *annotations,
        "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
    ]  # fmt: skip
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    last = events[-1].response
    assert last.output[0].content == whole.output[0].content
    assert (last.usage, last.id) == (whole.usage, events[0].response.id)
    with client.responses.stream(model="quotable", input=SIGNED) as stream:
        assert stream.get_final_response().output_text == whole.output_text


def test_a_conversation_is_sent_as_input(client: openai.OpenAI) -> None:
    first = ask(client)
    turns = [{"role": "user", "content": SIGNED}, *[item.model_dump() for item in first.output]]
    asked = [*turns, {"role": "user", "content": [{"type": "input_text", "text": "And when was that?"}]}]
    followed = ask(client, asked, instructions="Be brief.", temperature=0, max_output_tokens=50, store=False)
    assert followed.status == "completed"
    assert followed.instructions == "Be brief."
    none = {"type": "eq", "key": "id", "value": "none"}
    assert "Not in these documents" in ask(client, extra_body={"filter": none}).output_text


@pytest.mark.parametrize(
    ("options", "field", "reason"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id", "send the earlier messages in input"),
        ({"conversation": "conv_1"}, "conversation", "send the earlier messages in input"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format", "structured output is not supported"),
        ({"text": {"format": {"type": "json_schema", "name": "x", "schema": {}}}}, "text.format", "structured output is not supported"),
        ({"tools": [{"type": "web_search"}]}, "tools", "is not supported"),
        ({"background": True}, "background", "is not supported"),
        ({"store": True}, "store", "is not supported"),
        ({"extra_body": {"temprature": 1}}, "temprature", "is unknown"),
    ],
)  # fmt: skip
def test_refuses_by_name_what_it_cannot_do(client: openai.OpenAI, options: Any, field: str, reason: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, **options)
    error: Any = refused.value.body
    assert error["param"] == field
    assert reason in error["message"]


@pytest.mark.parametrize("given", ["", " ", [], [{"role": "assistant", "content": "Hello."}], "x" * 2001, 5])
def test_refuses_an_invalid_input(server: Any, given: Any) -> None:
    refused = server.post("/v1/responses", json.dumps({"input": given}).encode())
    assert (refused.status, refused.json()["error"]["param"].partition(".")[0]) == (400, "input")


def test_responses_are_not_kept(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_1")
    with pytest.raises(openai.NotFoundError, match="gpt-5"):
        client.responses.create(model="gpt-5", input=SIGNED)
