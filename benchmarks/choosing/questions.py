"""The questions for fitting, with the documents that they are asked of."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.quality.reading_sets import open_set, read_questions
from benchmarks.reader import own as reader_examples
from qa.assembly import Service
from qa.evaluation.question_sets import Question, read_question_set

FOREIGN_SHARE = 0.15
SQUAD_QUESTIONS = 800
GOVUK_QUESTIONS, RELEASE_QUESTIONS = 1_500, 500


@dataclass(frozen=True, slots=True)
class Asked:
    """`only`: the one document that is asked, None for all."""

    question: Question
    only: str | None = None


def own_questions(corpus: str) -> list[tuple[Question, str]]:
    """The own questions about one corpus, "govuk" or "press_releases", with the document each is about."""
    found = []
    for path in sorted(reader_examples.QUESTIONS.glob("*.jsonl")):
        records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for question, record in zip(read_question_set(path).questions, records, strict=True):
            if record["corpus"] == corpus:
                found.append((question, record["document"] or record["near_page"]))
    return found


def _chosen(corpus: str, most: int) -> list[tuple[Question, str]]:
    """Own questions with their documents: all that the reader does not learn from, and others up to `most`."""
    own = own_questions(corpus)
    kept = [one for one in own if reader_examples.is_validation(one[1])]
    others = [one for one in own if not reader_examples.is_validation(one[1])]
    return kept + random.Random(2).sample(others, min(max(0, most - len(kept)), len(others)))


def documents_of_questions() -> dict[str, str]:
    """The document of every question that the reader could learn from."""
    return {record["question"]: record["document"] or record["near_page"] for record in reader_examples.own_questions()}


def _with_foreign(questions: Sequence[Question], others: Sequence[Question]) -> list[Asked]:
    """The questions, and some of another collection's that these documents do not answer."""
    count = min(int(len(questions) * FOREIGN_SHARE), len(others))
    foreign = random.Random(3).sample(list(others), count)
    return [Asked(one) for one in questions] + [Asked(as_foreign(one)) for one in foreign]


def as_foreign(question: Question) -> Question:
    return replace(question, kind="foreign", relevant={}, answerable=False, references=())


def _training() -> tuple[list[Asked], Service]:
    return [Asked(one) for one in read_questions("govuk", "training")], open_set("govuk", as_indexed=True)


def _own() -> tuple[list[Asked], Service]:
    own = [question for question, _ in _chosen("govuk", GOVUK_QUESTIONS)]
    others = [question for question, _ in own_questions("press_releases")]
    return _with_foreign(own, others), open_set("govuk", as_indexed=True)


def _releases() -> tuple[list[Asked], Service]:
    others = [question for question, _ in own_questions("govuk")]
    own = [question for question, _ in _chosen("press_releases", RELEASE_QUESTIONS)]
    return _with_foreign(own, others), reader_examples.open_releases()


def _single() -> tuple[list[Asked], Service]:
    own = _chosen("press_releases", RELEASE_QUESTIONS)
    draw = random.Random(4)
    documents = sorted({document for _, document in own})
    others = [as_foreign(question) for question, _ in draw.sample(own_questions("govuk"), len(own) // 3)]
    swapped = [as_foreign(question) for question, _ in draw.sample(own, len(own) // 6)]
    return (
        [Asked(question, document) for question, document in own]
        + [Asked(question, draw.choice(documents)) for question in others]
        + [
            Asked(question, draw.choice([document for document in documents if document != about]))
            for question in swapped
            for about in [next(document for one, document in own if one.id == question.id)]
        ],
        reader_examples.open_releases(),
    )


def _squad() -> tuple[list[Asked], Service]:
    """Questions on the articles of squad2 that neither the reader learns from nor the quality benchmark judges."""
    return [Asked(one) for one in read_questions("squad2", "fitting")[:SQUAD_QUESTIONS]], open_set("squad2", as_indexed=True)


def _judged() -> tuple[list[Asked], Service]:
    return [Asked(one) for one in read_questions("govuk")], open_set("govuk", as_indexed=True)


SETS: dict[str, Callable[[], tuple[list[Asked], Service]]] = {
    "training": _training,
    "own": _own,
    "releases": _releases,
    "single": _single,
    "squad": _squad,
    "judged": _judged,
}
