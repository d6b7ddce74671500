"""Builds small lexical indexes and queries."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from index.embedded.lexical.protocol import LexicalIndex
from index.ranking.lexical_query import lexical_query
from index.types import Ids, IndexedText, LexicalQuery

Make = Callable[[], LexicalIndex]
Corpus = tuple[Ids, list[IndexedText]]
CLOSE = 1e-6


def ids_of(*numbers: int) -> Ids:
    return np.array(numbers, np.int64)


def texts_of(*bodies: str) -> list[IndexedText]:
    return [IndexedText("", body, 1) for body in bodies]


def filled(make: Make, corpus: Corpus) -> LexicalIndex:
    index = make()
    if len(corpus[0]):
        index.add(*corpus)
    return index


def query_for(index: LexicalIndex, question: str, context: str = "") -> LexicalQuery:
    mean_length = index.total_length / max(len(index), 1)
    return lexical_query(question, index.document_frequency, len(index), mean_length, {}, context=context, context_weight=0.3)
