"""The dense leg for many passages: an inverted file in FAISS, whose finds are scored again with the vectors themselves.

The vectors stand in a file that is mapped, not read; the inverted file, in memory, holds a short code of each. A search looks at the
lists nearest to the question, takes the best by their codes, and scores those exactly. How many lists is tuned when the index is
built, on the passages' own vectors, so that recall reaches its target.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index.embedded.dense.id_map import IdMap, Rows
from index.embedded.dense.recall import Recall, tuned
from index.embedded.policy import DEFAULT
from index.types import Hit, Ids, Matrix, Scores, Vector

LISTS_FILE = "vector-lists.faiss"
ROWS_FILE = "vector-rows.f32"
IDS_FILE = "vector-ids.npy"
RECALL_FILE = "vector-recall.json"

SEED = 1
ITERATIONS = 8
LISTS_FACTOR = 2  # times the square root of the number of passages
# A product quantiser of two components a code of 4 bits, laid out for SIMD: 192 codes (96 bytes) at 384 dimensions.
CODES = "IVF{lists},PQ{codes}x4fs"
CODE_VALUES = 16
LEAST_TRAINED = 10_000
POINTS_A_LIST = 50  # FAISS wants 39 or more to train on
LEAST_FOUND = 400  # codes that are scored again, at the least; the product asks for 200
FOUND_FACTOR = 2
LEAST_TUNED = 1000  # passages; among fewer every list is looked at
AT_ONCE = 50_000  # rows


class IvfDenseIndex:
    """Approximate search. What is added is written to `folder`, and searched from the next search on."""

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
        if self._file is None:
            raise ValueError("an index that was loaded is as it was saved; build another")
        with self._file.open("ab") as file:
            file.write(np.ascontiguousarray(vectors, "<f4").tobytes())
        self._rows.append(ids)

    def remove(self, ids: Ids) -> None:
        self._rows.remove(ids)

    def search(self, question: Vector, k: int, allowed: Ids | None = None) -> list[Hit]:
        self._commit()
        rows = self._found(question, min(k, len(self)), allowed)
        return self._rows.hits(rows, self._matrix[rows] @ question, k)

    def candidates(self, question: Vector, k: int, allowed: Ids | None = None) -> Ids:
        self._commit()
        rows = self._found(question, min(k, len(self)), allowed)
        return self._rows.best(rows, self._matrix[rows] @ question, k)

    def scores(self, question: Vector, ids: Ids) -> Scores:
        self._commit()
        rows, here = self._rows.rows_of(ids)
        scores = np.full(len(ids), np.nan, np.float32)
        scores[here] = self._matrix[rows[here]] @ question
        return scores

    def _commit(self) -> None:
        """Make what was added findable."""
        if self._file is None or len(self._matrix) == len(self._rows.ids):
            return
        known, self._matrix = len(self._matrix), _mapped(self._file, self._dimension)
        faiss.omp_set_num_threads(os.cpu_count() or 1 if len(self._matrix) > AT_ONCE else 1)
        if self._index is None:
            self._index = _trained(self._matrix)
            self._lists = self._index.nlist
        for first in range(known, len(self._matrix), AT_ONCE):
            self._index.add(self._matrix[first : first + AT_ONCE])
        if len(self._matrix) >= LEAST_TUNED:
            self.recall = tuned(self._matrix, lambda question, effort: self._listed(question, LEAST_FOUND, effort), self._lists)

    def _found(self, question: Vector, k: int, allowed: Ids | None) -> Rows:
        """Rows that hold the best k, or very nearly; of few allowed ones all, which is exact."""
        if k < 1 or (allowed is not None and not len(allowed)):
            return np.empty(0, np.int64)
        if allowed is not None and len(allowed) <= self._few_allowed:
            rows, here = self._rows.rows_of(allowed)
            return rows[here]
        wanted = len(self) if allowed is None else min(len(allowed), len(self))
        effort = self.recall.effort if self.recall else self._lists
        # The fewer can be found, the farther away the best of them are.
        effort = math.ceil(effort * len(self._rows.ids) / len(self)) * math.ceil(len(self) / wanted)
        effort = min(effort, self._lists)
        # What was removed is left out of what is found: to pass over it meanwhile takes longer.
        bits = self._rows.selected(allowed) if allowed is not None else None
        while True:
            rows = self._rows.still_here(self._listed(question, max(FOUND_FACTOR * k, LEAST_FOUND), effort, bits))
            if len(rows) >= min(k, wanted):
                return rows
            if bits is None:
                bits = self._rows.selected(allowed)
            if effort == self._lists:  # nothing is left but to look at all of them
                rows, here = self._rows.rows_of(self.ids if allowed is None else allowed)
                return rows[here]
            effort = min(2 * effort, self._lists)

    def _listed(self, question: Vector, count: int, effort: int, bits: NDArray[np.uint8] | None = None) -> Rows:
        """The best rows by their codes, in the `effort` lists nearest to the question; only those whose bit is set."""
        faiss.omp_set_num_threads(1)  # of this thread: other questions use the other cores
        parameters = faiss.SearchParametersIVF()
        parameters.nprobe = effort
        if bits is not None:
            # The parameters hold only pointers: selector and bits must live until the search is over.
            selector = faiss.IDSelectorBitmap(len(self._rows.ids), faiss.swig_ptr(bits))
            parameters.sel = selector
        _, rows = self._index.search(question[None, :], count, params=parameters)
        found: Rows = rows[0][rows[0] >= 0]
        return found

    def save(self, folder: Path) -> None:
        """Write the lists beside the rows, which are in the folder that the index was made with."""
        self._commit()
        faiss.write_index(self._index, str(folder / LISTS_FILE))
        np.save(folder / IDS_FILE, self._rows.ids)
        (folder / RECALL_FILE).write_text(json.dumps(asdict(self.recall) if self.recall else None))

    @classmethod
    def load(cls, folder: Path, few_allowed: int = DEFAULT.few_allowed) -> IvfDenseIndex:
        """Load what `save` wrote. The files must have been verified: FAISS has no checksum of its own.

        `few_allowed`: score every allowed passage, which is exact, when there are no more than this many.
        """
        loaded = cls.__new__(cls)
        loaded._few_allowed = few_allowed
        loaded._index = faiss.read_index(str(folder / LISTS_FILE))
        loaded._dimension, loaded._lists = loaded._index.d, loaded._index.nlist
        loaded._rows = IdMap(np.load(folder / IDS_FILE))
        loaded._matrix = _mapped(folder / ROWS_FILE, loaded._dimension)
        loaded._file = None
        loaded.recall = cls.read_recall(folder)
        return loaded

    @staticmethod
    def read_recall(folder: Path) -> Recall | None:
        """What was measured when the index saved there was built."""
        measured = json.loads((folder / RECALL_FILE).read_text())
        return Recall(**measured) if measured else None


def _trained(matrix: Matrix) -> Any:
    """An empty index whose lists and codes suit these vectors; the same one every time for the same vectors."""
    count, dimension = matrix.shape
    lists = max(min(round(LISTS_FACTOR * math.sqrt(count)), count // POINTS_A_LIST), 1)
    codes = dimension // 2 if dimension % 2 == 0 else dimension
    index: Any = faiss.index_factory(dimension, CODES.format(lists=lists, codes=codes), faiss.METRIC_INNER_PRODUCT)
    for training in (index.cp, index.pq.cp):
        training.niter, training.seed, training.min_points_per_centroid = ITERATIONS, SEED, 1
    rows = np.random.default_rng(SEED).permutation(count)[: max(lists * POINTS_A_LIST, LEAST_TRAINED)]
    sample = np.ascontiguousarray(matrix[np.sort(rows)])
    index.train(np.resize(sample, (max(len(sample), CODE_VALUES), dimension)))  # it wants a vector for each value of a code
    return index


def _mapped(file: Path, dimension: int) -> Matrix:
    matrix: Matrix = np.memmap(file, "<f4", "r").reshape(-1, dimension)
    return matrix.view(np.ndarray)
