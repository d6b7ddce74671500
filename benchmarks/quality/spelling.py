"""Measures how often correct words are "corrected", and misspelt ones are not.

    python -m benchmarks.quality.spelling        # prints the figures and the words, writes benchmarks/results/spelling-COMMIT.json

Half of the documents of each set are indexed. The words are of all sets' documents, occur in at least two of them, and neither they
nor other forms of them are in the indexed half. The queries are those of govuk, over all its documents.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, islice, zip_longest
from typing import Any

from benchmarks.quality.dev_sets import (
    FOLDERS,
    LANGUAGES,
    LONG_WORD,
    open_dev_set,
    open_folder,
    read_dev_set,
    set_folder,
    with_typos,
)
from benchmarks.quality.observations import Asker, Kind
from benchmarks.quality.run import RESULTS, about, measured
from corpus.languages import detect
from corpus.types import Document
from index.text.analysis import fold, stems
from qa.answering.answerer import Answerer
from qa.assembly import Service, open_to_write
from qa.evaluation.judging import Order
from qa.evaluation.question_sets import CORPUS, read_corpus
from qa.ingest.writer import IncomingDocument
from qa.settings.settings import Settings

SETS = ("or_sharc", "cranfield", "squad2", "mtrag")
WORDS, FOREIGN, TYPED = 1000, 300, 300
MIN_LETTERS = 4
SENTENCE = "What do the documents say about {}?"
_LETTERS = re.compile(r"(?<![\w.@/-])[^\W\d_]+(?![\w@/-])")
_BRITISH = re.compile(
    r"is(e[drs]?|ing|ations?)$|our(s|ed|ing|able|ite)?$|yse[ds]?$|ll(ed|ing|er)s?$|[^aeiou]tres?$|ogues?$|aem|oed|paed"
)


def main() -> None:
    words = _words_by_kind()
    services = {name: _half(name) for name in SETS}
    figures = {
        "correct words": {name: _correct_words(name, service, words) for name, service in services.items()},
        "foreign questions": {
            name: _foreign(service)
            for name, service in {"xquad-en": open_dev_set("xquad-en"), "squad2": services["squad2"]}.items()
        },
        "typing errors": _typing_errors(services["squad2"]),
        "queries": _queries(),
    }
    print(json.dumps(figures, indent=1))
    facts = about()
    (RESULTS / f"spelling-{facts['commit']}.json").write_text(json.dumps(facts | figures, indent=1) + "\n", "utf-8")


def _documents(name: str) -> list[Document]:
    return list(read_corpus(set_folder(name) / CORPUS))


def _is_indexed(document: Document) -> bool:
    return hashlib.sha256(str(document.id).encode()).digest()[0] % 2 == 0


def _half(name: str) -> Service:
    def index(settings: Settings) -> None:
        with open_to_write(settings, print) as writer:
            entries = (IncomingDocument(str(document.id), document) for document in filter(_is_indexed, _documents(name)))
            for _ in writer.put_all(entries):
                pass
            writer.engine.rebuild()

    return open_folder(FOLDERS / "halves" / name, index, readers=False)


def _words_by_kind() -> dict[str, list[str]]:
    """The words of English documents as they are written, in random order."""
    found: Counter[str] = Counter()
    for document in chain.from_iterable(map(_documents, SETS)):
        if detect(document.text) == "en":
            found.update(set(_LETTERS.findall(document.text)))
    kinds: dict[str, list[str]] = defaultdict(list)
    for word, count in sorted(found.items()):
        if count < 2 or len(word) < MIN_LETTERS or not word.isascii():
            continue
        if word.islower():
            kinds["british" if _BRITISH.search(word) else "inflected" if stems([word]) != [word] else "rare"].append(word)
        elif word.istitle() and word.lower() not in found:
            kinds["names"].append(word)
    for each in kinds.values():
        random.Random(3).shuffle(each)
    return kinds


def _correct_words(name: str, service: Service, by_kind: dict[str, list[str]]) -> dict[str, Any]:
    """Of each kind about the same number."""
    texts = [f"{document.title} {document.text}" for document in _documents(name) if _is_indexed(document)]
    indexed = set(stems(sorted({word for text in texts for word in re.findall(r"\w+", fold(text.lower()))})))
    absent = [
        [(kind, word) for word in words if stems([word.lower()])[0] not in indexed] for kind, words in sorted(by_kind.items())
    ]
    chosen = list(islice((pair for row in zip_longest(*absent) for pair in row if pair), WORDS // len(SETS)))
    asked, changed = Counter(kind for kind, _ in chosen), {"in a question": Counter[str](), "alone": Counter[str]()}
    for way, form in (("in a question", SENTENCE), ("alone", "{}")):
        for kind, word in chosen:
            if corrected := _corrected(service, form.format(word)):
                changed[way][kind] += 1
                print(f"{name}, {kind}: {form.format(word)} -> {corrected}")
    return {"asked": dict(asked), "changed": {way: dict(counts) for way, counts in changed.items()}}


def _foreign(service: Service) -> dict[str, Any]:
    changed: Counter[str] = Counter()
    for code in LANGUAGES:
        questions = random.Random(3).sample(list(read_dev_set(f"xquad-{code}").questions), FOREIGN // len(LANGUAGES))
        for question in questions:
            if corrected := _corrected(service, question.text):
                changed[code] += 1
                print(f"{question.text} -> {corrected}")
    return {"asked": FOREIGN, "changed": dict(changed)}


def _typing_errors(service: Service) -> dict[str, int]:
    """Of words with one typing error, in questions that the indexed half may answer or not: how many were restored."""
    questions = random.Random(3).sample(list(read_dev_set("squad2").questions), TYPED)
    counts: Counter[str] = Counter()
    for question, typed in zip(questions, with_typos(questions), strict=True):
        searched = _corrected(service, typed.text) or typed.text
        for meant, written, read in _aligned(question.text, typed.text, searched):
            counts["restored" if read == meant else "left" if read == written else "changed otherwise"] += 1
    return dict(counts)


def _queries() -> dict[str, Any]:
    """nDCG@10 of real queries with and without correction: of those that are corrected, and of all."""
    service, questions = open_dev_set("govuk"), read_dev_set("govuk").questions
    plain, spelt = ([Asker(service, spelling=on).ask(Kind.OWN, question) for question in questions] for on in (False, True))
    corrected = {one.question for one in spelt if one.corrected}
    figures: dict[str, Any] = {}
    for name, chosen in (("corrected", corrected), ("all", {one.question for one in spelt})):
        as_written, searched = ([one for one in each if one.question in chosen] for each in (plain, spelt))
        before, after = (measured(each, Order.FUSED.value, ("nDCG@10",))["nDCG@10"] for each in (as_written, searched))
        figures[name] = {"queries": len(chosen), "as written": round(before, 4), "with correction": round(after, 4)}
    return figures


def _aligned(*texts: str) -> Iterator[Sequence[str]]:
    """The long words of the first text with what stands for each in the others; nothing where a word was divided."""
    rows = [text.split() for text in texts]
    if len({len(row) for row in rows}) == 1:
        yield from (row for row in zip(*rows, strict=True) if LONG_WORD.search(row[0]) and row[0] != row[1])


def _corrected(service: Service, text: str) -> str | None:
    answerer = Answerer(service.engine, 0.0, ("en",), read="never")
    return answerer.ask(text, 1).corrected


if __name__ == "__main__":
    main()
