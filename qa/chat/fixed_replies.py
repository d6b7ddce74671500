"""Replies without a search: to small talk, and to crisis words from the operator's file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.types import QuotableError
from index.text.analysis import fold
from qa.answering.question.small_talk import SmallTalk

SMALL_TALK_REPLIES: Mapping[SmallTalk, str] = {
    SmallTalk.GREETING: "Hello. Ask a question, and I look for the answer in these documents.",
    SmallTalk.THANKS: "You are welcome.",
    SmallTalk.FAREWELL: "Goodbye.",
    SmallTalk.ABOUT_ASSISTANT: (
        "I am a program that searches these documents. Ask a question, and I answer with their exact words and their source;"
        " if they do not answer it, I say so. I know nothing else."
    ),
    SmallTalk.ACKNOWLEDGEMENT: "All right. Ask whenever there is something else to look up.",
}
_WORD = re.compile(r"[^\W_]+")


class CrisisWordsError(QuotableError):
    """The file of crisis words cannot be read or is not valid."""


@dataclass(frozen=True, slots=True)
class CrisisReply:
    """`text` is the reply to a message that contains one of `phrases` (lower case, no accents, single spaces)."""

    phrases: Sequence[str]
    text: str


def crisis_text(message: str, replies: Sequence[CrisisReply]) -> str | None:
    """The text of the first reply that matches, None if none does. Compares whole words; case and accents do not matter."""
    words = f" {_normalise(message)} "
    return next((reply.text for reply in replies if any(f" {phrase} " in words for phrase in reply.phrases)), None)


def read_crisis_replies(path: Path | None) -> list[CrisisReply]:
    """Read a TOML file with tables `[[reply]]`, each with `words` (a list) and `text`. Raises CrisisWordsError."""
    if path is None:
        return []
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CrisisWordsError(f"cannot read the crisis words in {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CrisisWordsError(f"the crisis words in {path} are not valid TOML: {error}") from error
    tables = content.get("reply")
    if set(content) != {"reply"} or not isinstance(tables, list):
        raise CrisisWordsError(f'{path} must contain only tables [[reply]], each with words = [...] and text = "..."')
    return [_crisis_reply(path, table) for table in tables]


def _crisis_reply(path: Path, table: Any) -> CrisisReply:
    words, text = (table.get("words"), table.get("text")) if isinstance(table, dict) else (None, None)
    if (
        not isinstance(words, list)
        or not isinstance(text, str)
        or not text.strip()
        or set(table) != {"words", "text"}
        or not all(isinstance(word, str) and _normalise(word) for word in words)
        or not words
    ):
        raise CrisisWordsError(f"{path}: a [[reply]] must have words (a list of words or phrases) and text, and no other key")
    return CrisisReply([_normalise(word) for word in words], text.strip())


def _normalise(text: str) -> str:
    return " ".join(_WORD.findall(fold(text).lower()))
