"""The lexical leg in tantivy. The only importer of tantivy.

tantivy finds the candidates; its k1 and b are fixed at 1.2 and .75, so the candidates are scored again with the constants of
`exact.py` from the passages' own term sequences, kept beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tantivy

from index.embedded.lexical.brute_force import BruteForceLexicalIndex, searched_terms
from index.embedded.lexical.term_sequences import TermSequences
from index.embedded.policy import DEFAULT
from index.id_sets import contained
from index.types import Hit, Ids, IndexedText, LexicalMatch, LexicalQuery

# Candidates are cheap: tantivy returns 200 of a million passages in about a millisecond.
LEAST_CANDIDATES = 200
FREQUENCIES_KEPT = 10_000
WRITER_BYTES = 64_000_000
ENGINE_FOLDER = "tantivy"


class TantivyLexicalIndex:
    """Built in memory or in a folder."""

    def __init__(self, folder: Path | None = None, few_allowed: int = DEFAULT.few_allowed) -> None:
        """`few_allowed`: score every allowed passage, which is exact, when there are no more; filter tantivy's candidates otherwise."""
        self._few_allowed = few_allowed
        schema = tantivy.SchemaBuilder()
        schema.add_unsigned_field("id", indexed=True, fast=True)
        schema.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
        self._schema = schema.build()
        if folder is not None:
            (folder / ENGINE_FOLDER).mkdir(parents=True, exist_ok=True)
        self._engine = tantivy.Index(self._schema, path=str(folder / ENGINE_FOLDER) if folder else None)
        self._writer: tantivy.IndexWriter | None = None
        self._passages = BruteForceLexicalIndex()
        self._pending: list[TermSequences] = []
        self._searcher = self._engine.searcher()
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
            # One thread: more gave no speed on two cores, and the segments come out the same every time.
            self._writer = self._engine.writer(WRITER_BYTES, num_threads=1)
        rows = searched_terms(ids, texts)
        for passage_id, _, title, body in rows:
            document = tantivy.Document()
            document.add_unsigned("id", passage_id)
            document.add_text("terms", " ".join((*title, *body)))
            self._writer.add_document(document)
        self._pending.append(TermSequences.of(rows))

    def remove(self, ids: Ids) -> None:
        self._commit()
        self._passages.remove(ids)

    def document_frequency(self, term: str) -> int:
        self._commit()
        frequency = self._frequencies.get(term)
        if frequency is None:
            if len(self._frequencies) >= FREQUENCIES_KEPT:
                self._frequencies.clear()
            frequency = self._frequencies[term] = self._searcher.doc_freq("terms", term)
        return frequency

    def of_documents(self, numbers: Ids) -> Ids:
        self._commit()
        return self._passages.of_documents(numbers)

    def search(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> list[Hit]:
        return self._passages.best(query, self._found(query, k, allowed), k)

    def candidates(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> Ids:
        found = self._found(query, k, allowed)
        if found is allowed:  # not looked up, so some may hold none of the terms
            return np.array([hit.passage_id for hit in self._passages.best(query, found, k)], np.int64)
        return self._passages.best_ids(query, found, k)

    def _found(self, query: LexicalQuery, k: int, allowed: Ids | None) -> Ids:
        """Those among which the best k are: few allowed ones as they are, else what the engine finds."""
        self._commit()
        if k < 1 or not query.best_score or not len(self):
            return np.empty(0, np.int64)
        if allowed is not None and len(allowed) <= self._few_allowed:
            return allowed
        wanted = max(k, LEAST_CANDIDATES)
        while True:
            candidates = self._candidates(query, wanted)
            permitted = candidates if allowed is None else candidates[contained(candidates, allowed)]
            if len(permitted) >= k or len(candidates) < wanted:
                return permitted
            wanted *= 4

    def match(self, query: LexicalQuery, ids: Ids) -> LexicalMatch:
        self._commit()
        return self._passages.match(query, ids)

    def save(self, folder: Path) -> None:
        """Write the sequences beside the engine's own files, which are in the folder that the index was made with."""
        self._commit()
        self._passages.save(folder)

    @classmethod
    def load(cls, folder: Path, few_allowed: int = DEFAULT.few_allowed) -> TantivyLexicalIndex:
        """Read what `save` wrote."""
        loaded = cls(folder, few_allowed)
        loaded._passages = BruteForceLexicalIndex.load(folder)
        return loaded

    def _commit(self) -> None:
        """Make what was added findable."""
        if self._writer is None:
            return
        self._writer.commit()
        self._writer.wait_merging_threads()
        self._writer = None
        self._engine.reload()
        self._searcher = self._engine.searcher()
        self._frequencies.clear()
        self._passages.append(*self._pending)
        self._pending = []

    def _candidates(self, query: LexicalQuery, wanted: int) -> Ids:
        any_term = [(tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "terms", term)) for term, _ in query.sought]
        hits = self._searcher.search(tantivy.Query.boolean_query(any_term), wanted, count=False).hits
        return np.sort(np.array(self._searcher.fast_field_values("id", [address for _, address in hits]), np.int64))
