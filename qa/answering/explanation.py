"""Why a passage came up where it did, or why a document did not: leg by leg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from index.embedded.searcher import Searcher
from index.embedded.store.store import Store
from index.ranking.result import Ranking
from index.text.analysis import terms


@dataclass(frozen=True, slots=True)
class Leg:
    """A candidate's rank (1 is first) and score in one leg: the cosine, or the share of the best possible BM25."""

    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """`contributions` add up to `score`, the fused one; `matched` are the question's terms that the passage or its titles hold."""

    rank: int
    score: float
    dense: Leg
    lexical: Leg
    contributions: Mapping[str, float]
    matched: Sequence[str]


def explain(ranking: Ranking, passage_id: int, searchable_text: str) -> Explanation:
    """Raises KeyError for a passage that is not among the candidates."""
    places = {candidate.passage_id: place for place, candidate in enumerate(ranking.candidates)}
    place = places[passage_id]
    candidate = ranking.candidates[place]
    found = set(terms(searchable_text))
    return Explanation(
        rank=place + 1,
        score=candidate.score,
        dense=_leg([other.similarity for other in ranking.candidates], place),
        lexical=_leg([other.lexical for other in ranking.candidates], place),
        contributions={name: float(part[place]) for name, part in ranking.contributions.items()},
        matched=[term for term in ranking.term_weights if term in found],
    )


def why_not(searcher: Searcher, store: Store, question: str, document_id: str) -> list[str]:
    """Sentences that say how far a document was from coming up. Raises KeyError where there is no such document."""
    document = store.document(document_id)
    if document is None:
        raise KeyError(document_id)
    overall = searcher.search(question)
    own = searcher.search(question, store.passage_ids(document_id))
    if not own.candidates:
        return [f"“{document.title}” has no passages."]
    best = own.candidates[0]
    stored = store.passages([best.passage_id])[0].passage
    lines = [f"Nearest passage of “{document.title}”: “{' '.join(stored.text.split())[:160]}”"]
    if overall.question != question:
        lines.append(f"The question was read as “{overall.question}”.")
    own_explained = explain(own, best.passage_id, stored.searchable_text)
    known = {candidate.passage_id for candidate in overall.candidates}
    if best.passage_id in known:
        found = explain(overall, best.passage_id, stored.searchable_text)
        lines.append(
            f"It came up at place {found.rank} of {len(overall.candidates)} candidates with a score of {found.score:.3f}."
        )
        lines.append(f"By meaning: place {found.dense.rank}, cosine {found.dense.score:.3f}.")
        lines.append(f"By words: place {found.lexical.rank}, {found.lexical.score:.3f} of the best possible.")
    else:
        lines.append(f"Neither leg had it among its candidates ({len(overall.candidates)} in all).")
        lines.append(f"By meaning: cosine {own_explained.dense.score:.3f}; the candidates' lowest is {_lowest(overall):.3f}.")
        lines.append(f"By words: {own_explained.lexical.score:.3f} of the best possible.")
    missing = [term for term in overall.term_weights if term not in own_explained.matched]
    lines.append(
        f"Words it holds: {', '.join(own_explained.matched) or 'none'}; words it lacks: {', '.join(missing) or 'none'}."
    )
    first = overall.candidates[0]
    winner = store.passages([first.passage_id])[0]
    lines.append(
        f"First came “{winner.document.title}” with a score of {first.score:.3f}; this passage scores {best.score:.3f}."
    )
    return lines


def _leg(scores: Sequence[float], place: int) -> Leg:
    return Leg(1 + sum(score > scores[place] for score in scores), scores[place])


def _lowest(ranking: Ranking) -> float:
    return min(candidate.similarity for candidate in ranking.candidates)
