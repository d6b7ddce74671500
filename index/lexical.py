"""The lexical leg in tantivy. The only importer of tantivy.

tantivy finds the candidates; its k1 and b are fixed at 1.2 and .75, so the candidates are scored again with the constants of
`exact.py` from the passages' own term sequences, kept beside it as one array of 32-bit hashes. (CRC-32: among a million
distinct terms some hundred pairs collide.)
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from numpy.typing import NDArray

from index.analysis import terms
from index.exact import K1, B
from index.types import Hit, Ids, LexicalQuery, Scores

# Candidates are cheap: tantivy returns 200 of a million passages in about a millisecond.
LEAST_CANDIDATES = 200
# Up to this many allowed passages are scored one by one, which is exact; beyond it tantivy's candidates are filtered.
FEW_ALLOWED = 10_000
WRITER_BYTES = 64_000_000
ARRAYS = ("lexical-ids", "lexical-starts", "lexical-terms")
ENGINE_FOLDER = "tantivy"


class TantivyLexicalIndex:
    """Built in memory or in a folder; what was added is found after `commit`."""

    def __init__(self, folder: Path | None = None) -> None:
        schema = tantivy.SchemaBuilder()
        schema.add_unsigned_field("id", indexed=True, fast=True)
        schema.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
        self._schema = schema.build()
        if folder is not None:
            (folder / ENGINE_FOLDER).mkdir(parents=True, exist_ok=True)
        self._engine = tantivy.Index(self._schema, path=str(folder / ENGINE_FOLDER) if folder else None)
        self._writer: tantivy.IndexWriter | None = None
        self._ids: Ids = np.empty(0, np.int64)
        self._starts: NDArray[np.int64] = np.zeros(1, np.int64)
        self._terms: NDArray[np.uint32] = np.empty(0, np.uint32)
        self._removed: Ids = np.empty(0, np.int64)
        self._pending: list[tuple[int, list[int]]] = []

    def __len__(self) -> int:
        self.commit()
        return len(self._ids) - len(self._removed)

    @property
    def total_length(self) -> int:
        self.commit()
        gone, _ = self._rows(self._removed)
        return int(self._starts[-1] - np.sum(self._starts[gone + 1] - self._starts[gone]))

    def add(self, ids: Ids, texts: Sequence[str]) -> None:
        if self._writer is None:
            # One thread: more gave no speed on two cores, and the segments come out the same every time.
            self._writer = self._engine.writer(WRITER_BYTES, num_threads=1)
        for passage_id, text in zip(ids.tolist(), texts, strict=True):
            found = terms(text)
            document = tantivy.Document()
            document.add_unsigned("id", passage_id)
            document.add_text("terms", " ".join(found))
            self._writer.add_document(document)
            self._pending.append((passage_id, [_hash(term) for term in found]))

    def remove(self, ids: Ids) -> None:
        self.commit()
        self._removed = np.union1d(self._removed, np.intersect1d(ids, self._ids))

    def commit(self) -> None:
        """Make what was added findable."""
        if self._writer is None:
            return
        self._writer.commit()
        self._writer.wait_merging_threads()
        self._writer = None
        self._engine.reload()
        ids, sequences = zip(*self._pending, strict=True) if self._pending else ((), ())
        ends = np.cumsum([len(sequence) for sequence in sequences], dtype=np.int64)
        self._ids = np.concatenate([self._ids, np.array(ids, np.int64)])
        self._starts = np.concatenate([self._starts, self._starts[-1] + ends])
        self._terms = np.concatenate([self._terms, *(np.array(sequence, np.uint32) for sequence in sequences)])
        self._pending = []

    def document_frequency(self, term: str) -> int:
        self.commit()
        return self._engine.searcher().doc_freq("terms", term)

    def search(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> list[Hit]:
        self.commit()
        if k < 1 or not query.weights or not len(self._ids):
            return []
        if allowed is not None and len(allowed) <= FEW_ALLOWED:
            return self._best(query, allowed, k)
        wanted = max(k, LEAST_CANDIDATES) + len(self._removed)
        while True:
            candidates = self._candidates(query, wanted)
            permitted = candidates if allowed is None else np.intersect1d(candidates, allowed)
            if len(permitted) >= k or len(candidates) < wanted:
                return self._best(query, permitted, k)
            wanted *= 4

    def scores(self, query: LexicalQuery, ids: Ids) -> Scores:
        self.commit()
        rows, here = self._rows(ids)
        scores = np.full(len(ids), np.nan, np.float32)
        scores[here] = self._shares(query, rows[here])
        return scores

    def save(self, folder: Path) -> None:
        """Write the arrays beside the engine's own files, which are in the folder that the index was made with."""
        self.commit()
        arrays: list[NDArray[Any]] = [self._ids, self._starts, self._terms]
        for name, array in zip(ARRAYS, arrays, strict=True):
            np.save(folder / f"{name}.npy", array)

    @classmethod
    def load(cls, folder: Path) -> TantivyLexicalIndex:
        """Read what `save` wrote; the arrays stay on disk and are mapped."""
        loaded = cls(folder)
        loaded._ids, loaded._starts, loaded._terms = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS)
        return loaded

    def _candidates(self, query: LexicalQuery, wanted: int) -> Ids:
        any_term = [(tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "terms", term)) for term, _ in query.weights]
        searcher = self._engine.searcher()
        hits = searcher.search(tantivy.Query.boolean_query(any_term), wanted, count=False).hits
        return np.sort(np.array(searcher.fast_field_values("id", [address for _, address in hits]), np.int64))

    def _best(self, query: LexicalQuery, ids: Ids, k: int) -> list[Hit]:
        scores = self.scores(query, ids)
        found = np.flatnonzero(scores > 0)
        best = found[np.lexsort((ids[found], -scores[found]))[:k]]
        return [Hit(*pair) for pair in zip(ids[best].tolist(), scores[best].tolist(), strict=True)]

    def _rows(self, ids: Ids) -> tuple[Ids, NDArray[np.bool_]]:
        rows = np.searchsorted(self._ids, ids)
        here = rows < len(self._ids)
        here[here] = self._ids[rows[here]] == ids[here]
        if len(self._removed):
            here &= ~np.isin(ids, self._removed)
        return rows, here

    def _shares(self, query: LexicalQuery, rows: Ids) -> Scores:
        """`exact.bm25_share` for many passages at once."""
        if not query.weights:
            return np.zeros(len(rows), np.float32)
        starts = self._starts[rows]
        lengths = self._starts[rows + 1] - starts
        first = np.cumsum(lengths) - lengths
        places = np.arange(int(lengths.sum())) + np.repeat(starts - first, lengths)
        found, passage = self._terms[places], np.repeat(np.arange(len(rows)), lengths)
        norm = K1 * (1 - B + B * lengths / query.mean_length)
        total = np.zeros(len(rows))
        for term, weight in query.weights:
            frequency = np.bincount(passage[found == _hash(term)], minlength=len(rows))
            total += weight * frequency / (frequency + norm)
        return (total / query.best_score).astype(np.float32)


def _hash(term: str) -> int:
    return zlib.crc32(term.encode())
