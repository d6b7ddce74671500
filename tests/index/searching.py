"""A search without an engine."""

from __future__ import annotations

from index.embedded.searcher import Searcher
from index.ranking.result import Ranking


def search(searcher: Searcher, question: str) -> Ranking:
    query = searcher.prepare(question)
    with searcher.snapshot() as index:
        return searcher.rank(index, query, index.statistics)
