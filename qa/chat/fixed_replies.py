"""Replies that no document is asked for: to small talk, and to crisis words that the operator named."""

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
    SmallTalk.GREETING: "Hello. Ask a question, and I look for the words in these documents that answer it.",
    SmallTalk.THANKS: "You are welcome.",
    SmallTalk.FAREWELL: "Goodbye.",
    SmallTalk.ABOUT_ASSISTANT: (
        "I am a program that searches these documents. Ask a question, and I answer with their exact words and say where they"
        " stand; where they do not answer it, I say so. I know nothing else."
    ),
    SmallTalk.ACKNOWLEDGEMENT: "All right. Ask whenever there is something else to look up.",
}
_WORD = re.compile(r"[^\W_]+")


class CrisisWordsError(QuotableError):
    """The file of crisis words cannot be used."""


@dataclass(frozen=True, slots=True)
class CrisisReply:
    """`text` is said first to a message that holds one of `phrases` (words in lower case without accents, one space between)."""

    phrases: Sequence[str]
    text: str


def crisis_text(message: str, replies: Sequence[CrisisReply]) -> str | None:
    """What the operator wants said first to this message; None for nothing. Whole words, however they are written."""
    said = f" {_plain(message)} "
    return next((reply.text for reply in replies if any(f" {phrase} " in said for phrase in reply.phrases)), None)


def read_crisis_replies(path: Path | None) -> list[CrisisReply]:
    """From a TOML file with tables `[[reply]]`, each with `words` (a list) and `text`. Raises CrisisWordsError, saying what is wrong."""
    if path is None:
        return []
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CrisisWordsError(f"cannot read the crisis words in {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CrisisWordsError(f"the crisis words in {path} are not TOML: {error}") from error
    tables = content.get("reply")
    if set(content) != {"reply"} or not isinstance(tables, list):
        raise CrisisWordsError(f'{path} must hold tables [[reply]], each with words = [...] and text = "...", and nothing else')
    return [_crisis_reply(path, table) for table in tables]


def _crisis_reply(path: Path, table: Any) -> CrisisReply:
    words, text = (table.get("words"), table.get("text")) if isinstance(table, dict) else (None, None)
    if (
        not isinstance(words, list)
        or not isinstance(text, str)
        or not text.strip()
        or set(table) != {"words", "text"}
        or not all(isinstance(word, str) and _plain(word) for word in words)
        or not words
    ):
        raise CrisisWordsError(f"{path}: a [[reply]] takes words (a list of words or phrases) and text, and nothing else")
    return CrisisReply([_plain(word) for word in words], text.strip())


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(fold(text).lower()))
