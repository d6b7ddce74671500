"""`qa chat`, and the replies to crisis words."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qa.chat.fixed_replies import CrisisWordsError, crisis_text, read_crisis_replies
from tests.conftest import Server, StartServer, environment

CRISIS = """
[[reply]]
words = ["suicide", "kill myself"]
text = "You can talk to somebody now: call 116 123."
"""


@pytest.fixture
def crisis_file(tmp_path: Path) -> Path:
    path = tmp_path / "crisis.toml"
    path.write_text(CRISIS)
    return path


def test_chats_in_the_terminal(server: Server, qa_path: Path) -> None:
    lines = (
        "Hello!\nWho signed the memorandum?\nAnd what is it about?\n"
        + "x" * 2001
        + "\nWhich club won the football cup in 1966?\n/quit\nmore\n"
    )
    ended = subprocess.run(
        [str(qa_path), "--data", str(server.data), "chat"],
        input=lines, capture_output=True, text=True, encoding="utf-8", env=environment({}), check=False, timeout=120,
    )  # fmt: skip
    assert (ended.returncode, "at most 2000 characters" in ended.stderr) == (0, True)
    hello, signed, about, foreign = ended.stdout.split("\n\n", 1)[0], *_after(ended.stdout, 3)
    assert hello.startswith("Hello.")
    assert "Sam Altman" in signed
    assert "\n[1] OpenAI and UK Government" in signed
    assert "“" in about
    assert foreign.startswith("Not in these documents.")
    assert "more" not in ended.stdout.split("Not in these documents.")[1].split("\n")[0]


def _after(output: str, replies: int) -> list[str]:
    """The replies after the first, each with its list of sources."""
    parts = output.split("Sources:\n")
    begun = [parts[0].split("\n\n", 1)[1], *(part.split("\n\n", 1)[1] for part in parts[1:replies])]
    return [f"{text}Sources:\n{rest}" for text, rest in zip(begun, parts[1 : replies + 1], strict=True)]


def test_replies_to_crisis_words_with_the_operators_text_first(
    data_folder: Callable[[], Path], start_server: StartServer, crisis_file: Path
) -> None:
    with start_server(data_folder(), QA_CRISIS_WORDS=str(crisis_file)) as running:

        def ask(message: str) -> Any:
            body = {"messages": [{"role": "user", "content": message}]}
            return running.post("/v1/chat/completions", json.dumps(body).encode()).json()

        alone = ask("I want to KILL myself")
        assert alone["choices"][0]["message"]["content"] == "You can talk to somebody now: call 116 123."
        assert alone["grounding"]["by"] == "fixed"
        both = ask("Who signed the memorandum of understanding with Sam Altman of OpenAI? Suicide")
        message = both["choices"][0]["message"]
        assert message["content"].startswith("You can talk to somebody now: call 116 123.\n\n")
        assert "Sam Altman" in message["content"]
        for each in message["annotations"]:
            place = each["url_citation"]
            assert message["content"][place["start_index"] : place["end_index"]] == each["quote"]
        assert ask("Who signed the memorandum?")["choices"][0]["message"]["content"].startswith(("“", "Closest"))


def test_crisis_words_match_whole_words_in_any_case(crisis_file: Path) -> None:
    replies = read_crisis_replies(crisis_file)
    for message in ("Suicide?", "SUÍCIDE", "i will kill  myself.", "kill, myself"):
        assert crisis_text(message, replies), message
    for message in ("suicidetree", "How do I kill weeds myself?", "skill myself", ""):
        assert crisis_text(message, replies) is None, message
    assert read_crisis_replies(None) == []


@pytest.mark.parametrize(
    "content",
    ["", "reply = 1", "[[reply]]\nwords = []\ntext = 'x'", "[[reply]]\nwords = ['x']", "[[reply]]\nwords = ['!']\ntext = 'x'",
     "[[reply]]\nwords = ['x']\ntext = ' '", "[[reply]]\nwords = ['x']\ntext = 'x'\nmore = 1", "not toml"],
)  # fmt: skip
def test_rejects_an_invalid_file_of_crisis_words_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "crisis.toml"
    path.write_text(content)
    with pytest.raises(CrisisWordsError, match=r"crisis\.toml"):
        read_crisis_replies(path)
    with pytest.raises(CrisisWordsError, match="cannot read"):
        read_crisis_replies(tmp_path / "none.toml")
