"""What an audience may read of the index, found once for the searches between two changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from index.access.audience import Audience
from index.embedded.filtering.filtered_documents import FilteredDocuments
from index.embedded.policy import Policy
from index.embedded.snapshot import IndexSnapshot, Statistics
from index.embedded.store.database import Database
from index.embedded.store.store import Store
from index.filters import Filter
from index.id_sets import isin_sorted
from index.lru import LRU
from index.text.analysis import STEMMERS, stems, words
from index.types import Ids

AUDIENCES = 16  # those that asked last; some megabytes each


@dataclass(frozen=True, slots=True)
class ReadablePassages:
    """Of one moment. `statistics`: of these passages alone, so that nothing tells what else there is."""

    index: IndexSnapshot
    ids: Ids
    statistics: Statistics

    def hold(self, word: str, store: Store) -> bool:
        """Whether one of them is found to hold this very word, for which its stem is not enough. In a read transaction."""
        known = {stem for language in STEMMERS for stem in stems([word], language) if self.statistics.document_frequency(stem)}
        held = [self.index.holding(stem, self.ids) for stem in sorted(known)]
        found = store.passages(np.unique(np.concatenate([np.empty(0, np.int64), *held])).tolist())
        texts = (" ".join((each.document.title, *each.passage.headings, each.passage.text)) for each in found)
        return any(word in words(text) for text in texts)


class Readable:
    """Several threads may use it at once."""

    def __init__(self, database: Database, policy: Policy) -> None:
        self.filters = FilteredDocuments(database, policy)
        self._found: LRU[tuple[int, int, Audience], ReadablePassages] = LRU(AUDIENCES)

    def select(self, index: IndexSnapshot, allowed: Filter | None, audience: Audience | None) -> tuple[Ids | None, Statistics]:
        """The passages that a filter and an audience allow, None for all; and the statistics of what the audience may read.

        In a read transaction of the index's moment.
        """
        ids = None if allowed is None else index.passages_of_documents(self.filters.numbers(allowed))
        readable = self.passages(index, audience)
        if readable is None:
            return ids, index.statistics
        return readable.ids if ids is None else ids[isin_sorted(ids, readable.ids)], readable.statistics

    def passages(self, index: IndexSnapshot, audience: Audience | None) -> ReadablePassages | None:
        """In a read transaction of the index's moment; None if the audience may read everything."""
        if audience is None or self.filters.allows_everything(audience):
            return None
        key = (index.changes, index.generation, audience)
        found = self._found.get(key)
        if found is None or found.index is not index:
            ids = index.passages_of_documents(self.filters.numbers(audience))
            found = ReadablePassages(index, ids, index.statistics_of(ids))
            self._found.put(key, found)
        return found
