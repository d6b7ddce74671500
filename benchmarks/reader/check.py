"""Checks own questions: complete, of a known kind, and verbatim in their page.

    python -m benchmarks.reader.check

Needs the pages in the shared folder; exit code 1 if a question has a problem.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from benchmarks.quality.dev_sets import DATA
from benchmarks.reader.own import QUESTIONS
from corpus.readers.markup.govuk import GovukRecordsReader
from corpus.types import Document

KINDS = frozenset("amount date person place yesno howto list why table paraphrase keyword near_miss".split())


def normalize(text: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    for pattern, plain in (("[‘’‛′]", "'"), ("[“”‟″]", '"'), ("[‐‑‒–—−]", "-"), (r"[|\\]|\*\*", "")):
        text = re.sub(pattern, plain, text)
    return re.sub(r"\s+", " ", text).strip().lower().rstrip(".")


@cache
def pages() -> Mapping[str, str]:
    """Normalised texts of all pages by base path or id."""
    with gzip.open(DATA / "govuk" / "content_items.jsonl.gz") as file:
        found = GovukRecordsReader().read_records(file.read(), "content_items.jsonl")
        texts: dict[str, str] = {}
        for document in found:
            if isinstance(document, Document):  # an item that repeats a base path is a variant of the page
                texts[str(document.id)] = texts.get(str(document.id), "") + "\n" + normalize(document.text)
    with gzip.open(DATA / "scale" / "press_releases.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            texts[record["_id"]] = normalize(record["text"])
    return texts


def problems(question: dict[str, Any], judged: frozenset[str]) -> Iterator[str]:
    page = question.get("document") or question.get("near_page")
    if question["kind"] not in KINDS:
        yield f"unknown kind {question['kind']}"
    if page not in pages():
        yield f"unknown page {page}"
        return
    if page in judged:
        yield f"{page} is a page of the questions that judge"
    if question["kind"] == "near_miss":
        if any(question.get(name) for name in ("document", "evidence", "answer")):
            yield "a near miss has no document, evidence or answer"
        return
    evidence = normalize(question["evidence"])
    for line in [*question["evidence"].split("\n"), question.get("lead_in") or ""]:
        if normalize(line) not in pages()[page]:
            yield f"not on the page: {line}"
    for answer in (question["answer"], *(question.get("also") or [])):
        for part in answer.split("\n"):
            if normalize(part) not in evidence:
                yield f"not in the evidence: {part}"
    if question["kind"] == "yesno" and question.get("polarity") not in ("yes", "no"):
        yield "no polarity"


def judged_pages() -> frozenset[str]:
    """The pages of the questions that judge, which no own question may use."""
    lines = (DATA / "reading_pages" / "questions.jsonl").read_text("utf-8").splitlines()
    return frozenset(record["document"] for record in map(json.loads, lines) if record["document"])


def main() -> None:
    judged = judged_pages()
    wrong, ids, kinds = 0, Counter[str](), Counter[str]()
    for path in sorted(QUESTIONS.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            question = json.loads(line)
            kinds[question["kind"]] += 1
            ids[question["id"]] += 1
            found = list(problems(question, judged))
            wrong += bool(found)
            for problem in found:
                print(f"{question['id']}: {problem}")
    repeated = [id_ for id_, count in ids.items() if count > 1]
    print(f"{len(ids)} questions, {wrong} with problems, {len(repeated)} repeated ids; {dict(kinds)}")
    sys.exit(1 if wrong or repeated else 0)


if __name__ == "__main__":
    main()
