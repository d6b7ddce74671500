"""The history of a question: its limits, and errors that name the invalid turn."""

from __future__ import annotations

import json
from typing import Any

import pytest


@pytest.mark.parametrize(("turns", "status"), [(2_000, 200), (2_001, 422)])
def test_limits_the_turns_of_a_conversation(server: Any, turns: int, status: int) -> None:
    history = [{"role": ("user", "assistant")[turn % 2], "content": "x"} for turn in range(turns)]
    response = server.post("/v1/search", json.dumps({"query": "who", "history": history}).encode())
    assert response.status == status
    messages = [*history[:-1], {"role": "user", "content": "who"}]
    response = server.post("/v1/chat/completions", json.dumps({"messages": messages}).encode())
    assert response.status == {422: 400}.get(status, status)  # OpenAI's status for an invalid field


@pytest.mark.parametrize(
    "turn",
    [
        "who",
        {"role": "user"},
        {"role": "system", "content": "x"},
        {"role": "user", "content": "x", "name": "me"},
        {"role": "user", "content": "a\0b"},
        {"role": "user", "content": "x" * 100_001},
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_names_the_invalid_turn(server: Any, turn: Any) -> None:
    body = json.dumps({"query": "who", "history": [{"role": "user", "content": "x"}, turn]}).encode()
    response = server.post("/v1/search", body)
    assert response.status == 422
    (error,) = response.json()["errors"]
    assert error["field"].startswith("history.1")
