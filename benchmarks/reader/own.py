"""Prepares the examples of the second phase: own questions over GOV.UK pages and press releases, with what the product finds for them.

    python -m benchmarks.reader.own

Reads benchmarks/reader/questions/*.jsonl and `reading_pages/training.jsonl` in the shared folder, with the GOV.UK index of
benchmarks.quality (built first if necessary). For each question: windows of its page that hold the answer, and the windows of the first
passages found that do not; for press releases, which have no index, other windows of the same release. 15% of the documents are kept
aside for validation. Writes build/reader/own-right.jsonl, own-found.jsonl (without an answer), own-validation.jsonl and own.json.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.contract import ROOT
from benchmarks.quality.dev_sets import DATA, open_dev_set
from benchmarks.reader.examples import Example, write_examples
from corpus.readers.plain.jsonl import document_from_record
from corpus.splitting.passages import split
from corpus.types import Span
from index.engine import Engine
from index.types import StoredPassage
from qa.answering.question.small_talk import strip_courtesies
from qa.answering.reader.windows import Window, cut_windows
from qa.answering.units.candidates import Region, neighbour_ids, regions, units

QUESTIONS = Path(__file__).parent / "questions"
BUILD = ROOT / "build" / "reader"
TOKENS = 254  # of a passage, as in the product
FOUND = 5
NEGATIVES = 3  # windows without an answer a question
QUOTES = str.maketrans("‘’‛′“”‟″‐‑‒–—−", "''''\"\"\"\"------")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A window with the places of its right units, those that neither count as right nor wrong left out."""

    window: Window
    right: Sequence[int]
    span: Span | None


def is_validation(document: str) -> bool:
    """15% of the documents, by the hash of their name."""
    return hashlib.sha256(document.encode()).digest()[0] < 0.15 * 256


def own_questions() -> list[dict[str, Any]]:
    paths = [*sorted(QUESTIONS.glob("*.jsonl")), DATA / "reading_pages" / "training.jsonl"]
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]


def pattern(text: str) -> re.Pattern[str]:
    """Finds a text whatever its white space, quotes, dashes and case."""
    plain = text.translate(QUOTES)
    words = [re.sub(r"['\"-]", lambda m: f"[{_LIKE[m[0]]}]", re.escape(word).replace(r"\-", "-")) for word in plain.split()]
    return re.compile(r"[\s|*\\]+".join(words), re.IGNORECASE)


_LIKE = {"'": "'‘’‛′", '"': '"“”‟″', "-": r"\-‐‑‒–—−"}


def spans_of(text: str, lines: str) -> list[Span]:
    """Where the lines stand in a text."""
    return [
        match.span() for line in lines.split("\n") if line.strip() for match in [pattern(line.strip()).search(text)] if match
    ]


def overlap(one: Span, others: Sequence[Span]) -> int:
    return sum(max(0, min(one[1], end) - max(one[0], start)) for start, end in others)


def label(window: Window, question: dict[str, Any]) -> Labelled:
    """Mark the units that hold the evidence; of overlapping ones the tightest, and leave out those that hold it among other things."""
    evidence = spans_of(window.text, question["evidence"])
    total = sum(end - start for start, end in evidence)
    answers = [] if "\n" in question["answer"] else [a for a in (question["answer"], *(question.get("also") or [])) if a]
    similar: dict[int, float] = {}
    for place, unit in enumerate(window.units):
        shared = overlap(unit, evidence)
        if shared:
            similar[place] = shared / (unit[1] - unit[0] + total - shared)
    holding = {p for p in similar if any(pattern(a).search(window.text, *window.units[p]) for a in answers)}
    candidates = holding or set(similar)
    best = max((similar[p] for p in candidates), default=0.0)
    right = {p for p in candidates if similar[p] >= 0.7 * best and best >= 0.15}
    kept = [p for p in range(len(window.units)) if p in right or p not in similar]
    span = None
    for place in sorted(right):
        found = [m.span() for a in answers for m in [pattern(a).search(window.text, *window.units[place])] if m]
        if found:
            span = found[0]
            break
    shown = Window(window.context, window.text, [window.units[p] for p in kept])
    return Labelled(shown, [kept.index(p) for p in sorted(right)], span)


def region_windows(region: Region) -> list[Window]:
    found = units(region)
    spans = [(unit.start - region.start, unit.end - region.start) for unit in found]
    return [window for window, _ in cut_windows(region.headings, region.text, spans, [unit.lead_in for unit in found])]


def page_windows(passages: Sequence[Any], title: str) -> list[Window]:
    return [window for region in regions([(0, passage) for passage in passages], title) for window in region_windows(region)]


def found_windows(engine: Engine, question: str) -> list[tuple[str, Window]]:
    """The windows of the first passages, with their document's id, in the order of the passages."""
    query = engine.prepare(strip_courtesies(question))
    with engine.snapshot() as snapshot:
        ranking = snapshot.search(query)
        found = snapshot.passages([candidate.passage_id for candidate in ranking.candidates[:FOUND]])
        around = snapshot.passages(neighbour_ids(found))
    places = {stored.id: place for place, stored in enumerate(found)}
    windows: list[tuple[int, str, Window]] = []
    documents: dict[str, list[StoredPassage]] = {}
    for stored in sorted((*found, *around), key=lambda stored: stored.passage.start):
        documents.setdefault(stored.document.id, []).append(stored)
    for id_, passages in documents.items():
        for region in regions([(places.get(s.id), s.passage) for s in passages], passages[0].document.title):
            rank = min((place for place in region.places if place is not None), default=None)
            if rank is not None:
                windows.extend((rank, id_, window) for window in region_windows(region))
    return [(id_, window) for _, id_, window in sorted(windows, key=lambda found: found[0])]


@cache
def press_release(id_: str) -> Any:
    return _press_releases()[id_]


@cache
def _press_releases() -> dict[str, Any]:
    wanted = {
        q.get("document") or q.get("near_page")
        for q in own_questions()
        if q["corpus"] == "press_releases" or not q.get("document")
    }
    with gzip.open(DATA / "scale" / "press_releases.jsonl.gz", "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    return {
        record["_id"]: document_from_record({key: record[key] for key in ("_id", "title", "text", "date") if key in record})
        for record in records
        if record["_id"] in wanted
    }


def examples_of(question: dict[str, Any], engine: Engine, draw: random.Random) -> Iterator[Example]:
    document = question.get("document") or question.get("near_page")
    is_press = document in _press_releases()
    own: list[Window] = []
    if is_press:
        page = press_release(str(document))
        own = page_windows(split(page, engine.embedder, TOKENS), page.title)
        found = [(str(document), window) for window in draw.sample(own, len(own))]
    else:
        passages = engine.passages_of(str(document)) if document else []
        own = page_windows([stored.passage for stored in passages], passages[0].document.title) if passages else []
        found = found_windows(engine, question["question"])
    evidence = question.get("evidence")
    labelled = [label(window, question) for window in own] if evidence else []
    good = [one for one in labelled if one.right]
    if evidence and not good:
        return
    right = max(good, key=lambda one: bool(one.span), default=None)
    made = [("right", right)] if right else []
    answers = [pattern(a) for a in (question["answer"], *(question.get("also") or []))] if evidence else []
    wrong = []
    for _, window in found:
        if (evidence and label(window, question).right) or any(answer.search(window.text) for answer in answers):
            continue  # it holds the evidence, or may answer
        wrong.append(Labelled(window, [], None))
    most = NEGATIVES if evidence else NEGATIVES + 1
    made += [("found", one) for one in wrong[:most]]
    for number, (kind, one) in enumerate(made):
        if one.window.units:
            yield Example(
                f"{question['id']}-{number}",
                f"own {question['kind']} {kind}",
                question["question"],
                one.window.context,
                one.window.text,
                one.window.units,
                one.right,
                one.span,
            )


def main() -> None:
    engine = open_dev_set("govuk").engine
    train: list[Example] = []
    validation: list[Example] = []
    left_out = 0
    for question in own_questions():
        document = question.get("document") or question.get("near_page") or question["id"]
        examples = list(examples_of(question, engine, random.Random(question["id"])))
        left_out += not examples
        (validation if is_validation(document) else train).extend(examples)
    facts: dict[str, Any] = {"questions": len(own_questions()), "not found in their page's units": left_out}
    parts = {
        "right": [example for example in train if example.right],
        "found": [example for example in train if not example.right],
        "validation": validation,
    }
    for name, examples in parts.items():
        digest = write_examples(BUILD / f"own-{name}.jsonl", examples)
        facts[name] = {"sha256": digest, "examples": len(examples), "by kind": dict(Counter(e.source for e in examples))}
    (BUILD / "own.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
