"""Segments: the derived indexes of a run of passages, from one id to another. Made of a store, kept in a folder, never changed.

What is added later goes into a segment of its own, and small ones are made anew together with their neighbours as they become
many, so that a passage is indexed a few times in its life and a search looks at a few segments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from index.embedded.dense.flat import FlatDenseIndex
from index.embedded.dense.ivf import LISTS_FILE, IvfDenseIndex
from index.embedded.dense.recall import Recall
from index.embedded.lexical.tantivy_index import TantivyLexicalIndex
from index.embedded.policy import Policy
from index.embedded.store.store import Store
from index.text.abbreviations import Abbreviations, definitions
from index.text.analysis import words
from index.text.spelling import Speller
from index.types import DenseIndex, Ids, LexicalIndex


@dataclass(frozen=True, slots=True)
class Span:
    """The passages whose ids are above `after` and up to `last`."""

    after: int
    last: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Both indexes and the words of the `passages` that the store held in `span` when it was built."""

    span: Span
    passages: int
    vectors: DenseIndex
    lexical: LexicalIndex
    speller: Speller
    abbreviations: Abbreviations

    def remove(self, ids: Ids) -> None:
        self.vectors.remove(ids)
        self.lexical.remove(ids)


def write(folder: Path, store: Store, fingerprint: str, dimension: int, span: Span, policy: Policy) -> None:
    """Build the segment of a span into an empty folder; memory is bounded but for the lists and the words."""
    lexical = TantivyLexicalIndex(folder)
    vectors = _empty_vectors(folder, dimension, store.passages_in(span.after, span.last), policy)
    spoken: Counter[str] = Counter()
    explained: Counter[tuple[str, str]] = Counter()
    for ids, texts, matrix in store.passages_since(span.after, fingerprint):
        within = int((ids <= span.last).sum())
        vectors.add(ids[:within], matrix[:within])
        lexical.add(ids[:within], texts[:within])
        for text in texts[:within]:
            spoken.update(set(words(f"{text.title} {text.body}")))
            explained.update(definitions(text.body))
        if within < len(ids):
            break
    vectors.save(folder)
    lexical.save(folder)
    Speller.of(spoken, len(vectors)).save(folder)
    Abbreviations.of(explained).save(folder)


def load(folder: Path, span: Span, policy: Policy) -> Segment:
    """Read what `write` wrote. Raises whatever the engines raise where the files are of another version."""
    vectors = IvfDenseIndex.load(folder, policy.few_allowed) if (folder / LISTS_FILE).exists() else FlatDenseIndex.load(folder)
    lexical = TantivyLexicalIndex.load(folder, policy.few_allowed)
    return Segment(span, len(vectors), vectors, lexical, Speller.load(folder), Abbreviations.load(folder))


def read_recall(folder: Path) -> Recall | None:
    """What was measured when the segment was built; None where its search is exact."""
    return IvfDenseIndex.read_recall(folder) if (folder / LISTS_FILE).exists() else None


def kept(segments: Sequence[Segment], merge_factor: int, added: int = 0) -> int:
    """How many of the segments, the first ones, stay as they are when `added` passages come after them; the others are due."""
    for place, segment in enumerate(segments):
        later = added + sum(len(other.vectors) for other in segments[place + 1 :])
        removed = segment.passages - len(segment.vectors)
        if max(later, removed) * merge_factor > segment.passages:
            return place
    return len(segments)


def bounded_merge_start(segments: Sequence[Segment], added: int, policy: Policy) -> int:
    """As `kept`, but the merge holds at most `policy.merged_at_once` passages, unless more were added."""
    place = kept(segments, policy.merge_factor, added)
    while place < len(segments) and added + sum(len(segment.vectors) for segment in segments[place:]) > policy.merged_at_once:
        place += 1
    return place


def _empty_vectors(folder: Path, dimension: int, passages: int, policy: Policy) -> FlatDenseIndex | IvfDenseIndex:
    return FlatDenseIndex(dimension) if passages <= policy.exact_passages else IvfDenseIndex(dimension, folder)
