"""A lexical index without an engine: the terms of every passage, all of which are looked at for every search.

It is exact, and what is added is found at once. It searches some thousand passages in a millisecond or two, so it serves for those that
no segment holds yet; and it scores the candidates that an engine found.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.embedded.lexical.term_sequences import TermSequences
from index.id_sets import contained
from index.text.analysis import terms
from index.types import Hit, Ids, IndexedText, LexicalMatch, LexicalQuery, Scores


class BruteForceLexicalIndex:
    """What was added is never changed in place, so a shallow copy stays as it is when the original is added to."""

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
        self.append(TermSequences.of(searched_terms(ids, texts)))

    def append(self, *sequences: TermSequences) -> None:
        self._sequences = TermSequences.joined([self._sequences, *sequences])

    def remove(self, ids: Ids) -> None:
        _, here = self._sequences.rows_of(ids)
        if not here.any():
            return
        self._removed = np.union1d(self._removed, ids[here])
        rows, _ = self._sequences.rows_of(self._removed)
        self._removed_length = int(np.sum(self._sequences.starts[rows + 1] - self._sequences.starts[rows]))

    def document_frequency(self, term: str) -> int:
        return len(self._sequences.holding([term]))

    def of_documents(self, numbers: Ids) -> Ids:
        ids = self._sequences.of_documents(numbers)
        return ids[~contained(ids, self._removed)] if len(self._removed) else ids

    def search(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> list[Hit]:
        return self.best(query, self._holding(query, allowed), k)

    def candidates(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> Ids:
        return self.best_ids(query, self._holding(query, allowed), k)

    def best(self, query: LexicalQuery, ids: Ids, k: int) -> list[Hit]:
        """The best k of these passages."""
        ids, share = self._best(query, ids, k)
        return [Hit(*pair) for pair in zip(ids.tolist(), share.tolist(), strict=True)]

    def best_ids(self, query: LexicalQuery, ids: Ids, k: int) -> Ids:
        """The best k of these passages, each of which holds a term of the query; not scored where there are no more."""
        return self._best(query, ids, k)[0] if len(ids) > k else ids[self._present(ids)[1]]

    def _holding(self, query: LexicalQuery, allowed: Ids | None) -> Ids:
        holding = self._sequences.ids[self._sequences.holding(term for term, _ in query.sought)]
        return holding if allowed is None else holding[contained(holding, allowed)]

    def _best(self, query: LexicalQuery, ids: Ids, k: int) -> tuple[Ids, Scores]:
        rows, here = self._present(ids)
        ids, share = ids[here], self._sequences.shares(query, rows[here])
        found = np.flatnonzero(share > 0)
        best = found[np.lexsort((ids[found], -share[found]))[: max(k, 0)]]
        return ids[best], share[best]

    def match(self, query: LexicalQuery, ids: Ids) -> LexicalMatch:
        rows, here = self._present(ids)
        found = self._sequences.match(query, rows[here])
        parts = []
        for part in (found.share, found.adjacent, found.together, found.title):
            parts.append(np.full(len(ids), np.nan, np.float32))
            parts[-1][here] = part
        documents = np.zeros(len(ids), np.int64)
        documents[here] = found.documents
        return LexicalMatch(documents, *parts)

    def save(self, folder: Path) -> None:
        self._sequences.save(folder)

    @classmethod
    def load(cls, folder: Path) -> BruteForceLexicalIndex:
        return cls(TermSequences.load(folder))

    def _present(self, ids: Ids) -> tuple[Ids, NDArray[np.bool_]]:
        rows, here = self._sequences.rows_of(ids)
        return rows, here & ~contained(ids, self._removed)


def searched_terms(ids: Ids, texts: Sequence[IndexedText]) -> list[tuple[int, int, list[str], list[str]]]:
    """Passage id, document number, terms of the title and terms of the body of each."""
    return [(i, text.document, terms(text.title), terms(text.body)) for i, text in zip(ids.tolist(), texts, strict=True)]
