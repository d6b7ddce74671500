"""Invariants: questions with the document or the words that must be found, one JSON object a line.

Unknown fields are refused, unlike in question sets: a mistyped one would check less than its author meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.access.audience import InvalidName, check_collection
from index.filters import of_collection
from qa.answering.answer import Answer, Result
from qa.answering.answerer import Answerer
from qa.answering.question.validity import InvalidQuestion, clean_question
from qa.evaluation.matching import normalise
from qa.evaluation.question_sets import QuestionSetError, optional_text, read_records, required_text

RESULTS = 5  # first results, one of which must be from the document
FIELDS = ("question", "document", "quote", "collection")


@dataclass(frozen=True, slots=True)
class Invariant:
    """A question, asked of all documents or of a `collection`. At least one of `document` and `quote` is given.

    `document`: the id or URL of a document that one of the first results must be from. `quote`: words that one of the answers shown
    must hold; with a document, an answer from that document. `line`: its place in the file.
    """

    line: int
    question: str
    document: str | None
    quote: str | None
    collection: str | None

    def holds(self, answer: Answer) -> bool:
        """Whether the answer shows what must be found. Notation, such as kinds of quotation marks, does not matter."""
        found = answer.results if self.quote is None else answer.answers
        return any(self._is_from_document(each) and self._is_in(each.quoted_text) for each in found)

    def _is_from_document(self, found: Result) -> bool:
        documents = (found.stored.document, *found.copies)
        return self.document is None or any(self.document in (document.id, document.url) for document in documents)

    def _is_in(self, text: str) -> bool:
        return self.quote is None or normalise(self.quote) in normalise(text)


@dataclass(frozen=True, slots=True)
class Miss:
    """An invariant that does not hold, and what was found instead."""

    invariant: Invariant
    answer: Answer

    @property
    def documents(self) -> list[str]:
        """The documents of the first results, best first."""
        return list(dict.fromkeys(result.stored.document.id for result in self.answer.results))


def read_invariants(path: Path) -> list[Invariant]:
    """Read a file of JSON Lines. Raises QuestionSetError, also for a file without questions."""
    found = [_invariant(record, place, line) for line, place, record in read_records(path)]
    if not found:
        raise QuestionSetError(
            f"{path} has no questions: write one JSON object a line, with 'question' and 'document' or 'quote'"
        )
    return found


def missed(invariants: Sequence[Invariant], answerer: Answerer) -> Iterator[Miss]:
    """Ask each question; yield those that miss what must be found."""
    for invariant in invariants:
        answer = answerer.ask(invariant.question, RESULTS, of_collection(invariant.collection))
        if not invariant.holds(answer):
            yield Miss(invariant, answer)


def as_json(invariants: Sequence[Invariant], misses: Sequence[Miss]) -> dict[str, Any]:
    return {"invariants": len(invariants), "missed": [_miss_json(miss) for miss in misses]}


def as_text(miss: Miss) -> str:
    """What was asked, what must be found, and what was found instead, a line each."""
    invariant = miss.invariant
    source = f" from {invariant.document}" if invariant.document else ""
    wanted = f"an answer with “{invariant.quote}”{source}" if invariant.quote else f"a result{source}"
    quoted = [f"answer: “{each.quoted_text}” [{each.stored.document.id}]" for each in miss.answer.answers]
    refused = f"no answer (confidence {miss.answer.confidence:.2f})"
    lines = [
        f"line {invariant.line}: {invariant.question}",
        f"expected: {wanted}",
        *(quoted or [refused]),
        f"results from: {', '.join(miss.documents) or 'no document'}",
    ]
    return "\n  ".join(lines)


def _miss_json(miss: Miss) -> dict[str, Any]:
    invariant, answers = miss.invariant, miss.answer.answers
    return {
        "line": invariant.line,
        "question": invariant.question,
        "document": invariant.document,
        "quote": invariant.quote,
        "collection": invariant.collection,
        "confidence": miss.answer.confidence,
        "answers": [{"document": each.stored.document.id, "text": each.quoted_text} for each in answers],
        "results": miss.documents,
    }


def _invariant(record: Mapping[str, Any], place: str, line: int) -> Invariant:
    unknown = sorted(set(record) - {*FIELDS})
    if unknown:
        raise QuestionSetError(f"{place}: unknown field {unknown[0]!r}; the fields are {', '.join(FIELDS)}")
    document, quote, collection = (optional_text(record, field, place) for field in FIELDS[1:])
    if document is None and (quote is None or not normalise(quote)):
        raise QuestionSetError(f"{place}: 'document' or 'quote' must say what has to be found")
    try:
        question = clean_question(required_text(record, "question", place))
        return Invariant(line, question, document, quote, check_collection(collection) if collection else None)
    except InvalidQuestion as error:
        raise QuestionSetError(f"{place}: the question {error}") from error
    except InvalidName as error:
        raise QuestionSetError(f"{place}: the collection {error}") from error
