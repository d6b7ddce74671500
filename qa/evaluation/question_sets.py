"""Question sets on disk: a folder in BEIR's layout (corpus.jsonl, queries.jsonl, qrels.tsv), or questions as JSON Lines.

BEIR: https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset. Unknown fields are ignored, because published sets add
their own. Errors name the line.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.types import Document, QuotableError
from qa.answering.question.turn import Turn
from qa.evaluation.matching import Reference

CORPUS, QUERIES = "corpus.jsonl", "queries.jsonl"
# The second name is the one in BEIR's published sets.
QRELS = ("qrels.tsv", "qrels/test.tsv")


class QuestionSetError(QuotableError):
    """A question set is not valid. The message names the file, the line and the error."""


@dataclass(frozen=True, slots=True)
class Question:
    """`relevant`: document ids, URLs or quotes that a good answer comes from, with their gain (1 or more).

    `answerable`: None if the set does not say. `history`: the turns before the question, oldest first. `kind`: groups questions in
    reports. `references`: the words that answer, empty if the set does not give them. `polarity`: yes or no. `near_page`: the document
    that an unanswerable question is about.
    """

    id: str
    text: str
    relevant: Mapping[str, int]
    answerable: bool | None = None
    history: tuple[Turn, ...] = ()
    kind: str = ""
    references: tuple[Reference, ...] = ()
    polarity: str | None = None
    near_page: str | None = None

    @property
    def is_answerable(self) -> bool | None:
        """Whether the documents answer it. Follows from `relevant` if the set does not say; None if unknown."""
        return self.answerable if self.answerable is not None else True if self.relevant else None


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """`corpus`: the file with the set's own documents, None if it is about the configured data folder."""

    name: str
    questions: Sequence[Question]
    corpus: Path | None = None


def read_question_set(path: Path) -> QuestionSet:
    """Read a folder in BEIR's layout or a file of JSON Lines. Raises QuestionSetError."""
    if path.is_dir():
        corpus = path / CORPUS
        return QuestionSet(path.resolve().name, _beir_questions(path), corpus if corpus.is_file() else None)
    return QuestionSet(path.stem, [_question(record, place, number) for number, place, record in read_records(path)])


def read_corpus(path: Path) -> Iterator[Document]:
    """The documents of a BEIR corpus; those without text and title are skipped. Raises QuestionSetError."""
    for _, place, record in read_records(path):
        text, title = record.get("text"), record.get("title") or ""
        if not isinstance(text, str) or not isinstance(title, str):
            raise QuestionSetError(f"{place}: 'text' and 'title' of a document must be strings")
        if text.strip() or title.strip():
            url = record.get("url")
            yield Document(
                text if text.strip() else title, title, id=_id(record, place), url=url if isinstance(url, str) else None
            )


def _beir_questions(folder: Path) -> list[Question]:
    qrels = next((folder / name for name in QRELS if (folder / name).is_file()), None)
    if qrels is None:
        raise QuestionSetError(f"{folder} has no judgements: add {' or '.join(QRELS)}")
    relevant = _read_qrels(qrels)
    questions = []
    for _, place, record in read_records(folder / QUERIES):
        question_id = _id(record, place)
        answerable = _answerable(record, place)
        if question_id in relevant or answerable is not None:
            text = required_text(record, "text", place)
            questions.append(Question(question_id, text, relevant.get(question_id, {}), answerable))
    if not questions:
        raise QuestionSetError(f"no question of {folder / QUERIES} has a judgement in {qrels}")
    return questions


def _read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Question id -> document id -> gain. Judgements of 0 or less mean "not relevant" and are left out."""
    relevant: dict[str, dict[str, int]] = {}
    with _open(path) as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), start=1):
            if not row or (number == 1 and row[-1] == "score"):
                continue
            try:
                question_id, document_id, gain = row[0], row[-2], int(row[-1])
            except (IndexError, ValueError) as error:
                raise QuestionSetError(
                    f"{path}, line {number}: must have query-id, corpus-id and score, separated by tabs"
                ) from error
            if gain > 0:
                relevant.setdefault(question_id, {})[document_id] = gain
    return relevant


def _question(record: Mapping[str, Any], place: str, number: int) -> Question:
    references = _references(record, place)
    relevant = record.get("relevant") or _documents(record, place)
    relevant = [relevant] if isinstance(relevant, str) else relevant
    if isinstance(relevant, list) and all(isinstance(one, str) and one.strip() for one in relevant):
        relevant = dict.fromkeys(relevant, 1)
    if not isinstance(relevant, dict) or not all(_is_gain(gain) for gain in relevant.values()):
        raise QuestionSetError(
            f"{place}: 'relevant' must be a list of document ids, URLs or quotes, or an object that maps them to gains"
        )
    question_id = record.get("id", record.get("_id", number))
    answerable = _answerable(record, place)
    if answerable is None and (references or "evidence" in record):  # "evidence": null says that nothing answers
        answerable = bool(references or relevant)
    if answerable is False and (relevant or references):
        raise QuestionSetError(f"{place}: a question with 'answerable' false must not have 'relevant', 'evidence' or 'answer'")
    polarity = optional_text(record, "polarity", place)
    if polarity not in ("yes", "no", None):
        raise QuestionSetError(f"{place}: 'polarity' must be 'yes' or 'no', not {polarity!r}")
    return Question(
        id=str(question_id),
        text=required_text(record, "question", place),
        relevant=relevant,
        answerable=answerable,
        history=_history(record, place),
        kind=optional_text(record, "kind", place) or "",
        references=references,
        polarity=polarity,
        near_page=optional_text(record, "near_page", place),
    )


def _references(record: Mapping[str, Any], place: str) -> tuple[Reference, ...]:
    """The evidence with its answers, and that of other documents. Evidence without an answer is its own answer."""
    evidence, answer = optional_text(record, "evidence", place), optional_text(record, "answer", place)
    if not (evidence or answer):
        return ()
    answers = [answer or evidence or "", *_words(record, "also", place)]
    found = [Reference(evidence or answer or "", answers)]
    for other in record.get("also_evidence") or []:
        fields = other if isinstance(other, dict) else {"evidence": other}
        found.append(Reference(required_text(fields, "evidence", place), [*_words(fields, "answer", place)] or answers))
    return tuple(found)


def _documents(record: Mapping[str, Any], place: str) -> list[str]:
    """The documents that hold the evidence."""
    others = [other for other in record.get("also_evidence") or [] if isinstance(other, dict)]
    named = [record, *others]
    return list(dict.fromkeys(i for one in named for key in ("document", "also_documents") for i in _words(one, key, place)))


def optional_text(record: Mapping[str, Any], field: str, place: str) -> str | None:
    """A field without white space around it; None if it is missing, null or empty. Raises QuestionSetError."""
    value = record.get(field)
    if value is not None and not isinstance(value, str):
        raise QuestionSetError(f"{place}: {field!r} must be a string")
    return value.strip() or None if value else None


def _words(record: Mapping[str, Any], field: str, place: str) -> list[str]:
    value = record.get(field) or []
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
        raise QuestionSetError(f"{place}: {field!r} must be a string or a list of strings")
    return words


def _is_gain(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _history(record: Mapping[str, Any], place: str) -> tuple[Turn, ...]:
    turns = record.get("history") or []
    try:
        history = tuple(Turn(turn["role"], turn["content"]) for turn in turns)
    except (TypeError, KeyError) as error:
        raise QuestionSetError(f"{place}: 'history' must be a list of objects with 'role' and 'content'") from error
    if not all(turn.role in ("user", "assistant") and isinstance(turn.content, str) for turn in history):
        raise QuestionSetError(f"{place}: a turn's 'role' must be 'user' or 'assistant', and its 'content' a string")
    return history


def _answerable(record: Mapping[str, Any], place: str) -> bool | None:
    value = record.get("answerable")
    if value is not None and not isinstance(value, bool):
        raise QuestionSetError(f"{place}: 'answerable' must be true or false")
    return value


def required_text(record: Mapping[str, Any], field: str, place: str) -> str:
    """A field without white space around it. Raises QuestionSetError if that is missing, empty or no string."""
    value = record.get(field)
    if not isinstance(value, str) or not value.strip():
        raise QuestionSetError(f"{place}: {field!r} must be a non-empty string")
    return value.strip()


def _id(record: Mapping[str, Any], place: str) -> str:
    value = record.get("_id", record.get("id"))
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise QuestionSetError(f"{place}: '_id' is required and must be a string or a whole number")
    return str(value)


def read_records(path: Path) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """Yield number, place (for error messages) and object of each line that is not blank. Raises QuestionSetError."""
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            place = f"{path}, line {number}"
            try:
                record = json.loads(line.encode())  # fails for bytes that are not UTF-8
            except ValueError as error:
                raise QuestionSetError(f"{place}: not JSON ({error})") from error
            if not isinstance(record, dict):
                raise QuestionSetError(f"{place}: must be a JSON object")
            yield number, place, record


def _open(path: Path) -> Any:
    try:
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise QuestionSetError(f"cannot read {path}: {error.strerror}") from error
