"""The questions for fitting, with the documents that they are asked of."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.quality.dev_sets import DATA, FOLDERS, open_folder
from benchmarks.quality.reading_sets import open_set, read_questions
from benchmarks.reader import own as reader_examples
from corpus.readers.plain.jsonl import document_from_record
from qa.assembly import Service, open_to_write
from qa.evaluation.question_sets import Question, read_question_set
from qa.ingest.writer import IncomingDocument
from qa.settings.settings import Settings

FOREIGN_SHARE = 0.15
SQUAD_QUESTIONS = 800
GOVUK_QUESTIONS = 1_200
RELEASES = 300


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
    own, draw = [question for question, _ in own_questions("govuk")], random.Random(2)
    others = [question for question, _ in own_questions("press_releases")]
    return _with_foreign(draw.sample(own, min(GOVUK_QUESTIONS, len(own))), others), open_set("govuk", as_indexed=True)


def _releases() -> tuple[list[Asked], Service]:
    others = [question for question, _ in own_questions("govuk")]
    return _with_foreign([question for question, _ in own_questions("press_releases")], others), _open_releases()


def _single() -> tuple[list[Asked], Service]:
    own = own_questions("press_releases")
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
        _open_releases(),
    )


def _squad() -> tuple[list[Asked], Service]:
    """Questions on the articles of squad2 that neither the reader learns from nor the quality benchmark judges."""
    return [Asked(one) for one in read_questions("squad2", "fitting")[:SQUAD_QUESTIONS]], open_set("squad2", as_indexed=True)


def _judged() -> tuple[list[Asked], Service]:
    return [Asked(one) for one in read_questions("govuk")], open_set("govuk", as_indexed=True)


def _open_releases() -> Service:
    """A service over the releases that the own questions are about, and RELEASES others."""
    return open_folder(FOLDERS / "own-releases", _index_releases, readers=False)


def _index_releases(settings: Settings) -> None:
    used = {document for _, document in own_questions("press_releases")}
    with gzip.open(DATA / "scale" / "press_releases.jsonl.gz", "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    others = random.Random(8).sample([record for record in records if record["_id"] not in used], RELEASES)
    kept = [record for record in records if record["_id"] in used] + others
    documents = (document_from_record({key: record[key] for key in ("_id", "title", "text", "date")}) for record in kept)
    with open_to_write(settings, print) as writer:
        for _ in writer.put_all(IncomingDocument(str(document.id), document) for document in documents):
            pass
        writer.engine.rebuild()


SETS: dict[str, Callable[[], tuple[list[Asked], Service]]] = {
    "training": _training,
    "own": _own,
    "releases": _releases,
    "single": _single,
    "squad": _squad,
    "judged": _judged,
}
