"""A tie-breaker between documents of which the newer is worth more, such as press releases. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np

from index.ranking.result import Ranking

# The most that it adds to a fused score, half of what adjacent words add: it decides between passages that are about as good.
RECENCY = 0.05
HALF_LIFE = 365.0  # days
CONSIDERED = 20  # first candidates


def prefer_recent(ranking: Ranking, days: Mapping[int, int]) -> Ranking:
    """Add up to RECENCY to the scores of passages, half of it for one that is a year older than the newest, and order them again.

    `days`: the days of the passages it is for, among the first CONSIDERED candidates, as proleptic ordinals.
    """
    if not days:
        return ranking
    candidates = list(ranking.candidates)
    newest = max(days.values())
    ages = [newest - days[each.passage_id] if each.passage_id in days else np.inf for each in candidates]
    added = (RECENCY * 0.5 ** (np.array(ages) / HALF_LIFE)).astype(np.float32)
    scores = np.array([each.score for each in candidates], np.float32) + added
    order = np.argsort(-scores, kind="stable")
    parts = {name: part[order] for name, part in ranking.contributions.items()}
    return replace(
        ranking,
        candidates=[replace(candidates[place], score=float(scores[place])) for place in order.tolist()],
        contributions=parts | {"recency": added[order]},
    )


def day_of(written: str | None) -> int | None:
    """The day of a date such as 2025-07-21, 2025-07 or 2025 (its first day), as a proleptic ordinal; None if there is none."""
    parts = (written or "")[:10].split("-")
    try:
        return date(*map(int, [*parts, "1", "1"][:3])).toordinal()
    except (TypeError, ValueError):
        return None
