"""Questions that the operator agreed to keep: those that found no answer, and what readers said of those that did.

One JSON object a line in `questions.jsonl` in the data folder, so that it is part of the backup and can be read, cut or deleted
with any tool. A line that a crash left half written is passed over.
"""

from __future__ import annotations

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
MOST_BYTES = 100_000_000  # of the file; nothing more is kept beyond it


class Outcome(StrEnum):
    UNANSWERED = "unanswered"  # "Not in these documents"
    HELPED = "helped"  # a reader said that this answered it
    DID_NOT_HELP = "did_not_help"


@dataclass(frozen=True, slots=True)
class Noted:
    """A question and what came of it. `at` is ISO 8601 in UTC; `results` are ids of passages, best first."""

    at: str
    outcome: Outcome
    question: str
    generation: int
    results: Sequence[str]


class QuestionLog:
    """Safe to use from several threads of the one process that serves the folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._writing = threading.Lock()
        self._told = False

    def note(self, outcome: Outcome, question: str, generation: int, results: Sequence[str]) -> None:
        """Add a line. What cannot be written is told in the log and stops nobody: an answer matters more than its record."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        entry = {"format": FORMAT, "at": at, "outcome": outcome, "question": question}
        line = json.dumps(entry | {"generation": generation, "results": list(results)}, ensure_ascii=False) + "\n"
        try:
            with self._writing, self.path.open("ab+") as file:
                size = file.seek(0, os.SEEK_END)
                if size > MOST_BYTES:
                    raise OSError(f"it has more than {MOST_BYTES:,} bytes; move it away")
                file.write(_line_end_before(file, size) + line.encode())
        except OSError as error:
            if not self._told:
                log.warning("questions are not kept in %s: %s", self.path, error)
            self._told = True
        else:
            self._told = False

    def noted(self) -> Iterator[Noted]:
        """Everything that was kept, the oldest first. Raises QuestionLogError where the file cannot be read."""
        try:
            with self.path.open(encoding="utf-8", errors="replace") as file:
                yield from (noted for noted in map(_noted, file) if noted)
        except FileNotFoundError:
            return
        except OSError as error:
            raise QuestionLogError(f"cannot read {self.path}: {error.strerror}") from error


class QuestionLogError(QuotableError):
    """The kept questions cannot be read."""


def _line_end_before(file: BinaryIO, size: int) -> bytes:
    """A new line where a crash left the last one unfinished."""
    if size == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _noted(line: str) -> Noted | None:
    try:
        entry = json.loads(line)
        if entry["format"] > FORMAT:
            return None
        return Noted(entry["at"], Outcome(entry["outcome"]), entry["question"], entry["generation"], entry["results"])
    except (ValueError, KeyError, TypeError):
        return None
