"""The terms of every passage in their order, as one array of 32-bit hashes: what re-scoring needs, read in place.

(CRC-32: among a million distinct terms some hundred pairs collide.) The formulas stand in plain Python in `exact.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.embedded.dense.brute_force import K1, WINDOW, B
from index.id_sets import blocks, places_of
from index.types import Ids, LexicalMatch, LexicalQuery, Scores

Rows = NDArray[np.int64]
_FIELDS = ("ids", "documents", "title_lengths", "starts", "terms")


@dataclass(frozen=True, slots=True)
class TermSequences:
    """Row r holds passage `ids[r]` of document number `documents[r]`: `terms[starts[r]:starts[r + 1]]`, its title's terms first."""

    ids: Ids
    documents: Ids
    title_lengths: NDArray[np.int32]
    starts: NDArray[np.int64]
    terms: NDArray[np.uint32]

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, Sequence[str], Sequence[str]]]) -> TermSequences:
        """From passage id, document number, terms of the title and terms of the body, in rising order of the ids."""
        lengths = [len(title) + len(body) for _, _, title, body in rows]
        return cls(
            np.array([row[0] for row in rows], np.int64),
            np.array([row[1] for row in rows], np.int64),
            np.array([len(row[2]) for row in rows], np.int32),
            np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
            np.fromiter((term_hash(term) for _, _, title, body in rows for term in (*title, *body)), np.uint32, sum(lengths)),
        )

    @classmethod
    def joined(cls, parts: Sequence[TermSequences]) -> TermSequences:
        """One after another; their ids must rise from part to part."""
        before = np.cumsum([0, *(part.starts[-1] for part in parts[:-1])])
        starts = [part.starts[1:] + offset for part, offset in zip(parts, before, strict=True)]
        return cls(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.documents for part in parts]),
            np.concatenate([part.title_lengths for part in parts]),
            np.concatenate([np.zeros(1, np.int64), *starts]),
            np.concatenate([part.terms for part in parts]),
        )

    def save(self, folder: Path) -> None:
        for name in _FIELDS:
            np.save(folder / f"passage-{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> TermSequences:
        """Mapped, not read: only the rows of candidates are ever touched."""
        return cls(*(np.asarray(np.load(folder / f"passage-{name}.npy", mmap_mode="r")) for name in _FIELDS))

    def rows_of(self, ids: Ids) -> tuple[Rows, NDArray[np.bool_]]:
        """The row of each id, and whether the id is here at all."""
        return places_of(ids, self.ids)

    def of_documents(self, numbers: Ids) -> Ids:
        """The ids of the rows of these documents."""
        found = [self.ids[rows][np.isin(self.documents[rows], numbers, kind="table")] for rows in blocks(len(self.ids))]
        return np.concatenate([np.empty(0, np.int64), *found])

    def holding(self, terms: Iterable[str]) -> Rows:
        """The rows that hold any of the terms, in rising order, by looking at all of them."""
        places = [np.flatnonzero(self.terms == term_hash(term)) for term in terms]
        return np.unique(np.searchsorted(self.starts, np.concatenate([np.empty(0, np.int64), *places]), "right") - 1)

    def shares(self, query: LexicalQuery, rows: Rows) -> Scores:
        """`exact.bm25_share` of each row."""
        return self._found(query, rows).shares(query)

    def match(self, query: LexicalQuery, rows: Rows) -> LexicalMatch:
        """How each row matches the query, in the order of `rows`."""
        found = self._found(query, rows)
        held = found.held(query)
        others = (held.adjacent(), held.together(), held.in_title(self.title_lengths[rows]))
        return LexicalMatch(
            np.asarray(self.documents[rows]), found.shares(query), *(part.astype(np.float32) for part in others)
        )

    def _found(self, query: LexicalQuery, rows: Rows) -> _Found:
        starts = self.starts[rows]
        lengths = self.starts[rows + 1] - starts
        ends = np.cumsum(lengths)
        terms = self.terms[np.arange(int(ends[-1]) if len(rows) else 0) + np.repeat(starts - ends + lengths, lengths)]
        places = [np.flatnonzero(terms == term_hash(term)) for term, _ in query.sought]
        # Some hundred places among some ten thousand terms: the row of each is looked up, not written out for all.
        owners = [np.searchsorted(ends, of_term, "right") for of_term in places]
        return _Found(lengths, ends - lengths, places, owners)


@dataclass(frozen=True, slots=True)
class _Found:
    """The terms of a query in some rows, as if these stood one after another, each from its start: for each term its places, and in
    which row each is."""

    lengths: NDArray[np.int64]
    starts: NDArray[np.int64]
    places: Sequence[NDArray[np.int64]]
    owners: Sequence[NDArray[np.int64]]

    def shares(self, query: LexicalQuery) -> Scores:
        total = np.zeros(len(self.lengths))
        if not query.best_score:
            return total.astype(np.float32)
        norms = K1 * (1 - B + B * self.lengths / query.mean_length)
        for (_, weight), owners in zip(query.sought, self.owners, strict=True):
            frequencies = np.bincount(owners, minlength=len(total))
            total += weight * frequencies / (frequencies + norms)
        return (total / query.best_score).astype(np.float32)

    def held(self, query: LexicalQuery) -> _Held:
        """Of the question's own terms."""
        own = len(query.weights)
        none = [np.empty(0, np.int64)]
        places = np.concatenate([*none, *self.places[:own]])
        terms = np.repeat(np.arange(own), [len(of_term) for of_term in self.places[:own]])
        order = np.argsort(places)
        owners = np.concatenate([*none, *self.owners[:own]])[order]
        return _Held(len(self.lengths), query, owners, places[order] - self.starts[owners], terms[order])


@dataclass(frozen=True, slots=True)
class _Held:
    """The places where the query's terms stand: passage, position in it, and which term, in the order of the text."""

    passages: int
    query: LexicalQuery
    owners: NDArray[np.int64]
    positions: NDArray[np.int64]
    terms: NDArray[np.int64]

    def adjacent(self) -> NDArray[np.float64]:
        weights = _weights(self.query)
        if len(weights) < 2:
            return np.zeros(self.passages)
        following = (self.owners[1:] == self.owners[:-1]) & (np.diff(self.positions) == 1) & (np.diff(self.terms) == 1)
        pairs = np.zeros((self.passages, len(weights) - 1), bool)
        pairs[self.owners[:-1][following], self.terms[:-1][following]] = True
        pair_weights = weights[1:] + weights[:-1]
        return np.asarray(pairs @ pair_weights / pair_weights.sum())

    def together(self) -> NDArray[np.float64]:
        weights = _weights(self.query)
        best = np.zeros(self.passages)
        if not len(weights):
            return best
        # A window begins at each place and ends before the first one in another passage or WINDOW positions on.
        line = self.owners * (int(self.positions.max(initial=0)) + WINDOW + 1) + self.positions
        ends = np.searchsorted(line, line + WINDOW)
        counts = np.zeros((len(line) + 1, len(weights)), np.int32)
        counts[np.arange(1, len(line) + 1), self.terms] = 1
        np.cumsum(counts, axis=0, out=counts)
        seen = counts[ends] > counts[:-1]
        np.maximum.at(best, self.owners, seen @ weights / weights.sum())
        return best

    def in_title(self, title_lengths: NDArray[np.int32]) -> NDArray[np.float64]:
        weights = _weights(self.query)
        if not len(weights):
            return np.zeros(self.passages)
        inside = self.positions < title_lengths[self.owners]
        held = np.zeros((self.passages, len(weights)), bool)
        held[self.owners[inside], self.terms[inside]] = True
        return np.asarray(held.sum(1) / np.maximum(title_lengths, 1) * (held @ weights) / weights.sum())


def term_hash(term: str) -> int:
    return zlib.crc32(term.encode())


def _weights(query: LexicalQuery) -> NDArray[np.float64]:
    return np.array([weight for _, weight in query.weights])
