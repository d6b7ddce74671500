"""Lexical index in tantivy, re-scored. The only importer of tantivy.

Tantivy fixes k1 at 1.2 and b at .75, so it only finds candidates, which are scored again with our constants
(`index/ranking/features.py`) from term sequences stored beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from pathlib import Path

import numpy as np
import tantivy

from index.embedded.lexical.brute_force import BruteForceLexicalIndex, TermSequences, analyze
from index.embedded.policy import DEFAULT, is_few
from index.id_sets import isin_sorted
from index.types import Ids, IndexedText, LexicalMatch, LexicalQuery

# The best 100 by our scores are among them for 99% of long questions; among 200 for a third.
MIN_CANDIDATES = 600
# Passages with a term that are looked at, in about a millisecond, to count how many of the allowed ones hold it.
SAMPLED = 1_000
SEED = 1
CACHED_FREQUENCIES = 10_000  # terms
WRITER_BYTES = 64_000_000
TANTIVY_FOLDER = "tantivy"


class TantivyLexicalIndex:
    """In memory without a folder."""

    def __init__(self, folder: Path | None = None, few_allowed: int = DEFAULT.few_allowed) -> None:
        """`few_allowed`: score every allowed passage, which is exact, if they are few by `is_few`; filter tantivy's candidates else."""
        self._few_allowed = few_allowed
        schema = tantivy.SchemaBuilder()
        schema.add_unsigned_field("id", indexed=True, fast=True)
        schema.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
        self._schema = schema.build()
        if folder is not None:
            (folder / TANTIVY_FOLDER).mkdir(exist_ok=True)  # not its parents: a reader must not create a generation again
        self._tantivy = tantivy.Index(self._schema, path=str(folder / TANTIVY_FOLDER) if folder else None)
        self._writer: tantivy.IndexWriter | None = None
        self._passages = BruteForceLexicalIndex()
        self._pending: list[TermSequences] = []
        self._searcher = self._tantivy.searcher()
        self._frequencies: dict[str, int] = {}

    def __len__(self) -> int:
        self._commit()
        return len(self._passages)

    @property
    def total_length(self) -> int:
        self._commit()
        return self._passages.total_length

    def add(self, ids: Ids, texts: Sequence[IndexedText]) -> None:
        if self._writer is None:
            # One thread: more were no faster on two cores, and tantivy's segments are reproducible.
            self._writer = self._tantivy.writer(WRITER_BYTES, num_threads=1)
        passages = analyze(ids, texts)
        for passage in passages:
            document = tantivy.Document()
            document.add_unsigned("id", passage.id)
            document.add_text("terms", " ".join((*passage.title, *passage.body)))
            self._writer.add_document(document)
        self._pending.append(TermSequences.of(passages))

    def remove(self, ids: Ids) -> None:
        self._commit()
        self._passages = copy(self._passages)
        self._passages.remove(ids)

    def document_frequency(self, term: str) -> int:
        self._commit()
        frequency = self._frequencies.get(term)
        if frequency is None:
            if len(self._frequencies) >= CACHED_FREQUENCIES:
                self._frequencies.clear()
            frequency = self._frequencies[term] = self._searcher.doc_freq("terms", term)
        return frequency

    def frequency_among(self, ids: Ids) -> Callable[[str], int]:
        """Of more than `few_allowed` ids, a term that more than SAMPLED passages hold is counted in so many, at random."""
        self._commit()
        share = min(self._few_allowed / max(len(ids), 1), 1.0)
        if share == 1:
            return self._passages.frequency_among(ids)
        drawn = np.random.default_rng(SEED).choice(ids, self._few_allowed, replace=False)
        count = self._passages.frequency_among(np.sort(drawn))
        return lambda term: self._estimate(term, ids, count, share)

    def length_of(self, ids: Ids) -> int:
        self._commit()
        return self._passages.length_of(ids)

    def passages_of_documents(self, numbers: Ids) -> Ids:
        self._commit()
        return self._passages.passages_of_documents(numbers)

    def search(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> Ids:
        self._commit()
        if k < 1 or not query.best_score or not len(self):
            return np.empty(0, np.int64)
        if allowed is not None and is_few(len(allowed), len(self._passages), self._few_allowed):
            return self._passages.best(query, allowed, k)
        wanted = max(k, MIN_CANDIDATES)
        while True:
            candidates = self._find_candidates((term for term, _ in query.scored_terms), wanted)
            permitted = candidates if allowed is None else candidates[isin_sorted(candidates, allowed)]
            if len(permitted) >= k or len(candidates) < wanted:
                return self._passages.best_matching(query, permitted, k)
            wanted *= 4

    def match(self, query: LexicalQuery, ids: Ids) -> LexicalMatch:
        self._commit()
        return self._passages.match(query, ids)

    def save(self, folder: Path) -> None:
        """Write the term sequences; `folder` is the one that the index was created with, which holds tantivy's files."""
        self._commit()
        self._passages.save(folder)

    @classmethod
    def load(cls, folder: Path, few_allowed: int = DEFAULT.few_allowed) -> TantivyLexicalIndex:
        loaded = cls(folder, few_allowed)
        loaded._passages = BruteForceLexicalIndex.load(folder)
        return loaded

    def _commit(self) -> None:
        """Make added passages searchable."""
        if self._writer is None:
            return
        self._writer.commit()
        self._writer.wait_merging_threads()
        self._writer = None
        self._tantivy.reload()
        self._searcher = self._tantivy.searcher()
        self._frequencies.clear()
        self._passages.append(*self._pending)
        self._pending = []

    def _estimate(self, term: str, ids: Ids, count: Callable[[str], int], share: float) -> int:
        """`count`: in this share of the ids."""
        frequency = self.document_frequency(term)
        if not frequency:
            return 0
        if frequency > SAMPLED and (counted := count(term)):
            return round(counted / share)
        found = self._find_candidates([term], min(frequency, SAMPLED))
        among = np.count_nonzero(isin_sorted(found, ids))
        return max(round(frequency * among / len(found)), 1) if among else 0

    def _find_candidates(self, terms: Iterable[str], wanted: int) -> Ids:
        any_term = [(tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "terms", term)) for term in terms]
        hits = self._searcher.search(tantivy.Query.boolean_query(any_term), wanted, count=False).hits
        return np.sort(np.array(self._searcher.fast_field_values("id", [address for _, address in hits]), np.int64))
