"""Size thresholds of the embedded engine, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from index.ranking.reranking import RERANKED
from index.ranking.scoring import LEG


@dataclass(frozen=True, slots=True)
class Policy:
    """Counts of passages unless another unit is named. docs/decisions/0014-scale.md has the figures behind the defaults."""

    # Search
    candidates: int = LEG  # from each segment by each index
    exact_passages: int = (
        10_000  # a segment up to this size is searched exactly, about 1 ms; beyond it the inverted file is faster
    )
    few_allowed: int = 10_000  # a filter that allows up to this many has all of them scored, which is exact
    reranked: int = RERANKED

    # Segments
    unindexed: int = 1_000  # searched without a segment before one is built, about 1 ms a question
    unindexed_at_start: int = 20_000  # searched without a segment while the first one is built, some 10 ms a question
    merged_at_once: int = 10_000  # indexed while the next document waits, a few seconds; larger merges run in the background
    merge_factor: int = 4  # merge a segment with its successors when they, or its deletions, exceed 1/merge_factor of its size
    built_in_process: int = 5_000  # built here in one or two seconds; starting a child process takes half a second
    generations: int = 2  # kept on disk: the current one and its predecessor

    # Caches of filters and facets
    filters: int = 16  # results of filters, 8 bytes for each document that one allows
    facets: int = 64
    new_documents: int = (
        1_000  # matched one by one to extend a filter's result; for more, the filter is evaluated over all documents
    )


DEFAULT = Policy()
