"""The gate before a rebuilt index takes over: the invariants that the setting names must hold."""

from __future__ import annotations

import logging
from pathlib import Path

from corpus.types import QuotableError
from qa.answering.answerer import Answerer
from qa.evaluation.invariants import missed, read_invariants
from qa.state_files import StateFiles

log = logging.getLogger(__name__)

FILE_NAME = "missed-invariants"  # holds the number that the last rebuilt index missed


class InvariantsMissed(QuotableError):
    """A rebuilt index misses invariants; the one before stays in use."""


def check_invariants(path: Path, answerer: Answerer, files: StateFiles) -> None:
    """Ask a rebuilt index the questions of a file and log those that it misses.

    `answerer`: answers from that index. `files`: where the number of misses is kept.

    Raises InvariantsMissed, and QuestionSetError for a file that cannot be read.
    """
    invariants = read_invariants(path)
    misses = list(missed(invariants, answerer))
    files.change(FILE_NAME, lambda _: str(len(misses)).encode())
    for miss in misses:
        found = ", ".join(miss.documents) or "no document"
        log.warning("the new index misses line %d of %s: its results are from %s", miss.invariant.line, path, found)
    if misses:
        raise InvariantsMissed(
            f"the new index misses {len(misses)} of {len(invariants)} invariants in {path}, so the old one stays in use. The log"
            " has each; add the documents that answer them, or correct the file, and run `qa rebuild` again"
        )


def missed_invariants(files: StateFiles) -> int:
    """The number of invariants that the last rebuilt index missed; 0 if it took over. Raises StoreError."""
    content = files.read(FILE_NAME)
    return int(content) if content and content.isdigit() else 0
