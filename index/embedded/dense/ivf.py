"""Approximate dense index for many passages: an inverted file in FAISS whose candidates are re-scored with the full vectors.

The vectors are in a memory-mapped file, and so are the lists, which hold a short code of each. A search probes the `nprobe` lists nearest
to the question, takes the best passages by their codes and scores those exactly. nprobe is tuned for recall when the index is built, on
questions derived from its own vectors.
"""

from __future__ import annotations

import json
import math
import os
from copy import copy
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index.embedded.dense import mapped_lists
from index.embedded.dense.id_map import IdMap, Rows
from index.embedded.dense.recall import Recall, tune_nprobe
from index.embedded.policy import DEFAULT, is_few
from index.types import Ids, Matrix, Scores, Vector

INDEX_FILE = "vector-lists.faiss"
LISTS_FILE = "vector-lists.bin"
ROWS_FILE = "vector-rows.f32"
IDS_FILE = "vector-ids.npy"
RECALL_FILE = "vector-recall.json"

SEED = 1
ITERATIONS = 8
LISTS_FACTOR = 2  # times the square root of the number of passages
# A product quantiser of two components a code of 4 bits, laid out for SIMD: 192 codes (96 bytes) at 384 dimensions.
CODES = "IVF{lists},PQ{codes}x4fs"
CODE_VALUES = 16
MIN_TRAINING_POINTS = 10_000
POINTS_PER_LIST = 50  # FAISS warns below 39
# Codes compared by a search at least, two or three milliseconds: real questions lie farther from the passages than those that tune
# nprobe. On 30,000 passages recall@10 was .976 where nprobe was tuned to .9975, and 1 with all lists.
MIN_PROBED = 50_000
MIN_RESCORED = 800  # candidates re-scored exactly: .02% of the best 100 are not among them, and .3% of them not among 400
RESCORED_FACTOR = 2  # times k
MIN_TUNED = 1000  # passages; a smaller index probes every list
ROWS_AT_ONCE = 50_000


class IvfDenseIndex:
    """Added vectors are written to `folder` and indexed by the next search."""

    recall: Recall | None = None

    def __init__(self, dimension: int, folder: Path) -> None:
        self._dimension = dimension
        self._few_allowed = DEFAULT.few_allowed
        self._file: Path | None = folder / ROWS_FILE
        self._file.write_bytes(b"")
        self._rows = IdMap()
        self._matrix: Matrix = np.empty((0, dimension), np.float32)
        self._index: Any = None
        self._lists = 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def ids(self) -> Ids:
        return self._rows.present

    def add(self, ids: Ids, vectors: Matrix) -> None:
        """Raises ValueError on a loaded index, whose files are never changed."""
        if self._file is None:
            raise ValueError("a loaded index is read-only; build another")
        with self._file.open("ab") as file:
            file.write(np.ascontiguousarray(vectors, "<f4").tobytes())
        self._rows.append(ids)

    def remove(self, ids: Ids) -> None:
        self._rows = copy(self._rows)
        self._rows.remove(ids)

    def search(self, question: Vector, k: int, allowed: Ids | None = None) -> Ids:
        self._commit()
        rows = self._find_candidates(question, min(k, len(self)), allowed)
        return self._rows.best(rows, self._matrix[rows] @ question, k)

    def scores(self, question: Vector, ids: Ids) -> Scores:
        self._commit()
        rows, known = self._rows.find_rows(ids)
        scores = np.full(len(ids), np.nan, np.float32)
        scores[known] = self._matrix[rows[known]] @ question
        return scores

    def _commit(self) -> None:
        """Index the vectors added since the last search."""
        if self._file is None or len(self._matrix) == len(self._rows.ids):
            return
        known, self._matrix = len(self._matrix), _map_vectors(self._file, self._dimension)
        faiss.omp_set_num_threads(os.cpu_count() or 1 if len(self._matrix) > ROWS_AT_ONCE else 1)
        if self._index is None:
            self._index = _train(self._matrix)
            self._lists = self._index.nlist
        for first in range(known, len(self._matrix), ROWS_AT_ONCE):
            self._index.add(self._matrix[first : first + ROWS_AT_ONCE])
        if len(self._matrix) >= MIN_TUNED:
            self.recall = tune_nprobe(
                self._matrix, lambda question, nprobe: self._probe(question, MIN_RESCORED, nprobe), self._lists
            )

    def _find_candidates(self, question: Vector, k: int, allowed: Ids | None) -> Rows:
        """Rows that contain the best k with the tuned recall; all allowed rows if they are few, which is exact."""
        if k < 1 or (allowed is not None and not len(allowed)):
            return np.empty(0, np.int64)
        if allowed is not None and is_few(len(allowed), len(self), self._few_allowed):
            return self._present_rows(allowed)
        wanted = len(self) if allowed is None else min(len(allowed), len(self))
        nprobe = self.recall.nprobe if self.recall else self._lists
        # Selective filters and deletions need a higher nprobe.
        nprobe = math.ceil(nprobe * len(self._rows.ids) / len(self)) * math.ceil(len(self) / wanted)
        nprobe = min(max(nprobe, math.ceil(self._lists * MIN_PROBED / len(self._rows.ids))), self._lists)
        # Removed rows are dropped from the result: FAISS is slower when it skips them by bitmap.
        bitmap = self._rows.bitmap(allowed) if allowed is not None else None
        while True:
            rows = self._rows.drop_removed(self._probe(question, max(RESCORED_FACTOR * k, MIN_RESCORED), nprobe, bitmap))
            if len(rows) >= min(k, wanted):
                return rows
            if bitmap is None:
                bitmap = self._rows.bitmap(allowed)
            if nprobe == self._lists:
                return self._present_rows(self.ids if allowed is None else allowed)
            nprobe = min(2 * nprobe, self._lists)

    def _present_rows(self, ids: Ids) -> Rows:
        rows, known = self._rows.find_rows(ids)
        return rows[known]

    def _probe(self, question: Vector, count: int, nprobe: int, bitmap: NDArray[np.uint8] | None = None) -> Rows:
        """The best rows by their codes among the `nprobe` lists nearest to the question and the rows set in `bitmap`."""
        faiss.omp_set_num_threads(1)  # for this thread; concurrent searches use the other cores
        parameters = faiss.SearchParametersIVF()
        parameters.nprobe = nprobe
        if bitmap is not None:
            # The parameters hold only pointers: keep selector and bitmap alive until the search returns.
            selector = faiss.IDSelectorBitmap(len(self._rows.ids), faiss.swig_ptr(bitmap))
            parameters.sel = selector
        _, rows = self._index.search(question[None, :], count, params=parameters)
        found: Rows = rows[0][rows[0] >= 0]
        return found

    def save(self, folder: Path) -> None:
        """Write the lists and ids; `folder` is the one that the index was created with, which holds the vectors."""
        self._commit()
        mapped_lists.save_index(self._index, folder / INDEX_FILE, folder / LISTS_FILE)
        np.save(folder / IDS_FILE, self._rows.ids)
        (folder / RECALL_FILE).write_text(json.dumps(self.recall and self.recall.to_json()))

    @classmethod
    def load(cls, folder: Path, few_allowed: int = DEFAULT.few_allowed) -> IvfDenseIndex:
        """Verify the files first: FAISS has no checksums.

        `few_allowed`: score every allowed passage, which is exact, when they are few by `is_few`.
        """
        loaded = cls.__new__(cls)
        loaded._few_allowed = few_allowed
        loaded._index = mapped_lists.load_index(folder / INDEX_FILE, folder / LISTS_FILE)
        loaded._dimension, loaded._lists = loaded._index.d, loaded._index.nlist
        loaded._rows = IdMap(np.asarray(np.load(folder / IDS_FILE, mmap_mode="r")))
        loaded._matrix = _map_vectors(folder / ROWS_FILE, loaded._dimension)
        loaded._file = None
        loaded.recall = cls.read_recall(folder)
        return loaded

    @staticmethod
    def read_recall(folder: Path) -> Recall | None:
        """The recall measured when the saved index was built; None if it probes every list."""
        measured = json.loads((folder / RECALL_FILE).read_text())
        return Recall.from_json(measured) if measured else None


def _train(matrix: Matrix) -> Any:
    """An empty index with lists and codes trained on these vectors; deterministic."""
    count, dimension = matrix.shape
    lists = max(min(round(LISTS_FACTOR * math.sqrt(count)), count // POINTS_PER_LIST), 1)
    codes = dimension // 2 if dimension % 2 == 0 else dimension
    index: Any = faiss.index_factory(dimension, CODES.format(lists=lists, codes=codes), faiss.METRIC_INNER_PRODUCT)
    for training in (index.cp, index.pq.cp):
        training.niter, training.seed, training.min_points_per_centroid = ITERATIONS, SEED, 1
    rows = np.random.default_rng(SEED).permutation(count)[: max(lists * POINTS_PER_LIST, MIN_TRAINING_POINTS)]
    sample = np.ascontiguousarray(matrix[np.sort(rows)])
    index.train(np.resize(sample, (max(len(sample), CODE_VALUES), dimension)))  # needs a vector for each value of a code
    return index


def _map_vectors(file: Path, dimension: int) -> Matrix:
    matrix: Matrix = np.memmap(file, "<f4", "r").reshape(-1, dimension)
    return matrix.view(np.ndarray)
