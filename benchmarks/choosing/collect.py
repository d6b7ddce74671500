"""Asks every question of the sets for fitting and keeps the features of each unit and whether its quote is right.

    python -m benchmarks.choosing.collect [SET …]     # writes build/choosing/SET.pickle

Sets: `training` of ../shared/data/reading_pages and the own questions in benchmarks/reader/questions, over the GOV.UK pages; the own
questions about press releases, over all of them (`releases`) and over their one document (`single`); half of squad2's dev set. Each set
also gets questions of another set, which its documents do not answer. `judged` has the questions that only judge.
"""

from __future__ import annotations

import argparse
import pickle
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.choosing.questions import SETS, Asked
from benchmarks.quality.dev_sets import ROOT
from index.engine import Engine
from index.filters import Comparison
from index.types import Matrix
from qa.answering.answerer import QUOTED_PASSAGES, passages_of
from qa.answering.choosing.choice import context_of
from qa.answering.choosing.features import UnitFeatures
from qa.answering.choosing.reading import READ_WINDOWS, Reading, read_windows, windows_in_order
from qa.answering.choosing.weights import weights
from qa.answering.confidence import topic_evidence
from qa.answering.question.small_talk import strip_courtesies
from qa.answering.reader.windows import Reader
from qa.answering.units.candidates import gather, neighbour_ids
from qa.answering.units.unit import Unit
from qa.evaluation.matching import Match, match

FOLDER = ROOT / "build" / "choosing"


@dataclass(frozen=True, slots=True)
class Observed:
    """`matrix`: the features (units, features). `right`, `part`: of each unit's quote. `context`: see `choice.context_of`."""

    set: str
    kind: str
    question: str
    answerable: bool
    units: Sequence[Unit]
    quotes: Sequence[str]
    matrix: Matrix
    right: NDArray[np.bool_]
    part: NDArray[np.bool_]
    context: NDArray[np.float32]
    readings: dict[int, Reading]


def observe(name: str, reader: Reader | None) -> Iterator[Observed]:
    asked, service = SETS[name]()
    texts: dict[str, str] = {}
    for one in asked:
        yield _observe(name, one, service.engine, texts, reader)


def _observe(name: str, asked: Asked, engine: Engine, texts: dict[str, str], reader: Reader | None) -> Observed:
    question = asked.question
    query = engine.prepare(strip_courtesies(question.text))
    only = Comparison("eq", "id", asked.only) if asked.only else None
    with engine.snapshot(only) as snapshot:
        ranking = snapshot.search(query)
        found = passages_of(ranking, snapshot, QUOTED_PASSAGES)
        stored = [passage for _, passage in found]
        neighbours = snapshot.passages(neighbour_ids(stored))
    units = gather(stored, neighbours)
    quotes = []
    for unit in units:
        document = stored[unit.place].document.id
        if document not in texts:
            content = engine.content(document)
            texts[document] = content.text if content else ""
        quotes.append(texts[document][slice(*unit.quote)])
    matches = [match(quote, question.references) if question.references else Match.WRONG for quote in quotes]
    matrix = UnitFeatures(ranking, found).matrix(units)
    readings: dict[int, Reading] = {}
    if reader and units:
        windows = windows_in_order(units, matrix @ weights(read=False).choice, stored)[:READ_WINDOWS]
        readings = read_windows(reader, ranking.question, windows)
    return Observed(
        name,
        question.kind,
        question.text,
        bool(question.references),
        units,
        quotes,
        matrix,
        np.array([one is Match.RIGHT for one in matches], bool),
        np.array([one is Match.PART for one in matches], bool),
        context_of(topic_evidence(ranking, found)) if found else np.zeros(2, np.float32),
        readings,
    )


def read_observed(name: str) -> list[Observed]:
    found: list[Observed] = pickle.loads((FOLDER / f"{name}.pickle").read_bytes())
    return found


def packaged_reader() -> Reader:
    from qa.answering.reader.loading import PACKAGED, load_readers

    return load_readers(PACKAGED, FOLDER)[0]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET")
    parser.add_argument("--without-reader", action="store_true")
    options = parser.parse_args(arguments)
    reader = None if options.without_reader else packaged_reader()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in options.sets:
        observed = list(observe(name, reader))
        Path(FOLDER / f"{name}.pickle").write_bytes(pickle.dumps(observed))
        right = sum(bool(one.right.any()) for one in observed)
        print(
            f"{name}: {len(observed)} questions, a right unit for {right} of {sum(one.answerable for one in observed)}",
            flush=True,
        )


if __name__ == "__main__":
    random.seed(0)
    main(sys.argv[1:])
