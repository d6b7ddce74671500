"""Brute-force lexical index over term sequences; serves the tail and re-scores tantivy's candidates.

Every search scans all terms: a few thousand passages take one or two milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.id_sets import blocks, find_positions, isin_sorted
from index.ranking.features import TermOccurrences, match_passages, term_hash
from index.text.analysis import passage_terms
from index.types import Ids, IndexedText, LexicalMatch, LexicalQuery, Scores

Rows = NDArray[np.int64]
_FIELDS = ("ids", "documents", "title_lengths", "starts", "terms")


@dataclass(frozen=True, slots=True)
class AnalyzedPassage:
    """A passage's id, its document's number, and the terms of its title and body."""

    id: int
    document: int
    title: Sequence[str]
    body: Sequence[str]


def analyze(ids: Ids, texts: Sequence[IndexedText]) -> list[AnalyzedPassage]:
    """Tokenise passages, in the order of `ids`."""
    return [
        AnalyzedPassage(i, text.document, *passage_terms(text.title, text.body, text.language))
        for i, text in zip(ids.tolist(), texts, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class TermSequences:
    """The hashed terms of passages, concatenated.

    Row r is passage `ids[r]` of document number `documents[r]`: `terms[starts[r]:starts[r + 1]]`, the title's terms first.
    """

    ids: Ids
    documents: Ids
    title_lengths: NDArray[np.int32]
    starts: NDArray[np.int64]
    terms: NDArray[np.uint32]

    @classmethod
    def of(cls, passages: Sequence[AnalyzedPassage]) -> TermSequences:
        """`passages` in ascending order of their ids."""
        lengths = [len(each.title) + len(each.body) for each in passages]
        hashes = (term_hash(term) for each in passages for term in (*each.title, *each.body))
        return cls(
            np.array([each.id for each in passages], np.int64),
            np.array([each.document for each in passages], np.int64),
            np.array([len(each.title) for each in passages], np.int32),
            np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
            np.fromiter(hashes, np.uint32, sum(lengths)),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[TermSequences]) -> TermSequences:
        """Ids must ascend from part to part."""
        before = np.cumsum([0, *(part.starts[-1] for part in parts[:-1])])
        starts = [part.starts[1:] + offset for part, offset in zip(parts, before, strict=True)]
        return cls(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.documents for part in parts]),
            np.concatenate([part.title_lengths for part in parts]),
            np.concatenate([np.zeros(1, np.int64), *starts]),
            np.concatenate([part.terms for part in parts]),
        )

    def of_rows(self, rows: Rows) -> TermSequences:
        """Those of some passages alone, in memory. `rows`: ascending."""
        terms, lengths = self._terms_of(rows)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
        return TermSequences(self.ids[rows], self.documents[rows], self.title_lengths[rows], starts, terms)

    def save(self, folder: Path) -> None:
        for name in _FIELDS:
            np.save(folder / f"passage-{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> TermSequences:
        """Memory-map the files: searches touch only the rows of candidates."""
        return cls(*(np.asarray(np.load(folder / f"passage-{name}.npy", mmap_mode="r")) for name in _FIELDS))

    def passages_of_documents(self, numbers: Ids) -> Ids:
        found = [self.ids[rows][np.isin(self.documents[rows], numbers, kind="table")] for rows in blocks(len(self.ids))]
        return np.concatenate([np.empty(0, np.int64), *found])

    def rows_with_any(self, terms: Iterable[str]) -> Rows:
        """Rows that contain any of the terms, ascending, by a scan of all terms."""
        places = [np.flatnonzero(self.terms == term_hash(term)) for term in terms]
        return np.unique(np.searchsorted(self.starts, np.concatenate([np.empty(0, np.int64), *places]), "right") - 1)

    def frequency_among(self, rows: Rows) -> Callable[[str], int]:
        """Counts those of the rows that contain a term."""
        terms, lengths = self._terms_of(rows)
        ends = np.cumsum(lengths)
        return lambda term: len(np.unique(np.searchsorted(ends, np.flatnonzero(terms == term_hash(term)), "right")))

    def length_of(self, rows: Rows) -> int:
        return int(np.sum(self.starts[rows + 1] - self.starts[rows]))

    def bm25_shares(self, query: LexicalQuery, rows: Rows) -> Scores:
        return TermOccurrences.find(query, *self._terms_of(rows)).bm25_shares()

    def match(self, query: LexicalQuery, rows: Rows) -> LexicalMatch:
        return match_passages(query, self.documents[rows], *self._terms_of(rows), self.title_lengths[rows])

    def _terms_of(self, rows: Rows) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The terms of some rows, concatenated, and the length of each row."""
        starts = self.starts[rows]
        lengths = self.starts[rows + 1] - starts
        ends = np.cumsum(lengths)
        places = np.arange(int(ends[-1]) if len(rows) else 0) + np.repeat(starts - ends + lengths, lengths)
        return self.terms[places], lengths


class BruteForceLexicalIndex:
    """Arrays are replaced, never modified, so a shallow copy keeps its contents when the original grows."""

    def __init__(self, sequences: TermSequences | None = None) -> None:
        self._sequences = sequences or TermSequences.of([])
        self._removed: Ids = np.empty(0, np.int64)
        self._removed_length = 0

    def __len__(self) -> int:
        return len(self._sequences.ids) - len(self._removed)

    @property
    def total_length(self) -> int:
        return int(self._sequences.starts[-1]) - self._removed_length

    def add(self, ids: Ids, texts: Sequence[IndexedText]) -> None:
        self.append(TermSequences.of(analyze(ids, texts)))

    def append(self, *sequences: TermSequences) -> None:
        self._sequences = TermSequences.concatenate([self._sequences, *sequences])

    def remove(self, ids: Ids) -> None:
        _, known = find_positions(ids, self._sequences.ids)
        if not known.any():
            return
        self._removed = np.union1d(self._removed, ids[known])
        rows, _ = find_positions(self._removed, self._sequences.ids)
        self._removed_length = self._sequences.length_of(rows)

    def discard(self, ids: Ids) -> None:
        """Like `remove`, but frees their memory by copying all other passages. For an index that is in memory and not in a file."""
        kept = ~np.isin(self._sequences.ids, ids)
        if not kept.all():
            self._sequences = self._sequences.of_rows(np.flatnonzero(kept))

    def document_frequency(self, term: str) -> int:
        holding = self._sequences.ids[self._sequences.rows_with_any([term])]
        return int(np.count_nonzero(~isin_sorted(holding, self._removed)))

    def frequency_among(self, ids: Ids) -> Callable[[str], int]:
        rows, known = self._find_rows(ids)
        return self._sequences.frequency_among(rows[known])

    def length_of(self, ids: Ids) -> int:
        rows, known = self._find_rows(ids)
        return self._sequences.length_of(rows[known])

    def passages_of_documents(self, numbers: Ids) -> Ids:
        ids = self._sequences.passages_of_documents(numbers)
        return ids[~isin_sorted(ids, self._removed)] if len(self._removed) else ids

    def search(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> Ids:
        holding = self._sequences.ids[self._sequences.rows_with_any(term for term, _ in query.scored_terms)]
        return self.best_matching(query, holding if allowed is None else holding[isin_sorted(holding, allowed)], k)

    def best_matching(self, query: LexicalQuery, ids: Ids, k: int) -> Ids:
        """The best k of these passages, each of which must contain a scored term; unscored if there are no more than k."""
        return self.best(query, ids, k) if len(ids) > k else ids[self._find_rows(ids)[1]]

    def best(self, query: LexicalQuery, ids: Ids, k: int) -> Ids:
        """The best k of these passages by BM25 share, without those that score 0."""
        rows, known = self._find_rows(ids)
        ids, share = ids[known], self._sequences.bm25_shares(query, rows[known])
        found = np.flatnonzero(share > 0)
        return ids[found[np.lexsort((ids[found], -share[found]))[: max(k, 0)]]]

    def match(self, query: LexicalQuery, ids: Ids) -> LexicalMatch:
        rows, known = self._find_rows(ids)
        found = self._sequences.match(query, rows[known])
        parts = []
        for part in (found.share, found.adjacent, found.proximity, found.title):
            parts.append(np.full(len(ids), np.nan, np.float32))
            parts[-1][known] = part
        documents = np.zeros(len(ids), np.int64)
        documents[known] = found.documents
        return LexicalMatch(documents, *parts)

    def save(self, folder: Path) -> None:
        self._sequences.save(folder)

    @classmethod
    def load(cls, folder: Path) -> BruteForceLexicalIndex:
        return cls(TermSequences.load(folder))

    def _find_rows(self, ids: Ids) -> tuple[Rows, NDArray[np.bool_]]:
        """The row of each id, and whether the id is present."""
        rows, known = find_positions(ids, self._sequences.ids)
        return rows, known & ~isin_sorted(ids, self._removed)
