"""A corpus of up to a million passages: real press releases, split and embedded by the product, and passages derived from them.

    python -m benchmarks.scale.corpus FOLDER --passages 50000

writes the sample, a file per 200 documents; an interrupted run continues. QUOTABLE_SHARED names another folder than ../shared.

A derived document has the words and vectors of a sampled one, perturbed. Vectors: `unit(v + STEP (u - w))` with random passages u and w,
so that the noise has the directions of differences between real passages; the cosine with v is about .84. Words: runs of RUN words
are shuffled, every third run comes from another passage, and one passage in MADE_UP gets a word joined from two halves, because a
growing corpus brings new words. All seeds are fixed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np

from corpus.readers.plain.jsonl import document_from_record
from corpus.splitting.passages import split
from corpus.types import Document, Passage
from index.types import Embedder, Matrix

ROOT = Path(__file__).resolve().parent.parent.parent
RELEASES = Path(os.environ.get("QUOTABLE_SHARED", ROOT.parent / "shared")) / "data/scale/press_releases.jsonl.gz"
AT_ONCE = 200
# Passages of the sample: all, and those that the others are derived from.
SAMPLE, BASE = 50_000, 40_000
STEP = 0.5
RUN = 6
MADE_UP = 5  # one in this many passages has a unique word


@dataclass(frozen=True, slots=True)
class Embedded:
    """A document with its passages and their vectors, one row per passage."""

    document: Document
    passages: Sequence[Passage]
    vectors: Matrix


def write_sample(folder: Path, embedder: Embedder, passages: int) -> None:
    """Write the passages of random releases, at least the given number, for `read_sample`."""
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(RELEASES, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    random.Random(7).shuffle(records)
    total, began = 0, time.monotonic()
    for first in range(0, len(records), AT_ONCE):
        vectors_file = folder / f"{first:06d}.npy"
        if not vectors_file.exists():
            lines, texts = [], []
            for record in records[first : first + AT_ONCE]:
                known = {key: record[key] for key in ("_id", "title", "text", "date") if key in record}
                metadata = {key: record[key] for key in ("wire", "lang") if record.get(key)}
                document = document_from_record({**known, "metadata": metadata})
                cut = split(document, embedder, embedder.max_tokens)
                texts += [passage.searchable_text for passage in cut]
                lines.append(json.dumps({"document": asdict(document), "passages": [asdict(passage) for passage in cut]}))
            (folder / f"{first:06d}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
            np.save(folder / "part.npy", embedder.embed_passages(texts))
            (folder / "part.npy").rename(vectors_file)
        total += len(np.load(vectors_file, mmap_mode="r"))
        print(f"{total} passages, {time.monotonic() - began:.0f} s", flush=True)
        if total >= passages:
            return


def read_sample(folder: Path) -> list[Embedded]:
    """The whole sample in the order in which it was drawn."""
    found = []
    for vectors_file in sorted(folder.glob("[0-9]*.npy")):
        vectors, first = np.load(vectors_file), 0
        for line in vectors_file.with_suffix(".jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            passages = [Passage(**{**fields, "headings": tuple(fields["headings"])}) for fields in row["passages"]]
            document = Document(**{**row["document"], "headings": (), "pages": ()})
            if passages:
                found.append(Embedded(document, passages, vectors[first : first + len(passages)]))
            first += len(passages)
    return found


def corpus(folder: Path, passages: int) -> Iterator[Embedded]:
    """Documents with `passages` passages together (the last one is cut).

    Real documents with BASE passages first, then documents derived from them, then the remaining real ones.
    """
    base = list(_first(read_sample(folder), BASE))
    yield from _first(base, passages)
    rest = min(SAMPLE - BASE, max(passages - BASE, 0) // 4)
    yield from _first(_all_derived(base), passages - BASE - rest)
    if rest > 0:
        known = {one.document.id for one in base}
        yield from _first((one for one in read_sample(folder) if one.document.id not in known), rest)


def _first(documents: Iterable[Embedded], passages: int) -> Iterator[Embedded]:
    left = passages
    for one in documents:
        if left <= 0:
            return
        yield one if len(one.passages) <= left else Embedded(one.document, one.passages[:left], one.vectors[:left])
        left -= len(one.passages)


def _all_derived(base: Sequence[Embedded]) -> Iterator[Embedded]:
    whole = np.concatenate([one.vectors for one in base])
    texts = [passage.text for one in base for passage in one.passages]
    for round_ in count(1):
        yield from (_derived(one, whole, texts, round_, place) for place, one in enumerate(base))


def _derived(one: Embedded, whole: Matrix, texts: Sequence[str], round_: int, place: int) -> Embedded:
    numbers, choices = np.random.default_rng((round_, place)), random.Random(f"{round_} {place}")
    others = numbers.integers(0, len(whole), (2, len(one.passages)))
    moved = one.vectors + np.float32(STEP) * (whole[others[0]] - whole[others[1]])
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    passages, text, end = [], [], 0
    for passage in one.passages:
        words = _other_words(passage.text, choices.choice(texts), choices)
        passages.append(replace(passage, text=words, start=end, end=end + len(words)))
        text.append(words)
        end += len(words) + 2
    document = replace(one.document, id=f"{one.document.id}/{round_}", text="\n\n".join(text))
    return Embedded(document, passages, moved)


def _other_words(text: str, other: str, choices: random.Random) -> str:
    words, foreign = text.split(), other.split()
    runs = [words[first : first + RUN] for first in range(0, len(words), RUN)]
    choices.shuffle(runs)
    for place in range(0, len(runs), 3):
        first = choices.randrange(max(len(foreign) - RUN, 1))
        runs[place] = foreign[first : first + RUN] or runs[place]
    if choices.randrange(MADE_UP) == 0:
        one, two = choices.choice(words), choices.choice(foreign)
        runs[-1] = [*runs[-1], (one[: len(one) // 2 + 1] + two[len(two) // 2 :]).lower()]
    return " ".join(word for run in runs for word in run)


def main() -> None:
    from index.embedding.loading import load_embedder
    from index.embedding.model_files import DEFAULT_MODEL

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--passages", type=int, default=SAMPLE)
    arguments = parser.parse_args()
    write_sample(arguments.folder / "sample", load_embedder(DEFAULT_MODEL, arguments.folder / "models"), arguments.passages)


if __name__ == "__main__":
    main()
