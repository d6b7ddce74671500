"""Failures of the language model: the reply contains quotes instead, within the time limits."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.conftest import Server, StartServer
from tests.qa.chat.model_client import QUOTE, SIGNED, TIMEOUT, annotations, ask, content, quoted
from tests.qa.chat.scripted_model import Behave, ScriptedModel, begin, dripping, event, late, saying, sending

# In seconds: a reply that takes longer than the model's whole time and this hangs.
SLACK = 5.0


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (late(20), "sent nothing for 1 s"),
        (dripping(b": still here\n\n"), "sent nothing for 1 s"),
        (dripping(b"x"), "sent nothing for 1 s"),
        (dripping(b"HTTP/1.1 200 OK\r\nX-Long: ", head=False), "language model"),
        (dripping(event("hm ")), "did not finish within 2.5 s"),
        (sending(b"data: {not json\n\n"), "not JSON"),
        (sending(b"data: [1, 2]\n\n"), "not a JSON object"),
        (sending(b"data: " + b"[" * 100_000 + b"\n\n"), "not JSON"),
        (sending(b'data: {"error": {"message": "out of memory"}}\n\n'), "an error"),
        (sending(b"\x00\xff\xfe" * 100), "closed the connection before"),
        (sending(b""), "closed the connection before"),
        (
            sending(b'data: {"choices": [{"delta": {"content": 5}}]}\n\n', b"data: [DONE]\n\n"),
            "nothing that the language model wrote",
        ),
        (sending(b'data: {"choices": 7}\n\n', b"data: [DONE]\n\n"), "nothing that the language model wrote"),
        (sending(b"data: " + b"a" * 1_100_000), "a line of more than"),
        (sending(event("word " * 20_000)), "wrote more than"),
        (sending(b"no", status=500), "status 500"),
        (sending(b"", status=302), "status 302"),
        (sending(b"<html>", kind="application/json"), "not JSON"),
        (sending(b"{}", kind="application/json"), "no answer"),
        (lambda model, handler: handler.connection.close(), "closed the connection early"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("stream", [False, True])
def test_every_failure_of_the_model_gives_quotes_in_time(
    client: openai.OpenAI, model: ScriptedModel, behave: Behave, words: str, stream: bool
) -> None:
    model.behave = behave
    began = time.monotonic()
    completion = ask(client, stream=stream)
    if stream:
        chunks = list(completion)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        grounding, cited = chunks[-1].grounding, chunks[-1].choices[0].delta.annotations
    else:
        text, grounding, cited = content(completion), completion.grounding, annotations(completion)
    assert time.monotonic() - began < TIMEOUT + SLACK
    assert "Sam Altman" in text
    assert words in text
    assert grounding["by"] == "quotes"
    assert any(words in note for note in grounding["notes"])
    for each in cited:
        place = each["url_citation"]
        assert text[place["start_index"] : place["end_index"]] == each["quote"]


def test_keeps_the_supported_part_of_a_truncated_answer(client: openai.OpenAI, model: ScriptedModel) -> None:
    def behave(model: ScriptedModel, handler: BaseHTTPRequestHandler) -> None:
        begin(handler)
        handler.wfile.write(event(f"{quoted(model.asked[-1])} And then they"))

    model.behave = behave
    completion = ask(client)
    text = content(completion)
    assert text.startswith("Two people signed it")
    assert "And then they" not in text
    assert "closed the connection before" in text
    assert "Sam Altman" in text
    for each in annotations(completion):
        place = each["url_citation"]
        assert text[place["start_index"] : place["end_index"]] == each["quote"]


def test_does_not_cache_failures(client: openai.OpenAI, model: ScriptedModel) -> None:
    messages: list[Any] = [{"role": "system", "content": "Kept?"}, {"role": "user", "content": SIGNED}]
    model.behave = sending(b"", status=500)
    assert client.chat.completions.create(model="quotable", messages=messages).grounding["by"] == "quotes"  # type: ignore[attr-defined]
    model.behave = saying(quoted)
    assert client.chat.completions.create(model="quotable", messages=messages).grounding["by"] == "model"  # type: ignore[attr-defined]


def test_limits_concurrent_model_calls(model_server: Server, client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = dripping(event("hm "))
    notes: list[str] = []
    threads = [threading.Thread(target=lambda: notes.extend(ask(client).grounding["notes"])) for _ in range(12)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    began = time.monotonic()
    assert model_server.search(SIGNED)["answerable"]
    assert time.monotonic() - began < TIMEOUT / 2
    for thread in threads:
        thread.join()
    assert sum("busy" in note for note in notes) == 8
    assert sum("did not finish" in note for note in notes) == 4


def test_client_disconnect_ends_the_model_call(model_server: Server, client: openai.OpenAI, model: ScriptedModel) -> None:
    called, ended = threading.Event(), threading.Event()

    def behave(model: ScriptedModel, handler: BaseHTTPRequestHandler) -> None:
        called.set()
        try:
            dripping(event(f"“{QUOTE}” [1]. More "), 0.05)(model, handler)
        except OSError:
            ended.set()

    model.behave = behave
    body = {"messages": [{"role": "system", "content": "leave"}, {"role": "user", "content": SIGNED}], "stream": True}
    sent = json.dumps(body).encode()
    with socket.create_connection((model_server.host, model_server.port)) as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {model_server.host}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        # The head is sent before the model is called: who leaves in between never starts a call.
        assert called.wait(SLACK)
    assert ended.wait(TIMEOUT + SLACK)


def test_unreachable_model_gives_quotes(data_folder: Callable[[], Path], start_server: StartServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    settings = {"QA_LLM_URL": f"http://127.0.0.1:{free}", "QA_LLM_MODEL": "none"}
    with (
        start_server(data_folder(), **settings) as running,
        openai.OpenAI(base_url=f"{running.address}/v1", api_key="x") as asking,
    ):
        completion = ask(asking)
        assert "cannot be reached" in content(completion)
        assert "Sam Altman" in content(completion)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"QA_LLM_URL": "127.0.0.1:8080", "QA_LLM_MODEL": "m"}, ["llm_url", "http://"]),
        ({"QA_LLM_URL": "http://127.0.0.1:8080"}, ["llm_model"]),
        ({"QA_LLM_URL": "http://127.0.0.1:99999", "QA_LLM_MODEL": "m"}, ["llm_url"]),
        ({"QA_LLM_IDLE_TIMEOUT": "0"}, ["llm_idle_timeout"]),
    ],
)
def test_rejects_invalid_model_settings(settings: dict[str, str], words: list[str]) -> None:
    from qa.settings.reading import SettingsError, read_settings

    with pytest.raises(SettingsError) as refused:
        read_settings({}, settings)
    assert all(word in str(refused.value) for word in words)
