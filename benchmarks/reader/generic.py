"""Prepares examples of published question sets, a third of them without an answer, with what a search finds for them.

    python -m benchmarks.reader.generic

Reads `data/reading` and half of the articles of `data/retrieval/squad2` in the shared folder; writes build/reader/generic-*.jsonl.
"""

from __future__ import annotations

import gzip
import itertools
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.contract import ROOT
from benchmarks.quality.dev_sets import DATA
from benchmarks.quality.reading_sets import squad2_part
from benchmarks.reader.examples import WINDOW_WORDS, Example, Words, window_example, write_examples
from corpus.splitting.sentences import sentence_spans
from corpus.types import Span

BUILD = ROOT / "build" / "reader"
SEED = 7
# Set -> (most questions, share that is turned into one without an answer, windows found that do not answer).
MIXTURE = {
    "squad_train_part_du_test": (11826, 0.3, 2),
    "squad_train_part_cs224n_val": (4227, 0.25, 2),
    "squad_train_part_routerlens": (3739, 0.25, 2),
    "squad_train_part_flan": (3370, 0.25, 2),
    "squadshifts_new_wiki": (7733, 0.3, 2),
    "squadshifts_amazon_reviews": (4000, 0.3, 1),
    "squadshifts_reddit": (4000, 0.3, 1),
    "qed_nq_dev": (1350, 0.2, 3),
    "nq_open_oracle": (1630, 0.2, 3),
    "timeqa_human": (2899, 0.2, 2),
    "doc2dial_gov": (642, 0.2, 3),
    "doc2dial_gov_turns": (3177, 0.2, 3),
    "bioasq": (4514, 0.3, 1),
    "bioasq_abstracts": (2361, 0.3, 2),
    "onestop_evidence": (1440, 0.3, 2),
    "selqa_sentences": (2373, 0.3, 2),
    "hotpot_halueval_1k": (940, 0.2, 1),
    "hotpot_amor": (338, 0.2, 1),
    "quotesum_dev": (270, 0.2, 2),
    "fairytaleqa": (3000, 0.3, 1),
    "qamr": (5000, 0.3, 1),
    "squad2_train_impossible_part": (347, 0.0, 0),
}
REPEATED = {"squad2_train_impossible_part": 3}
QUESTION_WORDS = re.compile(
    r"\b(?:who|what|when|where|which|why|how|can|do|does|did|is|are|will|should|could|would|may|must|am|i|my|if)\b", re.I
)
YEAR = re.compile(r"\b(?:1[0-9]{3}|20[0-9]{2})\b")
NUMBER = re.compile(r"\b\d[\d,.]*\b")
NAME = re.compile(r"(?<!^)\b[A-Z][\w'’-]+(?:\s+(?:of\s+|the\s+)?[A-Z][\w'’-]+)*")
STOP = frozenset(
    "the a an of in on at to for by with from and or is are was were did do does what who when where which why how many much that this"
    " it its as be been has have had after before between during into than then there their his her".split()
)


def records(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / "reading" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def squad2_records(*, training: bool) -> list[dict[str, Any]]:
    """The questions on one half of squad2's articles, divided by the hash of the article's title."""
    passages = {}
    with (DATA / "retrieval" / "squad2" / "corpus.jsonl").open(encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            passages[record["_id"]] = record
    found = []
    with (DATA / "retrieval" / "squad2" / "queries.jsonl").open(encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            passage = passages[record["paragraph_id"]]
            if (squad2_part(passage["title"]) == "training") == training:
                answers = [{"text": a["text"], "start": a["answer_start"]} for a in record["answers"]]
                found.append(
                    {"id": record["_id"], "question": record["text"], "context": passage["text"], "title": passage["title"]}
                    | {"answers": answers}
                )
    return found


def title_of(record: dict[str, Any]) -> str:
    title = str(record.get("title") or "")
    return "" if title in ("Amazon_Reviews", "Filtered_Reddit_Comments") else re.sub(r"#.*", "", title).replace("_", " ")


def answer_span(record: dict[str, Any]) -> Span | None:
    """The most frequent answer, the first of equals."""
    if not record["answers"]:
        return None
    spans = Counter((a["start"], a["start"] + len(a["text"])) for a in record["answers"])
    return spans.most_common(1)[0][0]


def is_clear(name: str, record: dict[str, Any]) -> bool:
    """Whether the record's label can be trusted: the answer stands once, and a dialogue turn is a question by itself."""
    if record.get("occurrences", 1) > 1 or record.get("fuzzy"):
        return False
    if name == "doc2dial_gov_turns":
        return len(record["question"].split()) >= 7 and bool(
            QUESTION_WORDS.match(record["question"]) or "?" in record["question"]
        )
    return True


class Negatives:
    """Makes questions without an answer out of answered ones of the same set."""

    def __init__(self, found: list[dict[str, Any]], draw: random.Random) -> None:
        self.draw = draw
        self.by_title: dict[str, list[str]] = defaultdict(list)
        for record in found:
            context = record["context"]
            if context not in self.by_title[title_of(record)][-3:]:
                self.by_title[title_of(record)].append(context)
        self.values: dict[re.Pattern[str], list[str]] = {
            kind: sorted({m[0] for record in found for m in kind.finditer(record["question"])}) for kind in (YEAR, NUMBER, NAME)
        }

    def make(self, record: dict[str, Any]) -> tuple[str, str] | None:
        """(question, text) without an answer; None if no way works."""
        ways = [self._swap, self._cut, self._cut, self._elsewhere]
        self.draw.shuffle(ways)
        for way in ways:
            if made := way(record):
                return made
        return None

    def _cut(self, record: dict[str, Any]) -> tuple[str, str] | None:
        text, spans = record["context"], sentence_spans(record["context"])
        answers = [a["text"].lower() for a in record["answers"]]
        marked = [(a["start"], a["start"] + len(a["text"])) for a in record["answers"]]
        kept = [
            text[s:e]
            for s, e in spans
            if not any(s < end and start < e for start, end in marked)
            and not any(len(answer) > 2 and answer in text[s:e].lower() for answer in answers)
        ]
        return (record["question"], " ".join(kept)) if len(kept) >= 2 else None

    def _elsewhere(self, record: dict[str, Any]) -> tuple[str, str] | None:
        """The passage of the same title that shares most words with the question."""
        if not title_of(record):
            return None
        words = content_words(record["question"])
        answers = [a["text"].lower() for a in record["answers"]]
        others = [t for t in self.by_title[title_of(record)] if t != record["context"]]
        others = [t for t in others if not any(answer in t.lower() for answer in answers)]
        best = max(others, key=lambda t: len(words & content_words(t)), default=None)
        return (record["question"], best) if best else None

    def _swap(self, record: dict[str, Any]) -> tuple[str, str] | None:
        """The question with a year, number or name of another question, one that its text does not have."""
        for kind in (YEAR, NUMBER, NAME):
            for match in kind.finditer(record["question"]):
                others = self.draw.sample(self.values[kind], min(8, len(self.values[kind])))
                if kind is YEAR:
                    others = [str(int(match[0]) + self.draw.choice((-40, -12, -5, -2, -1, 1, 3, 7, 20))), *others]
                for other in others:
                    if other.lower() not in record["context"].lower() and len(other.split()) <= 4:
                        return record["question"][: match.start()] + other + record["question"][match.end() :], record[
                            "context"
                        ]
        return None


def content_words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w\w+", text.lower()) if word not in STOP}


class Found:
    """What a search over the texts of a set finds for its questions: the texts that share the rarest words."""

    def __init__(self, found: Sequence[dict[str, Any]], most: int, words: Words = WINDOW_WORDS) -> None:
        self.texts = sorted({record["context"] for record in found})
        self.most, self.words = most, words
        if most:
            self.vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english", dtype=np.float32)
            self.matrix = self.vectorizer.fit_transform(self.texts).T.tocsr()

    def texts_of(self, record: dict[str, Any], texts: np.ndarray[Any, Any]) -> Iterator[str]:
        """Texts without an answer, the best first, at most `most`."""
        answers = [answer["text"].lower() for answer in record["answers"]]
        others = (self.texts[place] for place in texts if self.texts[place] != record["context"])
        yield from itertools.islice((t for t in others if not any(answer in t.lower() for answer in answers)), self.most)

    def windows(self, records: Sequence[dict[str, Any]], draw: random.Random) -> Iterator[list[tuple[str, str, list[Span]]]]:
        """For each record (title, text, units) of the windows found."""
        titles = {record["context"]: title_of(record) for record in records}
        for begin in range(0, len(records), 500):
            part = records[begin : begin + 500]
            scores = (self.vectorizer.transform([record["question"] for record in part]) @ self.matrix).toarray()
            for record, row in zip(part, scores, strict=True):
                best = np.argsort(-row)[: self.most + 4]
                found = (self._window(record, text, titles.get(text, ""), draw) for text in self.texts_of(record, best))
                yield [window for window in found if window]

    def _window(self, record: dict[str, Any], text: str, title: str, draw: random.Random) -> tuple[str, str, list[Span]] | None:
        """The window of a text around the sentence that shares most words with the question."""
        words, units = content_words(record["question"]), sentence_spans(text)
        best = max(units, key=lambda unit: len(words & content_words(text[unit[0] : unit[1]])), default=None)
        example = window_example("", "", "", "", text, best, draw, units, whole=True, words=self.words)
        return (title, example.text, list(example.units)) if example else None


def examples_of(
    name: str,
    found: list[dict[str, Any]],
    most: int,
    share: float,
    windows: int = 0,
    seed: int = SEED,
    words: Words = WINDOW_WORDS,
) -> Iterator[Example]:
    """`windows`: of other texts of the set that do not answer, a question at most. `words`: of a window."""
    draw = random.Random(f"{seed} {name}")
    negatives, search = Negatives(found, draw), Found(found, windows, words)
    found = [record for record in found if is_clear(name, record)]
    draw.shuffle(found)
    found = found[:most]
    others = search.windows(found, draw) if windows else itertools.repeat([])
    for record, beside in zip(found, others, strict=False):
        context = title_of(record) if draw.random() < 0.7 else ""
        question, text, answer = record["question"], record["context"], answer_span(record)
        if answer and draw.random() < share and (made := negatives.make(record)):
            (question, text), answer = made, None
        whole = record.get("granularity") == "sentence"
        id_ = f"{seed} {name} {record['id']}"
        if example := window_example(f"{id_}-0", name, question, context, text, answer, draw, whole=whole, words=words):
            yield example
            for number, (title, other, units) in enumerate(beside if question == record["question"] else [], 1):
                yield Example(f"{id_}-{number}", f"{name} found", question, title if context else "", other, units, [], None)


def main() -> None:
    train: list[Example] = []
    for name, (most, share, windows) in MIXTURE.items():
        for again in range(REPEATED.get(name, 1)):
            train.extend(examples_of(name, records(name), most, share, windows, SEED + again))
        print(f"{name}: {len(train)} examples together", flush=True)
    for again in range(3):
        train.extend(examples_of("squad2_dev_half", squad2_records(training=True), 10**6, 0.0, 1, SEED + again))
    validation = {
        "squad11": list(examples_of("squad11_dev_outside_squad2", records("squad11_dev_outside_squad2"), 1500, 0.0)),
        "squad2": list(examples_of("squad2_other_half", squad2_records(training=False), 2000, 0.0)),
    }
    digests = {"train": write_examples(BUILD / "generic-train.jsonl", train)}
    for name, examples in validation.items():
        digests[name] = write_examples(BUILD / f"generic-{name}.jsonl", examples)
    facts = {"sha256": digests, "examples": dict(Counter(e.source for e in train)), "total": len(train)}
    facts["without an answer"] = sum(not e.right for e in train)
    Path(BUILD / "generic.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
