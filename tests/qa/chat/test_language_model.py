"""Chat with a language model: its text is checked against the passages, streamed and cached."""

from __future__ import annotations

import json
import re
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import openai
import pytest

from tests.conftest import Server
from tests.qa.chat.model_client import FOREIGN, IDLE_TIMEOUT, QUOTE, SIGNED, annotations, ask, content, number_of, quoted
from tests.qa.chat.scripted_model import ScriptedModel, begin, event, pieces_of, saying


def test_quotes_of_the_model_are_cited(model_server: Server, client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying(quoted, {"prompt_tokens": 700, "completion_tokens": 30})
    completion = ask(client)
    assert re.match(rf"Two people signed it: “{QUOTE}” \[\d\]\.\n\nSources:\n\[\d\] OpenAI and UK", content(completion))
    (cited,) = annotations(completion)
    place = cited["url_citation"]
    assert content(completion)[place["start_index"] : place["end_index"]] == cited["quote"] == QUOTE
    text = model_server.get(f"/v1/documents/{cited['document']['id']}/text").json()["text"]
    assert text[cited["start"] : cited["end"]] == QUOTE
    assert completion.grounding["by"] == "model"
    assert completion.grounding["removed"] == []
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (700, 30)


def test_prompt_fences_passages_and_offers_no_tools(client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying(quoted)
    ask(client)
    body = model.asked[-1]
    assert (model.paths[-1], body["model"], body["stream"]) == ("/v1/chat/completions", "scripted", True)
    assert model.headers[-1]["Authorization"] == "Bearer a secret"
    assert set(body) == {"model", "messages", "stream", "temperature"}
    marks = set(re.findall(r"^passage \[\d+\] (\w{32})$", body["messages"][-1]["content"], re.M))
    ask(client)
    again = set(re.findall(r"^passage \[\d+\] (\w{32})$", model.asked[-1]["messages"][-1]["content"], re.M))
    assert len(marks) == len(again) == 1
    assert marks != again


def test_streams_each_statement_once_checked(client: openai.OpenAI, model: ScriptedModel) -> None:
    def behave(model: ScriptedModel, handler: BaseHTTPRequestHandler) -> None:
        begin(handler)
        first = quoted(model.asked[-1])
        for piece in pieces_of(f"{first} The"):
            handler.wfile.write(event(piece))
        handler.wfile.flush()
        model.wait(IDLE_TIMEOUT / 2)
        sent.append(time.monotonic())
        for piece in pieces_of(f" memorandum was {first}"):
            handler.wfile.write(event(piece))
        handler.wfile.write(b"data: [DONE]\n\n")

    sent: list[float] = []
    model.behave = behave
    came = [(time.monotonic(), chunk) for chunk in ask(client, stream=True)]
    texts = [
        (moment, chunk.choices[0].delta.content) for moment, chunk in came if chunk.choices and chunk.choices[0].delta.content
    ]
    assert texts[0][0] < sent[0]
    assert QUOTE in texts[0][1]
    assert len(texts) > 1
    assert came[-1][1].choices[0].delta.annotations


@pytest.mark.parametrize(
    ("said", "removed"),
    [
        ("“signed a treaty of eternal friendship” [1].", "“signed a treaty of eternal friendship”"),
        (f"“{QUOTE.upper()}” [1].", f"“{QUOTE.upper()}”"),
        (f"“{QUOTE}” [9].", f"“{QUOTE}” [9]."),
        (f"“{QUOTE}” [0].", f"“{QUOTE}” [0]."),
        ("It was signed by the king of Spain.", "It was signed by the king of Spain."),
        ("The memorandum was signed in 2019 [1].", "The memorandum was signed in 2019 [1]."),
        ("Bananas grow upon tall trees near warm rivers [1].", "Bananas grow upon tall trees near warm rivers [1]."),
        ("The memorandum: see https://evil.example/x [1].", "The memorandum: see https://evil.example/x [1]."),
        ("The [memorandum](/x) of OpenAI and the UK [1].", "The [memorandum](/x) of OpenAI and the UK [1]."),
        ("The memorandum was not signed [1].", "The memorandum was not signed [1]."),
        ("The memorandum <img src=x> of OpenAI [1].", "The memorandum <img src=x> of OpenAI [1]."),
    ],
)
def test_removes_and_reports_unsupported_statements(
    client: openai.OpenAI, model: ScriptedModel, said: str, removed: str
) -> None:
    model.behave = saying(lambda body: f"{said} {quoted(body)}")
    completion = ask(client)
    assert completion.grounding["removed"] == [removed]
    assert removed.strip("“”") not in content(completion)
    assert QUOTE in content(completion)
    assert "Removed one statement of the language model that the passages do not support" in content(completion)
    assert len(annotations(completion)) == 1


def test_falls_back_to_quotes_if_nothing_is_supported(client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying("The king of Spain signed it, as everybody knows. “It was me” [1].")
    completion = ask(client)
    assert "Sam Altman" in content(completion)
    assert "king of Spain" not in content(completion)
    assert "support nothing that the language model wrote" in content(completion)
    assert completion.grounding["by"] == "quotes"
    assert completion.grounding["removed"]


def test_cites_the_words_that_support_a_paraphrase(model_server: Server, client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying(lambda body: f"Sam Altman and Peter Kyle signed the memorandum [{number_of(body, QUOTE)}].")
    completion = ask(client)
    (cited,) = annotations(completion)
    assert cited["verbatim"] is False
    place = cited["url_citation"]
    assert content(completion)[place["start_index"] : place["end_index"]] == f"[{cited['number']}]"
    text = model_server.get(f"/v1/documents/{cited['document']['id']}/text").json()["text"]
    assert text[cited["start"] : cited["end"]] == cited["quote"]
    assert "Peter Kyle" in cited["quote"]


def test_shows_quotes_in_the_documents_own_characters(client: openai.OpenAI, model: ScriptedModel) -> None:
    exact = "OpenAI’s first international office was opened in London in 2023."
    model.behave = saying(lambda body: f'"{exact.replace("’", chr(39))}" [{number_of(body, exact)}]')
    completion = ask(client, "When was the London office opened?")
    (cited,) = annotations(completion)
    assert cited["quote"] == exact
    assert f"“{exact}”" in content(completion)
    assert completion.grounding["removed"] == []


def test_strips_reasoning_before_the_answer(client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying(
        lambda body: f"\n<think>\nNOT IN THESE DOCUMENTS? No. The memorandum was signed [1].\n</think>\n{quoted(body)}"
    )
    completion = ask(client)
    assert content(completion).startswith("Two people signed it")
    assert completion.grounding["removed"] == []
    model.behave = saying("<think> The memorandum of OpenAI and the UK was signed [1].")
    assert ask(client).grounding["by"] == "quotes"


def test_reasoning_pieces_restart_the_idle_timeout(client: openai.OpenAI, model: ScriptedModel) -> None:
    def behave(model: ScriptedModel, handler: BaseHTTPRequestHandler) -> None:
        begin(handler)
        for _ in range(4):
            thought = {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]}
            handler.wfile.write(f"data: {json.dumps(thought)}\n\n".encode())
            handler.wfile.flush()
            model.wait(IDLE_TIMEOUT / 2.5)
        for piece in pieces_of(quoted(model.asked[-1])):
            handler.wfile.write(event(piece))
        handler.wfile.write(b"data: [DONE]\n\n")

    model.behave = behave
    assert ask(client).grounding["by"] == "model"


def test_accepts_citations_of_several_passages(client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying(lambda body: f"Sam Altman and Peter Kyle signed the memorandum [{number_of(body, QUOTE)}, 1].")
    completion = ask(client)
    assert re.match(r"Sam Altman and Peter Kyle signed the memorandum \[\d\]\[1\]\.", content(completion))
    assert len(annotations(completion)) == 2
    for each in annotations(completion):
        place = each["url_citation"]
        assert content(completion)[place["start_index"] : place["end_index"]] == f"[{each['number']}]"


def test_model_may_report_that_nothing_answers(client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying("NOT IN THESE DOCUMENTS")
    completion = ask(client)
    assert content(completion).startswith("Not in these documents.")
    assert completion.grounding["answerable"] is False


def test_does_not_call_the_model_without_a_passage(client: openai.OpenAI, model: ScriptedModel) -> None:
    before = len(model.asked)
    assert content(ask(client, FOREIGN)).startswith("Not in these documents.")
    assert content(ask(client, SIGNED, extra_body={"filter": {"type": "eq", "key": "id", "value": "none"}})).startswith(
        "Not in"
    )
    assert content(ask(client, "Thank you!")) == "You are welcome."
    assert ask(client, SIGNED, model="quotable-quotes").grounding["by"] == "quotes"
    assert len(model.asked) == before


def test_caches_replies_of_the_model(client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying(quoted)
    messages: list[Any] = [{"role": "user", "content": SIGNED}]
    before = len(model.asked)
    replies = [client.chat.completions.create(model="quotable", messages=messages) for _ in range(3)]
    assert len(model.asked) == before + 1
    assert len({content(reply) for reply in replies}) == 1
