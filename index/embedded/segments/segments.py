"""Segments: the derived indexes of a range of passage ids, built from the store into a folder and never changed.

New passages go into a new segment, and small segments are merged with their neighbours, so that each passage is indexed only a few
times and a search looks through only a few segments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

from index.embedded.dense.flat import FlatDenseIndex
from index.embedded.dense.ivf import INDEX_FILE, IvfDenseIndex
from index.embedded.dense.protocol import DenseIndex
from index.embedded.dense.recall import Recall
from index.embedded.lexical.protocol import LexicalIndex
from index.embedded.lexical.tantivy_index import TantivyLexicalIndex
from index.embedded.policy import Policy
from index.embedded.store.store import Store
from index.text.analysis import words
from index.text.spelling import Speller
from index.types import Ids


@dataclass(frozen=True, slots=True)
class Span:
    """Passage ids above `after` and up to `last`."""

    after: int
    last: int


@dataclass(frozen=True, slots=True)
class Segment:
    """`passages`: their number in `span` when the segment was built, before removals. `digest`: SHA-256 over those of its files."""

    span: Span
    digest: str
    passages: int
    vectors: DenseIndex
    lexical: LexicalIndex
    speller: Speller

    def without(self, removed: Ids) -> Segment:
        """This segment without those of some passages that are in it; searches on this one still find them."""
        removed = removed[(removed > self.span.after) & (removed <= self.span.last)]
        if not len(removed):
            return self
        vectors, lexical = copy(self.vectors), copy(self.lexical)
        vectors.remove(removed)
        lexical.remove(removed)
        return replace(self, vectors=vectors, lexical=lexical)


def write_segment(folder: Path, store: Store, fingerprint: str, dimension: int, span: Span, policy: Policy) -> None:
    """Build the segment of a span into an empty folder. Memory is bounded, except for the inverted lists and the words."""
    lexical = TantivyLexicalIndex(folder)
    vectors = _create_dense_index(folder, dimension, store.passages_in(span.after, span.last), policy)
    word_counts: Counter[str] = Counter()
    for ids, texts, matrix in store.passages_since(span.after, fingerprint):
        within = int((ids <= span.last).sum())
        vectors.add(ids[:within], matrix[:within])
        lexical.add(ids[:within], texts[:within])
        for text in texts[:within]:
            word_counts.update(set(words(f"{text.title} {text.body}")))
        if within < len(ids):
            break
    vectors.save(folder)
    lexical.save(folder)
    Speller.of(word_counts, len(vectors)).save(folder)


def load_segment(folder: Path, span: Span, digest: str, policy: Policy) -> Segment:
    """Load a verified folder. Raises any exception of FAISS, tantivy or NumPy if another version wrote the files."""
    vectors = IvfDenseIndex.load(folder, policy.few_allowed) if (folder / INDEX_FILE).exists() else FlatDenseIndex.load(folder)
    lexical = TantivyLexicalIndex.load(folder, policy.few_allowed)
    return Segment(span, digest, len(vectors), vectors, lexical, Speller.load(folder))


def read_recall(folder: Path) -> Recall | None:
    """Recall measured when the segment was built; None if its dense search is exact."""
    return IvfDenseIndex.read_recall(folder) if (folder / INDEX_FILE).exists() else None


def merge_start(segments: Sequence[Segment], merge_factor: int, added: int = 0) -> int:
    """The place of the first segment to merge with its successors and `added` passages; `len(segments)` if none is due.

    A segment is due when its successors, or its deletions, exceed 1/`merge_factor` of its size.
    """
    for place, segment in enumerate(segments):
        later = added + sum(len(other.vectors) for other in segments[place + 1 :])
        removed = segment.passages - len(segment.vectors)
        if max(later, removed) * merge_factor > segment.passages:
            return place
    return len(segments)


def bounded_merge_start(segments: Sequence[Segment], added: int, policy: Policy) -> int:
    """As `merge_start`, but the merge has at most `policy.merged_at_once` passages, unless more were added."""
    place = merge_start(segments, policy.merge_factor, added)
    while place < len(segments) and added + sum(len(segment.vectors) for segment in segments[place:]) > policy.merged_at_once:
        place += 1
    return place


def _create_dense_index(folder: Path, dimension: int, passages: int, policy: Policy) -> FlatDenseIndex | IvfDenseIndex:
    return FlatDenseIndex(dimension) if passages <= policy.exact_passages else IvfDenseIndex(dimension, folder)
