"""The sets whose quotes are judged: questions with the words that answer, and the documents they are asked of.

govuk, documents and press_releases hold the pages of ../shared/data/reading_pages; press_releases is a sample. press_release is the one
document that the product comes with. squad2 is a sample of the dev set, its evidence the sentence with the answer. xquad-es and others have
question and documents in one language, for the multilingual model; the sentence with the answer is right.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.quality.dev_sets import (
    DATA,
    FOLDERS,
    LANGUAGES,
    ROOT,
    dev_settings,
    open_dev_set,
    open_folder,
    read_dev_set,
    set_folder,
)
from corpus.press_release import press_release
from corpus.readers import read
from corpus.readers.plain.jsonl import document_from_record
from corpus.splitting.sentences import sentence_spans
from corpus.types import Document, ReadError
from index.embedding.model_files import DEFAULT_MODEL, MULTILINGUAL_MODEL
from qa.assembly import Service, open_to_read, open_to_write
from qa.evaluation.matching import Reference
from qa.evaluation.question_sets import CORPUS, QUERIES, Question, read_corpus, read_question_set
from qa.ingest.writer import IncomingDocument
from qa.settings.settings import Settings

QUESTIONS = DATA / "reading_pages"
SETS = ("govuk", "documents", "press_releases", "press_release", "squad2")
LANGUAGE_SETS = tuple(f"xquad-{code}" for code in LANGUAGES)
RELEASES = 3_000  # of 24,599, with those that questions are about
SQUAD_QUESTIONS = 1_500
OWN_QUESTIONS = ROOT / "tests" / "data"


def read_questions(name: str, file: str = "questions") -> list[Question]:
    """The questions about one set's documents, and the foreign ones.

    `file`: "questions" or "training" for reading_pages; "questions" or "fitting" for squad2, which have no article in common.
    """
    if name == "squad2":
        return _squad2_questions("judged" if file == "questions" else file)
    if name == "press_release":
        return _press_release_questions()
    if name in LANGUAGE_SETS:
        return _language_questions(name)
    path = QUESTIONS / f"{file}.jsonl"
    corpora = [json.loads(line)["corpus"] for line in path.read_text("utf-8").splitlines()]
    questions = read_question_set(path).questions
    return [question for question, corpus in zip(questions, corpora, strict=True) if corpus in (name, None)]


def open_set(name: str, *, as_indexed: bool = False) -> Service:
    """A service over the set's documents, which are indexed first if necessary. `as_indexed`: even if the splitter has changed since."""
    if as_indexed:
        return open_to_read(settings_of(name), print)
    if name in ("govuk", "squad2", *LANGUAGE_SETS):
        return open_dev_set(name, model_of(name))
    documents = {"documents": _files, "press_releases": _releases, "press_release": lambda: iter([press_release()])}[name]
    return open_folder(folder_of(name), lambda settings: _index(settings, documents), readers=name == "documents")


def settings_of(name: str) -> Settings:
    return dev_settings(folder_of(name), model_of(name))


def model_of(name: str) -> str:
    return MULTILINGUAL_MODEL if name in LANGUAGE_SETS else DEFAULT_MODEL


def folder_of(name: str) -> Path:
    if name in LANGUAGE_SETS:
        return FOLDERS / MULTILINGUAL_MODEL / name
    return FOLDERS / (name if name in ("govuk", "squad2") else f"reading-{name}")


def _index(settings: Settings, documents: Callable[[], Iterator[Document]]) -> None:
    with open_to_write(settings, print) as writer:
        for _ in writer.put_all(IncomingDocument(str(document.id), document) for document in documents()):
            pass
        writer.engine.rebuild()


def _files() -> Iterator[Document]:
    """Every file of ../shared/data/documents that a reader can read, under its path."""
    for line in (DATA / "documents" / "manifest.jsonl").read_text("utf-8").splitlines():
        name = json.loads(line)["file"]
        data = (DATA / "documents" / name).read_bytes()
        data = gzip.decompress(data) if name.endswith(".gz") else data
        try:
            found = next(iter(read(data, name.removesuffix(".gz"))), None)
        except ReadError:
            continue
        if isinstance(found, Document) and found.text.strip():
            yield replace(found, id=name)


def _releases() -> Iterator[Document]:
    with gzip.open(DATA / "scale" / "press_releases.jsonl.gz", "rt", encoding="utf-8") as file:
        records = {record["_id"]: record for record in map(json.loads, file)}
    asked = [json.loads(line) for line in (QUESTIONS / "questions.jsonl").read_text("utf-8").splitlines()]
    used = {page for one in asked for page in (one["document"], one.get("near_page")) if page in records}
    others = sorted(set(records) - used)
    for identity in [*sorted(used), *random.Random(7).sample(others, RELEASES - len(used))]:
        known = {key: records[identity][key] for key in ("_id", "title", "text", "date") if key in records[identity]}
        yield document_from_record(known)


def squad2_part(title: str) -> str:
    """What the questions on an article of squad2 are for: "training" the reader, "fitting" the choice, or "judged"."""
    byte = hashlib.sha256(title.encode()).digest()[0]
    return "training" if byte % 2 == 0 else "fitting" if byte % 4 == 1 else "judged"


def _squad2_questions(part: str) -> list[Question]:
    """Answerable and impossible questions on the articles of a part, in its proportion."""
    dev = read_dev_set("squad2")
    documents = {str(document.id): document for document in read_corpus(DATA / "retrieval" / "squad2" / CORPUS)}
    texts = {name: document.text for name, document in documents.items() if squad2_part(document.title) == part}
    answerable = [
        replace(question, kind="answerable", answerable=True, references=_sentences(texts[paragraph], dev.answers[question.id]))
        for question in dev.questions
        if (paragraph := dev.paragraphs[question.id]) in texts
    ]
    impossible = [replace(question, kind="impossible") for question in dev.near if dev.paragraphs[question.id] in texts]
    every = [*answerable, *impossible]
    return random.Random(7).sample(every, min(SQUAD_QUESTIONS, len(every)))


def _language_questions(name: str) -> list[Question]:
    folder = set_folder(name)
    texts = {str(document.id): document.text for document in read_corpus(folder / CORPUS)}
    asked = {record["_id"]: record for record in map(json.loads, (folder / QUERIES).read_text("utf-8").splitlines())}
    found = []
    for question in read_question_set(folder).questions:
        record = asked[question.id]
        answers = [answer["text"] for answer in record["answers"]]
        references = _sentences(texts[record["paragraph_id"]], answers)
        found.append(replace(question, kind="answerable", answerable=True, references=references))
    return found


def _sentences(text: str, answers: list[str]) -> tuple[Reference, ...]:
    """The sentences of a paragraph that hold an answer; the paragraph itself if a sentence end splits the answer."""
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    holding = [sentence for sentence in sentences if any(answer in sentence for answer in answers)]
    return tuple(Reference(sentence, answers) for sentence in holding or [text])


def _press_release_questions() -> list[Question]:
    asked = json.loads((OWN_QUESTIONS / "press_release_questions.json").read_text("utf-8"))
    foreign = json.loads((OWN_QUESTIONS / "off_topic_questions.json").read_text("utf-8"))
    return [
        *(
            Question(
                f"asked-{number}",
                one["question"],
                {},
                True,
                kind="asked",
                references=(Reference(one["answer"], [one["answer"]]),),
            )
            for number, one in enumerate(asked)
        ),
        *(Question(f"foreign-{number}", text, {}, False, kind="foreign") for number, text in enumerate(foreign)),
    ]
