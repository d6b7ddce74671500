"""Re-ranking by a cross-encoder, which reads question and passage together: off unless the operator names a model.

Every question costs as many readings of a passage as are re-ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from index.embedded.store.store import Store
from index.embedding.model_files import model_folder, set_up_hub
from index.ranking.query import DenseCandidates, PreparedQuery, SearcherProtocol, SearcherWrapper
from index.ranking.result import Ranking
from index.types import Ids, ModelError, Reranker, Scores

# Passages that are read again. The right one is among them for nearly all questions (R@10 is .82 to .98).
RERANKED = 20


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers."""

    def __init__(self, name: str, *, offline: bool = True) -> None:
        """`name`: a folder, or a name in this machine's model cache. Raises ModelError where it is missing or unusable."""
        folder = model_folder(name, offline=offline, marker="config.json")
        set_up_hub(offline=True)  # the files are here by now
        from sentence_transformers import CrossEncoder

        try:
            self._model = CrossEncoder(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)
        except Exception as error:
            raise ModelError(f"sentence-transformers cannot load the cross-encoder {folder}: {error}") from error
        if self._model.num_labels != 1:
            raise ModelError(f"{folder} is no re-ranking model: it has {self._model.num_labels} outputs and not one")

    def scores(self, question: str, texts: Sequence[str]) -> Scores:
        found: Scores = np.asarray(
            self._model.predict([(question, text) for text in texts], show_progress_bar=False), np.float32
        ).reshape(len(texts))
        return found


class RerankedSearcher(SearcherWrapper):
    """A searcher whose first passages are put into a re-ranker's order."""

    def __init__(self, searcher: SearcherProtocol, store: Store, reranker: Reranker) -> None:
        super().__init__(searcher)
        self._store, self._reranker = store, reranker

    def rank(
        self,
        asked: PreparedQuery,
        allowed: Ids | None = None,
        *,
        by_words: bool = False,
        nearest: DenseCandidates | None = None,
    ) -> Ranking:
        ranking = self._searcher.rank(asked, allowed, by_words=by_words, nearest=nearest)
        if by_words:  # a language that the re-ranker, too, is thought not to read
            return ranking
        first = ranking.candidates[:RERANKED]
        texts = {stored.id: stored.passage.searchable_text for stored in self._store.passages([c.passage_id for c in first])}
        # One removed a moment ago has no text; it is passed over wherever it stands.
        scores = self._reranker.scores(ranking.question, [texts.get(candidate.passage_id, "") for candidate in first])
        return rearranged(ranking, np.argsort(-scores, kind="stable"))


def rearranged(ranking: Ranking, order: Ids) -> Ranking:
    """The first candidates in this order, given the same scores from the top, so that none contradicts its place.

    What that adds to a candidate's score, or takes, is the part "reranker".
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
