"""Explains the rank of a passage, and why a document was not found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from index.engine import Engine
from index.filters import Comparison
from index.ranking.result import Ranking
from index.text.analysis import terms
from qa.answering.answer import Considered


@dataclass(frozen=True, slots=True)
class Leg:
    """A candidate's rank (1 is first) and score by one index: the cosine, or BM25 as a share of its upper bound."""

    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """`contributions` add up to `score`, the fused one; `matched`: the question's terms in the passage or its headings."""

    rank: int
    score: float
    dense: Leg
    lexical: Leg
    contributions: Mapping[str, float]
    matched: Sequence[str]


def explain(ranking: Ranking, passage_id: int, searchable_text: str) -> Explanation:
    """Explain the rank of a passage. Raises KeyError if it is not a candidate."""
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


def advantage(considered: Sequence[Considered]) -> dict[str, float]:
    """What decided: the contributions of the first unit less those of the second, largest first; empty if they are not known."""
    if len(considered) < 2:
        return {}
    first, second = (unit.contributions for unit in considered[:2])
    differences = {name: first.get(name, 0.0) - second.get(name, 0.0) for name in {**first, **second}}
    return {name: value for name, value in sorted(differences.items(), key=lambda one: -one[1]) if value}


def why_not(engine: Engine, question: str, document_id: str) -> list[str]:
    """Sentences about the rank of a document's best passage for a question. Raises KeyError for an unknown document."""
    document = engine.document(document_id)
    if document is None:
        raise KeyError(document_id)
    query = engine.prepare(question)
    with engine.snapshot() as snapshot:
        overall = snapshot.search(query)
    with engine.snapshot(Comparison("eq", "id", document_id)) as snapshot:
        own = snapshot.search(query)
    if not own.candidates:
        return [f"“{document.title}” has no passages."]
    passages = {candidate.passage_id for candidate in own.candidates}
    ranked = next((candidate for candidate in overall.candidates if candidate.passage_id in passages), None)
    best = ranked or own.candidates[0]
    (stored,) = engine.passages([best.passage_id])
    lines = [f"Best passage of “{document.title}”: “{' '.join(stored.passage.text.split())[:160]}”"]
    if overall.question != question:
        lines.append(f"The question was searched as “{overall.question}”.")
    found = explain(overall if ranked else own, best.passage_id, stored.passage.searchable_text)
    if ranked:
        lines += [
            f"It has rank {found.rank} of {len(overall.candidates)} candidates with a score of {found.score:.3f}.",
            f"Dense: rank {found.dense.rank}, cosine {found.dense.score:.3f}.",
            f"Lexical: rank {found.lexical.rank}, {found.lexical.score:.3f} of the best possible BM25.",
        ]
    else:
        lines += [
            f"It is not among the {len(overall.candidates)} candidates.",
            f"Dense: cosine {found.dense.score:.3f}; the lowest of the candidates is {_lowest(overall):.3f}.",
            f"Lexical: {found.lexical.score:.3f} of the best possible BM25.",
        ]
    missing = [term for term in overall.term_weights if term not in found.matched]
    lines.append(f"Terms in it: {', '.join(found.matched) or 'none'}; terms not in it: {', '.join(missing) or 'none'}.")
    first = overall.candidates[0]
    (winner,) = engine.passages([first.passage_id])
    lines.append(f"The first result is from “{winner.document.title}”, with a score of {first.score:.3f}.")
    return lines


def _leg(scores: Sequence[float], place: int) -> Leg:
    return Leg(1 + sum(score > scores[place] for score in scores), scores[place])


def _lowest(ranking: Ranking) -> float:
    return min(candidate.similarity for candidate in ranking.candidates)
