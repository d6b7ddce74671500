"""A language model in front of the documents: what it writes is checked against them, and however it fails, the quotes are there."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.qa.chat.scripted_model import ScriptedModel, begin, dripping, event, late, pieces_of, saying, sending

SIGNED = "Who signed the memorandum?"
FOREIGN = "Which club won the football cup in 1966?"
QUOTE = "signed a Memorandum of Understanding"
SILENCE, TIMEOUT = 1.0, 2.5
# In seconds: a reply that takes longer than the model's whole time and this hangs.
SLACK = 5.0


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as running:
        yield running


@pytest.fixture(scope="module")
def served(data_folder: Callable[[], Path], start_server: Callable[..., Any], model: ScriptedModel) -> Iterator[Any]:
    settings = {
        "QA_LLM_URL": model.address,
        "QA_LLM_MODEL": "scripted",
        "QA_LLM_KEY": "a secret",
        "QA_LLM_IDLE_TIMEOUT": str(SILENCE),
        "QA_LLM_TIMEOUT": str(TIMEOUT),
    }
    with start_server(data_folder(), **settings) as running:
        yield running
        assert "Traceback" not in running.log, running.log
        assert "a secret" not in running.log


@pytest.fixture(scope="module")
def client(served: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.address}/v1", api_key="none", max_retries=0, timeout=60) as made:
        yield made


questions = iter(range(1_000_000))


def ask(client: openai.OpenAI, question: str = SIGNED, model: str = "quotable", **options: Any) -> Any:
    """A completion that no earlier one is kept for: the application's instructions differ every time."""
    said: list[Any] = [{"role": "system", "content": f"Request {next(questions)}."}, {"role": "user", "content": question}]
    return client.chat.completions.create(model=model, messages=said, **options)


def content(completion: Any) -> str:
    return str(completion.choices[0].message.content)


def annotations(completion: Any) -> list[Any]:
    found: list[Any] = completion.choices[0].message.model_dump()["annotations"]
    return found


def quoted(body: dict[str, Any]) -> str:
    """What a model that keeps to its rules says: words of the first passage, quoted and cited, and the rest in its own."""
    return f"Two people signed it: “{QUOTE}” [{number_of(body, QUOTE)}]."


def number_of(body: dict[str, Any], words: str) -> int:
    """The number of the passage in the prompt that holds these words."""
    passages = re.findall(r"^passage \[(\d+)\].*?^end of passage", body["messages"][-1]["content"], re.M | re.S)
    texts = re.split(r"^passage \[\d+\].*$", body["messages"][-1]["content"], flags=re.M)[1:]
    return next(int(number) for number, text in zip(passages, texts, strict=True) if words in text)


def test_a_model_answers_from_the_passages(served: Any, client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying(quoted, {"prompt_tokens": 700, "completion_tokens": 30})
    completion = ask(client)
    assert re.match(rf"Two people signed it: “{QUOTE}” \[\d\]\.\n\nSources:\n\[\d\] OpenAI and UK", content(completion))
    (cited,) = annotations(completion)
    place = cited["url_citation"]
    assert content(completion)[place["start_index"] : place["end_index"]] == cited["quote"] == QUOTE
    text = served.get(f"/v1/documents/{cited['document']['id']}/text").json()["text"]
    assert text[cited["start"] : cited["end"]] == QUOTE
    assert completion.grounding["by"] == "model"
    assert completion.grounding["removed"] == []
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (700, 30)


def test_it_is_asked_with_the_passages_fenced_and_without_tools(client: openai.OpenAI, model: ScriptedModel) -> None:
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


def test_it_is_streamed_as_it_is_checked(client: openai.OpenAI, model: ScriptedModel) -> None:
    def behave(model: ScriptedModel, handler: Any) -> None:
        begin(handler)
        first = quoted(model.asked[-1])
        for piece in pieces_of(f"{first} The"):
            handler.wfile.write(event(piece))
        handler.wfile.flush()
        model.wait(SILENCE / 2)
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
        ("The memorandum <img src=x> of OpenAI [1].", "The memorandum <img src=x> of OpenAI [1]."),
    ],
)
def test_what_the_passages_do_not_bear_out_is_left_out_and_reported(
    client: openai.OpenAI, model: ScriptedModel, said: str, removed: str
) -> None:
    model.behave = saying(lambda body: f"{said} {quoted(body)}")
    completion = ask(client)
    assert completion.grounding["removed"] == [removed]
    assert removed.strip("“”") not in content(completion)
    assert QUOTE in content(completion)
    assert "also wrote a statement that the passages do not bear out" in content(completion)
    assert len(annotations(completion)) == 1


def test_where_nothing_of_it_holds_the_quotes_are_there(client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying("The king of Spain signed it, as everybody knows. “It was me” [1].")
    completion = ask(client)
    assert "Sam Altman" in content(completion)
    assert "king of Spain" not in content(completion)
    assert "Nothing that the language model wrote" in content(completion)
    assert completion.grounding["by"] == "quotes"
    assert completion.grounding["removed"]


def test_a_statement_in_its_own_words_is_kept_with_the_words_that_bear_it_out(
    served: Any, client: openai.OpenAI, model: ScriptedModel
) -> None:
    model.behave = saying(lambda body: f"Sam Altman and Peter Kyle signed the memorandum [{number_of(body, QUOTE)}].")
    completion = ask(client)
    (cited,) = annotations(completion)
    assert cited["verbatim"] is False
    place = cited["url_citation"]
    assert content(completion)[place["start_index"] : place["end_index"]] == f"[{cited['number']}]"
    text = served.get(f"/v1/documents/{cited['document']['id']}/text").json()["text"]
    assert text[cited["start"] : cited["end"]] == cited["quote"]
    assert "Peter Kyle" in cited["quote"]


def test_a_quote_in_plain_characters_is_shown_in_the_documents_own(client: openai.OpenAI, model: ScriptedModel) -> None:
    exact = "OpenAI’s first international office was opened in London in 2023."
    model.behave = saying(lambda body: f'"{exact.replace("’", chr(39))}" [{number_of(body, exact)}]')
    completion = ask(client, "When was the London office opened?")
    (cited,) = annotations(completion)
    assert cited["quote"] == exact
    assert f"“{exact}”" in content(completion)
    assert completion.grounding["removed"] == []


def test_what_a_model_thinks_aloud_is_no_answer(client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying(
        lambda body: f"\n<think>\nNOT IN THESE DOCUMENTS? No. The memorandum was signed [1].\n</think>\n{quoted(body)}"
    )
    completion = ask(client)
    assert content(completion).startswith("Two people signed it")
    assert completion.grounding["removed"] == []
    model.behave = saying("<think> The memorandum of OpenAI and the UK was signed [1].")
    assert ask(client).grounding["by"] == "quotes"


def test_a_model_that_thinks_is_not_silent(client: openai.OpenAI, model: ScriptedModel) -> None:
    def behave(model: ScriptedModel, handler: Any) -> None:
        begin(handler)
        for _ in range(4):
            thought = {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]}
            handler.wfile.write(f"data: {json.dumps(thought)}\n\n".encode())
            handler.wfile.flush()
            model.wait(SILENCE / 2.5)
        for piece in pieces_of(quoted(model.asked[-1])):
            handler.wfile.write(event(piece))
        handler.wfile.write(b"data: [DONE]\n\n")

    model.behave = behave
    assert ask(client).grounding["by"] == "model"


def test_several_passages_may_be_cited_at_once(client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying(lambda body: f"Sam Altman and Peter Kyle signed the memorandum [{number_of(body, QUOTE)}, 1].")
    completion = ask(client)
    assert re.match(r"Sam Altman and Peter Kyle signed the memorandum \[\d\]\[1\]\.", content(completion))
    assert len(annotations(completion)) == 2
    for each in annotations(completion):
        place = each["url_citation"]
        assert content(completion)[place["start_index"] : place["end_index"]] == f"[{each['number']}]"


def test_a_model_that_finds_nothing_is_believed(client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying("NOT IN THESE DOCUMENTS")
    completion = ask(client)
    assert content(completion).startswith("Not in these documents.")
    assert completion.grounding["answerable"] is False


def test_without_a_passage_no_model_is_asked(client: openai.OpenAI, model: ScriptedModel) -> None:
    before = len(model.asked)
    assert content(ask(client, FOREIGN)).startswith("Not in these documents.")
    assert content(ask(client, SIGNED, extra_body={"filter": {"type": "eq", "key": "id", "value": "none"}})).startswith(
        "Not in"
    )
    assert content(ask(client, "Thank you!")) == "You are welcome."
    assert ask(client, SIGNED, model="quotable-quotes").grounding["by"] == "quotes"
    assert len(model.asked) == before


def test_a_question_that_is_asked_again_is_not_asked_again_of_the_model(client: openai.OpenAI, model: ScriptedModel) -> None:
    model.behave = saying(quoted)
    messages: list[Any] = [{"role": "user", "content": SIGNED}]
    before = len(model.asked)
    replies = [client.chat.completions.create(model="quotable", messages=messages) for _ in range(3)]
    assert len(model.asked) == before + 1
    assert len({content(reply) for reply in replies}) == 1


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (late(20), "nothing for too long"),
        (dripping(b": still here\n\n"), "nothing for too long"),
        (dripping(b"x"), "nothing for too long"),
        (dripping(b"HTTP/1.1 200 OK\r\nX-Long: ", head=False), "language model"),
        (dripping(event("hm ")), "was not ready"),
        (sending(b"data: {not json\n\n"), "not JSON"),
        (sending(b"data: [1, 2]\n\n"), "no object"),
        (sending(b"data: " + b"[" * 100_000 + b"\n\n"), "not JSON"),
        (sending(b'data: {"error": {"message": "out of memory"}}\n\n'), "an error"),
        (sending(b"\x00\xff\xfe" * 100), "broke off"),
        (sending(b""), "broke off"),
        (
            sending(b'data: {"choices": [{"delta": {"content": 5}}]}\n\n', b"data: [DONE]\n\n"),
            "Nothing that the language model",
        ),
        (sending(b'data: {"choices": 7}\n\n', b"data: [DONE]\n\n"), "Nothing that the language model"),
        (sending(b"data: " + b"a" * 1_100_000), "without an end"),
        (sending(event("word " * 20_000)), "went on for more"),
        (sending(b"no", status=500), "status 500"),
        (sending(b"", status=302), "status 302"),
        (sending(b"<html>", kind="application/json"), "not JSON"),
        (sending(b"{}", kind="application/json"), "no answer"),
        (lambda model, handler: handler.connection.close(), "broke off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("stream", [False, True])
def test_however_the_model_fails_the_quotes_are_there_in_time(
    client: openai.OpenAI, model: ScriptedModel, behave: Any, words: str, stream: bool
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


def test_an_answer_that_breaks_off_is_kept_as_far_as_it_holds_and_the_quotes_follow(
    client: openai.OpenAI, model: ScriptedModel
) -> None:
    def behave(model: ScriptedModel, handler: Any) -> None:
        begin(handler)
        handler.wfile.write(event(f"{quoted(model.asked[-1])} And then they"))

    model.behave = behave
    completion = ask(client)
    text = content(completion)
    assert text.startswith("Two people signed it")
    assert "And then they" not in text
    assert "broke off" in text
    assert "Sam Altman" in text
    for each in annotations(completion):
        place = each["url_citation"]
        assert text[place["start_index"] : place["end_index"]] == each["quote"]


def test_a_failure_is_not_kept(client: openai.OpenAI, model: ScriptedModel) -> None:
    messages: list[Any] = [{"role": "system", "content": "Kept?"}, {"role": "user", "content": SIGNED}]
    model.behave = sending(b"", status=500)
    assert client.chat.completions.create(model="quotable", messages=messages).grounding["by"] == "quotes"  # type: ignore[attr-defined]
    model.behave = saying(quoted)
    assert client.chat.completions.create(model="quotable", messages=messages).grounding["by"] == "model"  # type: ignore[attr-defined]


def test_slow_streams_leave_searches_alone_and_the_many_get_quotes(
    served: Any, client: openai.OpenAI, model: ScriptedModel
) -> None:
    model.behave = dripping(event("hm "))
    notes: list[str] = []
    threads = [threading.Thread(target=lambda: notes.extend(ask(client).grounding["notes"])) for _ in range(12)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    began = time.monotonic()
    assert served.search(SIGNED)["answerable"]
    assert time.monotonic() - began < TIMEOUT / 2
    for thread in threads:
        thread.join()
    assert sum("busy" in note for note in notes) == 8
    assert sum("not ready" in note for note in notes) == 4


def test_a_client_that_goes_away_ends_the_call_to_the_model(served: Any, client: openai.OpenAI, model: ScriptedModel) -> None:
    ended = threading.Event()

    def behave(model: ScriptedModel, handler: Any) -> None:
        try:
            dripping(event(f"“{QUOTE}” [1]. More "), 0.05)(model, handler)
        except OSError:
            ended.set()

    model.behave = behave
    body = {"messages": [{"role": "system", "content": "leave"}, {"role": "user", "content": SIGNED}], "stream": True}
    sent = json.dumps(body).encode()
    with socket.create_connection((served.host, served.port)) as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {served.host}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    assert ended.wait(TIMEOUT + SLACK)


def test_a_model_that_is_not_there_costs_no_time(data_folder: Callable[[], Path], start_server: Callable[..., Any]) -> None:
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
def test_a_model_that_cannot_be_asked_is_refused_at_the_start(settings: dict[str, str], words: list[str]) -> None:
    from qa.settings.settings import SettingsError, read_settings

    with pytest.raises(SettingsError) as refused:
        read_settings({}, settings)
    assert all(word in str(refused.value) for word in words)
