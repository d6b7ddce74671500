"""Scored candidates -> a ranking: the step that every engine ends a search with. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from index.ranking.fusion import best_possible, contributions, fuse
from index.ranking.query import PreparedQuery
from index.ranking.result import Candidates, Ranking
from index.text.analysis import terms as terms_of
from index.types import Ids, LexicalMatch, LexicalQuery, Scores

# Factor of the similarity of a question in a language that the model was not trained on.
UNREAD = np.float32(0.1)
# The best of each leg by exact scores are ranked. Engines find more than that, because none of their indexes orders exactly: which of the
# last ones are found differs, and all of a document's candidates count for its score. Beyond 100 nDCG@10 does not rise.
LEG = 100


def rank_candidates(
    query: PreparedQuery,
    terms: LexicalQuery,
    ids: Ids,
    similarity: Scores,
    match: LexicalMatch,
    *,
    generation: int,
    passages: int,
    absent: Collection[str],
    synonyms: Sequence[tuple[str, str]],
    partial: bool = False,
) -> Ranking:
    """Fuse the features of the best candidates of each leg; of equal scores the lowest id comes first.

    `ids`, `similarity` (on the scale of the model), `match`: (n,) in the same order. `passages`, `absent`, `synonyms`, `partial`: as in
    Ranking.
    """
    best = _best_of_legs(ids, similarity, match.share)
    ids, similarity, match = ids[best], similarity[best], match.at(best)
    trusted = similarity * (UNREAD if query.lexical_only and match.share.any() else np.float32(1))
    best_similarity = float(trusted.max()) if len(ids) else 0.0
    parts = contributions(trusted, match, best_similarity, len(terms.weights))
    fused = fuse(parts)
    order = np.lexsort((ids, -fused))
    return Ranking(
        query.question,
        query.meant or query.question,
        Candidates(ids[order], fused[order], similarity[order], match.share[order]),
        _weights(query, terms),
        best_possible(best_similarity, len(terms.weights)),
        generation,
        {name: part[order] for name, part in parts.items()},
        passages,
        absent,
        partial,
        query.languages[0],
        synonyms,
    )


def _weights(query: PreparedQuery, terms: LexicalQuery) -> dict[str, float]:
    """Of the terms of the question as it is meant, and of earlier ones."""
    asked = dict(terms.weights)
    if query.alternatives:
        known = {**dict(terms.expansions), **asked}
        asked = {term: known[term] for term in terms_of(query.meant, query.languages[0]) if term in known}
    return asked | dict(terms.context)


def _best_of_legs(ids: Ids, similarity: Scores, share: Scores) -> NDArray[np.int64]:
    """The places of the best LEG candidates by similarity, and by words, in rising order."""
    nearest, by_words = (np.lexsort((ids, -scores))[:LEG] for scores in (similarity, share))
    return np.union1d(nearest, by_words[share[by_words] > 0])
