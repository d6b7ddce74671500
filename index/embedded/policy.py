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
    few_allowed: int = 10_000  # a filter that allows up to this many has all of them scored, which is exact; see `is_few`
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


def is_few(allowed: int, passages: int, few_allowed: int) -> bool:
    """Whether to score all allowed passages rather than to look for the best of them among the others.

    A scan takes time in proportion to them, about 1 ms a thousand; an index in proportion to how many others there are for each. Of a
    million passages 10,000 were ranked in 16 ms by a scan and 57 by the indexes, 20,000 in 20 and 38, 50,000 in 53 and 28.
    """
    return allowed <= few_allowed or (2 * allowed <= 5 * few_allowed and 40 * allowed <= passages)
