"""Kept questions with their outcome (setting `keep_questions`), and feedback (setting `feedback`).

In a data folder one JSON object per line in `questions.jsonl`: part of the backup, and readable, editable or deletable with any tool.
A line that a crash left incomplete is skipped.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from index.types import StoreError
from qa.state_files import Journal

log = logging.getLogger(__name__)

FILE_NAME = "questions.jsonl"
FORMAT = 1
MAX_BYTES = 100_000_000  # of the file; further questions are not kept


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
