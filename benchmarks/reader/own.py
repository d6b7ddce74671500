"""Prepares the examples of the second phase: own questions over GOV.UK pages and press releases, with what the product finds for them.

    python -m benchmarks.reader.own [FILE …]

Reads benchmarks/reader/questions/*.jsonl and `reading_pages/training.jsonl` in the shared folder, or the files that are named, and asks
indexes of the GOV.UK pages and of press releases (built first if necessary). For each question: windows of its page that hold the answer,
and the first windows that the product would read and that do not. 15% of the documents are kept aside for validation. Writes
build/reader/own-right.jsonl, own-found.jsonl (without an answer), own-validation.jsonl and own.json.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contract import ROOT
from benchmarks.quality.dev_sets import DATA, FOLDERS, open_folder
from benchmarks.quality.reading_sets import open_set
from benchmarks.reader.examples import Example, write_examples
from corpus.readers.plain.jsonl import document_from_record
from corpus.types import Span
from index.engine import Engine
from qa.answering.answerer import QUOTED_PASSAGES, passages_of
from qa.answering.choosing.features import UnitFeatures
from qa.answering.choosing.reading import windows_in_order
from qa.answering.choosing.weights import weights
from qa.answering.question.small_talk import strip_courtesies
from qa.answering.reader.windows import Window, cut_windows
from qa.answering.units.candidates import Region, gather, neighbour_ids, regions, units
from qa.assembly import Service, open_to_write
from qa.ingest.writer import IncomingDocument
from qa.settings.settings import Settings

QUESTIONS = Path(__file__).parent / "questions"
BUILD = ROOT / "build" / "reader"
RELEASES = 300  # beside those that are asked about
WORDS = (40, 40, 60, 80, 100)  # of a window at most, drawn for each question
NEGATIVES = 10  # windows without an answer a question
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


def own_questions(files: Sequence[Path] = ()) -> list[dict[str, Any]]:
    """The questions of some files; all that train if none is named."""
    paths = files or [*sorted(QUESTIONS.glob("*.jsonl")), DATA / "reading_pages" / "training.jsonl"]
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


def region_windows(region: Region, words: int) -> list[Window]:
    found = units(region, [0] * len(region.starts))
    spans = [(unit.start - region.start, unit.end - region.start) for unit in found]
    return [window for window, _ in cut_windows(region.headings, region.text, spans, [unit.lead_in for unit in found], words)]


def page_windows(passages: Sequence[Any], title: str, words: int) -> list[Window]:
    found = regions([(0, passage) for passage in passages], title)
    return [window for region, _ in found for window in region_windows(region, words)]


def found_windows(engine: Engine, question: str, words: int) -> list[tuple[str, Window]]:
    """The windows of the first passages, with their document's id, in the order in which the product would read them."""
    query = engine.prepare(strip_courtesies(question))
    with engine.snapshot() as snapshot:
        ranking = snapshot.search(query)
        found = passages_of(ranking, snapshot, QUOTED_PASSAGES)
        stored = [passage for _, passage in found]
        units_found = gather(stored, snapshot.passages(neighbour_ids(stored)))
    scores = UnitFeatures(ranking, found).matrix(units_found) @ weights(read=False).choice
    windows = windows_in_order(units_found, scores, stored, words)
    return [(str(stored[cut.place].document.id), cut.window) for cut in windows]


def open_releases() -> Service:
    """A service over the releases that the own questions are about, and RELEASES others."""
    return open_folder(FOLDERS / "own-releases", _index_releases, readers=False)


def _index_releases(settings: Settings) -> None:
    used = {q.get("document") or q.get("near_page") for q in own_questions() if q["corpus"] == "press_releases"}
    with gzip.open(DATA / "scale" / "press_releases.jsonl.gz", "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    others = random.Random(8).sample([record for record in records if record["_id"] not in used], RELEASES)
    kept = [record for record in records if record["_id"] in used] + others
    documents = (document_from_record({key: record[key] for key in ("_id", "title", "text", "date")}) for record in kept)
    with open_to_write(settings, print) as writer:
        for _ in writer.put_all(IncomingDocument(str(document.id), document) for document in documents):
            pass
        writer.engine.rebuild()


def examples_of(question: dict[str, Any], engine: Engine) -> Iterator[Example]:
    words = random.Random(question["id"]).choice(WORDS)
    document = question.get("document") or question.get("near_page")
    found = found_windows(engine, question["question"], words)
    evidence = question.get("evidence")
    # As it would be read if it is found, and otherwise as the page is cut.
    labelled = [label(window, question) for id_, window in found if id_ == document] if evidence else []
    if evidence and not any(one.right for one in labelled):
        passages = engine.passages_of(str(document)) if document else []
        page = page_windows([stored.passage for stored in passages], passages[0].document.title, words) if passages else []
        labelled = [label(window, question) for window in page]
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="question files, all if none is given")
    parser.add_argument("--name", default="own", help="how the names of the written files begin")
    options = parser.parse_args()
    questions = own_questions(options.files)
    engines = {"govuk": open_set("govuk", as_indexed=True).engine, "press_releases": open_releases().engine}
    parts: dict[str, list[Example]] = {"right": [], "found": [], "validation": []}
    left_out = 0
    for number, question in enumerate(questions, 1):
        document = question.get("document") or question.get("near_page") or question["id"]
        examples = list(examples_of(question, engines[question["corpus"] or _corpus_of(document)]))
        left_out += not examples
        for example in examples:
            part = "validation" if is_validation(document) else "right" if example.right else "found"
            parts[part].append(example)
        if number % 250 == 0:
            print(f"{number} of {len(questions)} questions", flush=True)
    facts: dict[str, Any] = {"questions": len(questions), "not found in their page's units": left_out}
    for name, examples in parts.items():
        digest = write_examples(BUILD / f"{options.name}-{name}.jsonl", examples)
        facts[name] = {"sha256": digest, "examples": len(examples), "by kind": dict(Counter(e.source for e in examples))}
    (BUILD / f"{options.name}.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts, indent=1))


def _corpus_of(document: str) -> str:
    return "govuk" if document.startswith("/") else "press_releases"


if __name__ == "__main__":
    main()
