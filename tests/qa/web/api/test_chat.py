"""`/v1/chat/completions` through OpenAI's client: quotes with their exact places, or “Not in these documents”."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

SIGNED = "Who signed the memorandum?"
FOREIGN = "Which club won the football cup in 1966?"


@pytest.fixture(scope="module")
def client(server: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key="none is needed", max_retries=0) as made:
        yield made


def ask(client: openai.OpenAI, *said: str, **options: Any) -> Any:
    """The completion for a conversation of alternating user and assistant messages."""
    messages = [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(said)]
    return client.chat.completions.create(model="quotable", messages=messages, **options)  # type: ignore[call-overload]


def check_quotes(server: Any, content: str, annotations: list[Any]) -> None:
    """Check that every quote is in the text at its place and verbatim in its document."""
    for number, each in enumerate(annotations, 1):
        place = each["url_citation"]
        assert content[place["start_index"] - 1 : place["end_index"] + 1] == f"“{each['quote']}”"
        assert content[place["end_index"] + 1 :].startswith(f" [{number}]")
        document = server.get(f"/v1/documents/{each['document']['id']}/text").json()
        assert document["version"] == each["document"]["version"]
        assert document["text"][each["start"] : each["end"]] == each["quote"]
        assert place["url"].startswith("http")


def test_an_answer_consists_of_quotes_with_sources(server: Any, client: openai.OpenAI) -> None:
    completion = ask(client, SIGNED)
    message = completion.choices[0].message
    assert (completion.object, completion.choices[0].finish_reason, message.role) == ("chat.completion", "stop", "assistant")
    assert "Sam Altman" in message.content
    assert "Peter Kyle" in message.content
    assert "\n[1] OpenAI and UK Government announce" in message.content
    annotations = message.model_dump()["annotations"]
    assert annotations
    check_quotes(server, message.content, annotations)
    assert completion.grounding["by"] == "quotes"
    assert completion.grounding["answerable"] is True
    usage = completion.usage
    assert usage.prompt_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_says_if_the_documents_do_not_answer(server: Any, client: openai.OpenAI) -> None:
    completion = ask(client, FOREIGN)
    message = completion.choices[0].message
    assert message.content.startswith("Not in these documents.")
    assert completion.grounding["answerable"] is False
    check_quotes(server, message.content, message.model_dump()["annotations"])


def test_a_stream_has_the_same_content(client: openai.OpenAI) -> None:
    whole = ask(client, SIGNED)
    chunks = list(ask(client, SIGNED, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole.choices[0].message.content
    *_, last, counted = chunks
    assert last.choices[0].finish_reason == "stop"
    assert last.choices[0].delta.annotations == whole.choices[0].message.model_dump()["annotations"]
    assert last.grounding == whole.grounding
    assert counted.choices == []
    assert counted.usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_consists_of_events(server: Any) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": SIGNED}], "stream": True}).encode()
    response = server.post("/v1/chat/completions", body)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    events = response.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(json.loads(event.removeprefix("data: "))["object"] == "chat.completion.chunk" for event in events[:-2])


def test_accepts_its_own_reply_as_history(client: openai.OpenAI) -> None:
    first = ask(client, SIGNED).choices[0].message
    messages: list[Any] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": SIGNED}]},
        first.model_dump(),
        {"role": "user", "content": "And what is it about?"},
    ]
    completion: Any = client.chat.completions.create(model="quotable", messages=messages)
    assert completion.grounding["rewritten_query"] == f"And what is it about? (after “{SIGNED}”)"
    assert completion.grounding["rewrite_reason"] == "it opens with “And”"
    assert completion.grounding["answerable"] is True


@pytest.mark.parametrize(
    ("message", "begins"), [("Hello!", "Hello."), ("thanks", "You are welcome"), ("Who are you?", "I am a program")]
)
def test_small_talk_is_not_searched(client: openai.OpenAI, message: str, begins: str) -> None:
    completion = ask(client, message)
    assert completion.choices[0].message.content.startswith(begins)
    assert completion.choices[0].message.annotations == []
    assert (completion.grounding["by"], completion.grounding["answerable"]) == ("fixed", None)


def test_removes_greetings_around_a_question(client: openai.OpenAI) -> None:
    plain, greeted = ask(client, SIGNED), ask(client, f"Hello, {SIGNED}  Thanks!")
    assert greeted.choices[0].message.content == plain.choices[0].message.content
    assert greeted.grounding["confidence"] == plain.grounding["confidence"]
    assert (greeted.grounding["rewritten_query"], greeted.grounding["rewrite_reason"]) == (
        SIGNED,
        "greetings and thanks were removed",
    )


def test_applies_the_filter(client: openai.OpenAI) -> None:
    nothing = {"filter": {"type": "eq", "key": "id", "value": "none"}}
    completion = ask(client, SIGNED, extra_body=nothing)
    assert completion.choices[0].message.content == "Not in these documents."


def test_reads_as_the_request_says(client: openai.OpenAI) -> None:
    read = {way: ask(client, SIGNED, extra_body={"read": way}).grounding["confidence"] for way in ("never", "always")}
    assert read["never"] != read["always"]
    with pytest.raises(openai.BadRequestError, match="read must be"):
        ask(client, SIGNED, extra_body={"read": "often"})


def test_lists_the_models(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["quotable", "quotable-quotes"]
    assert client.models.retrieve("quotable").owned_by == "quotable"
    with pytest.raises(openai.NotFoundError, match="quotable-quotes"):
        client.models.retrieve("gpt-4o")


def test_ignores_parameters_without_effect(client: openai.OpenAI) -> None:
    options = {
        "temperature": 0.2,
        "top_p": 1,
        "max_tokens": 5,
        "seed": 1,
        "user": "me",
        "tools": [],
        "n": 1,
        "tool_choice": "auto",
    }
    assert "Sam Altman" in ask(client, SIGNED, **options, response_format={"type": "text"}).choices[0].message.content


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"stop": ["."]}, "stop"),
        ({"store": True}, "store"),
        ({"stream_options": {"include_usage": True}}, "body"),
        ({"extra_body": {"temprature": 1}}, "temprature"),
        ({"extra_body": {"filter": {"type": "eq"}}}, "filter.comparison.key"),
    ],
)
def test_refuses_unsupported_parameters_in_openai_format(client: openai.OpenAI, options: dict[str, Any], field: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, SIGNED, **options)
    error: Any = refused.value.body
    assert (error["param"], error["type"]) == (field, "invalid_request_error")
    assert error["message"]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user", "content": " "}],
        [{"role": "user", "content": "x" * 2001}],
        [{"role": "assistant", "content": "Hello."}],
        [{"role": "tool", "content": "x", "tool_call_id": "1"}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}],
        [{"role": "user", "content": "\ud800"}],
    ],
)
def test_refuses_invalid_messages(server: Any, messages: Any) -> None:
    response = server.post("/v1/chat/completions", json.dumps({"model": "quotable", "messages": messages}).encode())
    assert response.status == 400
    assert response.json()["error"]["param"].startswith("messages")


def test_refuses_an_invalid_model_name(server: Any) -> None:
    response = server.post("/v1/chat/completions", json.dumps({"model": "\ud800", "messages": []}).encode())
    assert response.status == 400
    assert "model must be valid Unicode" in response.json()["error"]["message"]


def test_names_the_invalid_content_part(client: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": SIGNED}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="quotable", messages=[{"role": "user", "content": parts}])  # type: ignore[typeddict-item]
    error: Any = refused.value.body
    assert error["param"] == "messages.0.content"
    assert "messages.0.content.1.TextPart.type must be 'text', not " in error["message"]
    assert "function" not in error["message"]


def test_accepts_a_long_conversation(client: openai.OpenAI) -> None:
    said = [SIGNED, "It was signed by two people."] * 400
    assert "Sam Altman" in ask(client, *said, SIGNED).choices[0].message.content
    refusal: Any = {"role": "assistant", "content": [{"type": "refusal", "refusal": "I cannot help with that."}]}
    asked: Any = {"role": "user", "content": SIGNED}
    completion = client.chat.completions.create(model="quotable", messages=[asked, refusal, asked])
    assert "Sam Altman" in str(completion.choices[0].message.content)


def test_refuses_other_openai_routes_in_openai_format(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.embeddings.create(model="quotable", input=SIGNED)
    error: Any = missing.value.body
    assert error["code"] == "not_found"


def test_other_errors_have_openai_format(server: Any) -> None:
    for response, status in (
        (server.get("/v1/chat/completions"), 405),
        (server.post("/v1/chat/completions", b"{"), 400),
        (server.post("/v1/chat/completions", b"{}", "text/plain"), 415),
        (server.get("/v1/chat/nothing"), 404),
        (server.post("/v1/chat/completions", b" " * 1_000_001), 413),
    ):
        assert (response.status, response.headers["Content-Type"]) == (status, "application/json")
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("spelling", [True, False])
def test_a_request_says_whether_spelling_is_corrected(client: openai.OpenAI, spelling: bool) -> None:
    completion = ask(client, "Who signed the memorandom?", extra_body={"spelling": spelling})
    assert completion.grounding["rewritten_query"] == (SIGNED if spelling else None)
