"""A search without an engine."""

from __future__ import annotations

from index.embedded.searcher import Searcher
from index.ranking.result import Ranking


def search(searcher: Searcher, question: str) -> Ranking:
    return searcher.rank(searcher.snapshot(), searcher.prepare(question))
