"""Kept questions with their outcome (setting `keep_questions`), and feedback (setting `feedback`).

In a data folder one JSON object per line in `questions.jsonl`: part of the backup, and readable, editable or deletable with any tool.
A line that a crash left incomplete is skipped.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from index.types import StoreError
from qa.state_files import Journal

log = logging.getLogger(__name__)

FILE_NAME = "questions.jsonl"
FORMAT = 1
MAX_BYTES = 100_000_000  # of the file; further questions are not kept
ENTRY_BYTES = 200  # of a kept question, about


class Outcome(StrEnum):
    UNANSWERED = "unanswered"  # "Not in these documents"
    UNCERTAIN = "uncertain"  # an answer that is not called likely
    ANSWERED = "answered"
    HELPED = "helped"  # feedback: the results answered it
    DID_NOT_HELP = "did_not_help"


# The outcomes of questions, as opposed to feedback on an answer.
ASKED = frozenset({Outcome.UNANSWERED, Outcome.UNCERTAIN, Outcome.ANSWERED})


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """A question and its outcome. `at`: ISO 8601 in UTC. `results`: passage ids, best first. `documents`: ids of those quoted."""

    at: str
    outcome: Outcome
    question: str
    generation: int
    results: Sequence[str]
    documents: Sequence[str] = ()


class QuestionLog:
    """Safe for threads and processes."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._has_warned = False

    def record(
        self, outcome: Outcome, question: str, generation: int, results: Sequence[str], documents: Sequence[str] = ()
    ) -> None:
        """Keep a question. A failure is logged once and ignored: the answer matters more than its record."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        entry = {"format": FORMAT, "at": at, "outcome": outcome, "question": question}
        try:
            self.journal.append(entry | {"generation": generation, "results": list(results), "documents": list(documents)})
        except StoreError as error:
            if not self._has_warned:
                log.warning("questions are not kept in %s: %s", self.journal.place, error)
            self._has_warned = True
        else:
            self._has_warned = False

    def entries(self, newest: int | None = None) -> Iterator[KeptQuestion]:
        """The entries, or about the `newest` last ones, oldest first. Raises StoreError if they cannot be read."""
        yield from (question for question in map(_parse, self.journal.entries(newest)) if question)


class FolderJournal:
    """JSON Lines in a file. See `qa.state_files.Journal`."""

    def __init__(self, path: Path, max_bytes: int | None = None) -> None:
        """`max_bytes`: of the file; further entries are refused."""
        self.path = path
        self._max_bytes = max_bytes
        self._writing = threading.Lock()

    @property
    def place(self) -> str:
        return str(self.path)

    def append(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        try:
            with self._writing, self.path.open("ab+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
                size = file.seek(0, os.SEEK_END)
                if self._max_bytes is not None and size > self._max_bytes:
                    raise StoreError(f"it has more than {self._max_bytes:,} bytes; move it to another folder")
                file.write(_line_end_before(file, size) + line.encode())
        except OSError as error:
            raise StoreError(f"cannot write {self.path}: {error.strerror}") from error

    def entries(self, newest: int | None = None) -> Iterator[Any]:
        try:
            with self.path.open("rb") as file:
                if newest is not None:  # the first line may be a part, which is skipped
                    file.seek(max(0, file.seek(0, os.SEEK_END) - newest * ENTRY_BYTES))
                yield from (entry for entry in map(_read_line, file) if entry is not None)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"cannot read {self.path}: {error.strerror}") from error

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)


def _read_line(line: bytes) -> Any:
    try:
        return json.loads(line.decode(errors="replace"))
    except ValueError:
        return None


def _line_end_before(file: BinaryIO, size: int) -> bytes:
    """A line break, if a crash left the last line incomplete."""
    if size == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def question_key(question: str) -> str:
    """The same for questions that differ in case, white space and the punctuation at the end only."""
    return " ".join(question.casefold().split()).rstrip("?!. ")


def _parse(entry: Any) -> KeptQuestion | None:
    try:
        if entry["format"] > FORMAT:
            return None
        outcome, documents = Outcome(entry["outcome"]), entry.get("documents", ())
        return KeptQuestion(entry["at"], outcome, entry["question"], entry["generation"], entry["results"], documents)
    except (ValueError, KeyError, TypeError):
        return None
