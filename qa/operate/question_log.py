"""Kept questions: those without an answer (setting `keep_questions`), and feedback (setting `feedback`).

One JSON object per line in `questions.jsonl` in the data folder: part of the backup, and readable, editable or deletable with any tool.
A line that a crash left incomplete is skipped.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from corpus.types import QuotableError

log = logging.getLogger(__name__)

FILE_NAME = "questions.jsonl"
FORMAT = 1
MAX_BYTES = 100_000_000  # of the file; further questions are not kept


class Outcome(StrEnum):
    UNANSWERED = "unanswered"  # "Not in these documents"
    HELPED = "helped"  # feedback: the results answered it
    DID_NOT_HELP = "did_not_help"


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """A question and its outcome. `at`: ISO 8601 in UTC. `results`: passage ids, best first."""

    at: str
    outcome: Outcome
    question: str
    generation: int
    results: Sequence[str]


class QuestionLog:
    """Safe for threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._writing = threading.Lock()
        self._has_warned = False

    def record(self, outcome: Outcome, question: str, generation: int, results: Sequence[str]) -> None:
        """Append a line. A failure is logged once and ignored: the answer matters more than its record."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        entry = {"format": FORMAT, "at": at, "outcome": outcome, "question": question}
        line = json.dumps(entry | {"generation": generation, "results": list(results)}, ensure_ascii=False) + "\n"
        try:
            with self._writing, self.path.open("ab+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
                size = file.seek(0, os.SEEK_END)
                if size > MAX_BYTES:
                    raise OSError(f"it has more than {MAX_BYTES:,} bytes; move it to another folder")
                file.write(_line_end_before(file, size) + line.encode())
        except OSError as error:
            if not self._has_warned:
                log.warning("questions are not kept in %s: %s", self.path, error)
            self._has_warned = True
        else:
            self._has_warned = False

    def entries(self, most_bytes: int | None = None) -> Iterator[KeptQuestion]:
        """The entries, or those in the last `most_bytes` of the file, oldest first. Raises QuestionLogError if it cannot be read."""
        try:
            with self.path.open("rb") as file:
                if most_bytes is not None:  # the first line may be a part, which is skipped
                    file.seek(max(0, file.seek(0, os.SEEK_END) - most_bytes))
                yield from (entry for entry in map(_parse, file) if entry)
        except FileNotFoundError:
            return
        except OSError as error:
            raise QuestionLogError(f"cannot read {self.path}: {error.strerror}") from error


class QuestionLogError(QuotableError):
    """questions.jsonl cannot be read."""


def _line_end_before(file: BinaryIO, size: int) -> bytes:
    """A line break, if a crash left the last line incomplete."""
    if size == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def question_key(question: str) -> str:
    """The same for questions that differ in case, white space and the punctuation at the end only."""
    return " ".join(question.casefold().split()).rstrip("?!. ")


def _parse(line: bytes) -> KeptQuestion | None:
    try:
        entry = json.loads(line.decode(errors="replace"))
        if entry["format"] > FORMAT:
            return None
        return KeptQuestion(entry["at"], Outcome(entry["outcome"]), entry["question"], entry["generation"], entry["results"])
    except (ValueError, KeyError, TypeError):
        return None
