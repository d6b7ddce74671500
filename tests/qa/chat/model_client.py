"""Ask a server that has a language model, and read its completions."""

from __future__ import annotations

import re
from typing import Any

import openai

SIGNED = "Who signed the memorandum?"
FOREIGN = "Which club won the football cup in 1966?"
QUOTE = "signed a Memorandum of Understanding"
IDLE_TIMEOUT, TIMEOUT = 1.0, 2.5  # of the language model, in seconds

_numbers = iter(range(1_000_000))


def ask(client: openai.OpenAI, question: str = SIGNED, model: str = "quotable", **options: Any) -> Any:
    """A completion that is never cached: the application's instructions differ every time."""
    messages: list[Any] = [{"role": "system", "content": f"Request {next(_numbers)}."}, {"role": "user", "content": question}]
    return client.chat.completions.create(model=model, messages=messages, **options)


def content(completion: Any) -> str:
    return str(completion.choices[0].message.content)


def annotations(completion: Any) -> list[Any]:
    found: list[Any] = completion.choices[0].message.model_dump()["annotations"]
    return found


def quoted(body: dict[str, Any]) -> str:
    """The answer of a model that follows its rules: it quotes and cites a passage of the prompt."""
    return f"Two people signed it: “{QUOTE}” [{number_of(body, QUOTE)}]."


def number_of(body: dict[str, Any], words: str) -> int:
    """The number of the passage in the prompt that contains these words."""
    passages = re.findall(r"^passage \[(\d+)\].*?^end of passage", body["messages"][-1]["content"], re.M | re.S)
    texts = re.split(r"^passage \[\d+\].*$", body["messages"][-1]["content"], flags=re.M)[1:]
    return next(int(number) for number, text in zip(passages, texts, strict=True) if words in text)
