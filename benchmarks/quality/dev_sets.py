"""The dev question sets of ../shared/data, and data folders with their documents.

The folders are under build/quality and reused until the splitter, the readers or the model change.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from corpus.sandbox.pool import Sandbox
from index.embedding.model_files import DEFAULT_MODEL
from index.text.analysis import terms
from index.types import FingerprintMismatch
from qa.assembly import Service, open_to_read, open_to_write
from qa.evaluation.question_sets import CORPUS, QUERIES, Question, read_corpus, read_question_set
from qa.ingest.files import add_files, files_below
from qa.ingest.writer import IncomingDocument
from qa.settings.reading import read_settings
from qa.settings.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = Path(os.environ.get("QUOTABLE_SHARED", ROOT.parent / "shared"))
DATA = SHARED / "data"
FOLDERS = ROOT / "build" / "quality"
STAMP, UNFINISHED = "made-from.txt", "unfinished.txt"
RANKED = ("squad2", "or_sharc", "cranfield", "scifact", "govuk")
LANGUAGES = ("es", "de", "zh", "ar")
# Sets of one family may answer each other's questions, so these are not foreign to each other.
FAMILIES = {"govuk": "government", "or_sharc": "government", "mtrag": "government"}
GOVUK_SITE = "https://www.gov.uk"
MIN_TERMS = 6  # of a follow-up question that can be asked alone
LONG_WORD = re.compile(r"[A-Za-z]{7,}")


@dataclass(frozen=True, slots=True)
class DevSet:
    """`near`: questions on the topic that the documents do not answer. `answers`: question id -> answer strings.
    `paragraphs`: question id -> id of the document that it was written for.
    """

    name: str
    questions: Sequence[Question]
    near: Sequence[Question] = ()
    answers: dict[str, list[str]] = field(default_factory=dict)
    paragraphs: dict[str, str] = field(default_factory=dict)

    @property
    def family(self) -> str:
        return FAMILIES.get(self.name, self.name)


def read_dev_set(name: str) -> DevSet:
    """`name`: one of RANKED, "mtrag", or "xquad-" and a language."""
    return {"squad2": _squad2, "or_sharc": _or_sharc, "scifact": _scifact, "govuk": _govuk, "mtrag": _mtrag}.get(name, _plain)(
        name
    )


def open_dev_set(name: str, model: str = DEFAULT_MODEL) -> Service:
    """A service over the set's documents, which are indexed first if necessary."""
    folder = FOLDERS / name if model == DEFAULT_MODEL else FOLDERS / model / name
    return open_folder(folder, lambda settings: index_dev_set(name, settings), readers=name == "govuk", model=model)


def open_folder(folder: Path, index: Callable[[Settings], None], *, readers: bool, model: str = DEFAULT_MODEL) -> Service:
    """A service over a folder, which `index` fills first if it is missing or was made by other code. `readers`: the documents were read
    from files. An interrupted run continues.
    """
    settings = dev_settings(folder, model)
    digest = _code_digest(readers)
    stamp = settings.data / STAMP
    if not (stamp.is_file() and stamp.read_text() == digest and _build_if_behind(settings)):
        unfinished = settings.data / UNFINISHED
        if not (unfinished.is_file() and unfinished.read_text() == digest):
            shutil.rmtree(settings.data, ignore_errors=True)
        settings = dev_settings(folder, model)
        unfinished.write_text(digest)
        index(settings)
        unfinished.unlink()
        stamp.write_text(digest)
    return open_to_read(settings, print)


def dev_settings(folder: Path, model: str = DEFAULT_MODEL) -> Settings:
    """Default settings with this data folder and model; all folders share one exported model."""
    folder.mkdir(parents=True, exist_ok=True)
    return read_settings({"data": folder, "cache": FOLDERS / "models", "model": model}, {})


def with_typos(questions: Sequence[Question], seed: int = 5) -> list[Question]:
    """One typing error (a letter deleted, inserted, replaced, or two swapped) in every word of seven letters or more."""
    draw = random.Random(seed)
    return [replace(question, text=LONG_WORD.sub(lambda word: _typo(word[0], draw), question.text)) for question in questions]


def _typo(word: str, draw: random.Random) -> str:
    place, letter = draw.randrange(1, len(word) - 1), draw.choice("abcdefghijklmnopqrstuvwxyz")
    return draw.choice(
        (
            word[:place] + word[place + 1 :],
            word[:place] + letter + word[place:],
            word[:place] + letter + word[place + 1 :],
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        )
    )


def index_dev_set(name: str, settings: Settings) -> None:
    """Add the documents of a set to a data folder and build its index."""
    with open_to_write(settings, print) as writer:
        if name == "govuk":
            with Sandbox() as sandbox:
                for _ in add_files(writer, sandbox, files_below([DATA / "govuk" / "content_items.jsonl.gz"])):
                    pass
        else:
            language = name.partition("xquad-")[2] or None
            documents = (replace(document, language=language) for document in read_corpus(set_folder(name) / CORPUS))
            for _ in writer.put_all(IncomingDocument(str(document.id), document) for document in documents):
                pass
        writer.engine.rebuild()


def _build_if_behind(settings: Settings) -> bool:
    """Build the index if it is missing or behind. False if the folder has another model's vectors."""
    try:
        with open_to_write(settings, print) as writer:
            if writer.engine.generation == 0 or writer.engine.status().unindexed:
                writer.engine.rebuild()
    except FingerprintMismatch:
        return False
    return True


def _code_digest(readers: bool) -> str:
    """A digest of the code that determines passages. The store itself rejects another model's vectors."""
    folders = ["splitting", *(["readers"] if readers else [])]
    paths = [path for folder in folders for path in sorted((ROOT / "corpus" / folder).rglob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def set_folder(name: str) -> Path:
    """The folder of a set's files, except govuk."""
    return DATA / "retrieval" / name.replace("xquad-", "xquad/")


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _plain(name: str) -> DevSet:
    return DevSet(name, read_question_set(set_folder(name)).questions)


def _squad2(name: str) -> DevSet:
    plain = _plain(name)
    near, answers, paragraphs = [], {}, {}
    for record in _records(set_folder(name) / QUERIES):
        paragraphs[record["_id"]] = record["paragraph_id"]
        if record["is_impossible"]:
            near.append(Question(record["_id"], record["text"], {}, answerable=False))
        else:
            answers[record["_id"]] = sorted({answer["text"] for answer in record["answers"]})
    return replace(plain, near=near, answers=answers, paragraphs=paragraphs)


def _or_sharc(name: str) -> DevSet:
    """Questions with their scenario, without which most of them are meaningless."""
    scenarios = {record["_id"]: record["scenario"] for record in _records(set_folder(name) / QUERIES)}
    plain = _plain(name)
    return replace(plain, questions=[replace(q, text=f"{q.text} {scenarios[q.id]}".strip()) for q in plain.questions])


def _scifact(name: str) -> DevSet:
    """The test claims and the train claims."""
    folder = set_folder(name)
    relevant: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels_train.tsv").read_text("utf-8").splitlines()[1:]:
        question_id, document_id, gain = line.split("\t")
        relevant.setdefault(question_id, {})[document_id] = int(gain)
    train = [
        Question(str(record["_id"]), record["text"], relevant[str(record["_id"])])
        for record in _records(folder / "queries_train.jsonl")
        if str(record["_id"]) in relevant
    ]
    return DevSet(name, [*_plain(name).questions, *train])


def _govuk(name: str) -> DevSet:
    """Relevance by page: an address means all items with its base path."""
    questions = read_question_set(DATA / "govuk").questions
    by_url = [replace(q, relevant={GOVUK_SITE + path: gain for path, gain in q.relevant.items()}) for q in questions]
    return DevSet(name, by_url)


def _mtrag(name: str) -> DevSet:
    """The questions that can be asked alone: first turns, rewritten ones, and last turns with enough terms."""
    records = {record["_id"]: record for record in _records(set_folder(name) / QUERIES)}
    alone, near = [], []
    for question in _plain(name).questions:
        record = records[question.id]
        rewrite = record.get("rewrite")
        if rewrite or not record.get("history") or len(terms(question.text)) >= MIN_TERMS:
            alone.append(replace(question, text=rewrite or question.text))
    for question_id, record in records.items():
        if record["answerability"] == "UNANSWERABLE":
            near.append(Question(question_id, record.get("rewrite") or record["text"], {}, answerable=False))
    return DevSet(name, alone, near)
