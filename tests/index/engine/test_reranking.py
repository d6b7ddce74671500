"""Contract of every engine with a re-ranker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.types import Scores
from tests.index.engine.conftest import OpenEngine
from tests.index.engine.test_engine_contract import filled


class ReverseReranker:
    """Prefers what the engine ranked last."""

    def scores(self, question: str, texts: list[str]) -> Scores:
        return np.arange(len(texts), dtype=np.float32)


def test_reranker_orders_the_first_candidates_and_explains_their_scores(open_engine: OpenEngine, tmp_path: Path) -> None:
    plain, reranking = open_engine(tmp_path / "plain"), open_engine(tmp_path / "reranking", ReverseReranker())
    try:
        rankings = []
        for engine in (plain, reranking):
            filled(engine)
            engine.rebuild()
            rankings.append(engine.search(engine.prepare("otter reed", spelling=False)))
        before, after = ([each.passage_id for each in ranking.candidates] for ranking in rankings)
        assert after == before[::-1]
        scores = [each.score for each in rankings[1].candidates]
        assert scores == sorted(scores, reverse=True)
        total = np.sum(list(rankings[1].contributions.values()), axis=0)
        assert total.tolist() == pytest.approx(scores, abs=1e-5)
    finally:
        plain.close()
        reranking.close()
