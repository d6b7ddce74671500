"""The first candidates of a ranking in the order of a re-ranker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from index.ranking.result import Ranking
from index.types import Ids, Reranker, StoredPassage

RERANKED = 20  # first candidates read by the re-ranker; R@20 is .82 to .98 on the dev sets


def rerank(
    ranking: Ranking, reranker: Reranker, count: int, passages: Callable[[Sequence[int]], Sequence[StoredPassage]]
) -> Ranking:
    """Order the first `count` candidates by a re-ranker's scores. `passages`: reads those of some ids that are still stored."""
    first = ranking.candidates[:count]
    texts = {stored.id: stored.passage.searchable_text for stored in passages([each.passage_id for each in first])}
    scores = reranker.scores(ranking.question, [texts.get(candidate.passage_id, "") for candidate in first])
    return reorder(ranking, np.argsort(-scores, kind="stable"))


def reorder(ranking: Ranking, order: Ids) -> Ranking:
    """The first candidates in another order. They take over the scores of their new ranks, so that scores still descend.

    The difference to a candidate's own score is its contribution "reranker".
    """
    first = [ranking.candidates[place] for place in order.tolist()]
    places = np.concatenate([order, np.arange(len(order), len(ranking.candidates))])
    scores = np.array([candidate.score for candidate in ranking.candidates], np.float32)
    moved = {name: part[places] for name, part in ranking.contributions.items()}
    return replace(
        ranking,
        candidates=[
            *(replace(candidate, score=score) for candidate, score in zip(first, scores[: len(first)].tolist(), strict=True)),
            *ranking.candidates[len(first) :],
        ],
        contributions=moved | {"reranker": scores - scores[places]},
    )
