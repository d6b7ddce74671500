"""Explains the rank of a passage, and why a document was not found or not quoted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from index.engine import EngineView
from index.filters import Comparison
from index.ranking.result import Ranking
from index.text.analysis import terms
from qa.answering.answer import Answer, Considered
from qa.answering.answerer import Answerer

SHOWN_CHARACTERS = 160  # of a passage or unit


@dataclass(frozen=True, slots=True)
class Leg:
    """A candidate's rank (1 is first) and score by one index: the cosine on the model's scale, or BM25 as a share of its upper bound."""

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
    found = set(terms(searchable_text, ranking.language))
    return Explanation(
        rank=place + 1,
        score=candidate.score,
        dense=_leg([other.similarity for other in ranking.candidates], place),
        lexical=_leg([other.lexical for other in ranking.candidates], place),
        contributions={name: float(part[place]) for name, part in ranking.contributions.items()},
        matched=[term for term in ranking.term_weights if term in found],
    )


def advantage(first: Considered, second: Considered) -> dict[str, float]:
    """What decided between two units: the contributions to the first less those to the second, largest first."""
    names = {**first.contributions, **second.contributions}
    differences = {name: first.contributions.get(name, 0.0) - second.contributions.get(name, 0.0) for name in names}
    return {name: value for name, value in sorted(differences.items(), key=lambda one: -one[1]) if value}


def why_not(answerer: Answerer, engine: EngineView, question: str, document_id: str) -> list[str]:
    """Sentences about the rank of a document's best passage for a question, and of its units. Raises KeyError for an unknown document."""
    document = engine.document(document_id)
    if document is None:
        raise KeyError(document_id)
    answer = answerer.ask(question)
    edited = _edited(answer, document_id)
    overall, own = answer.ranking, answerer.ask(question, filter_=Comparison("eq", "id", document_id)).ranking
    if overall is None or own is None:
        return edited or [f"“{document.title}” has no passages."]
    passages = {candidate.passage_id for candidate in own.candidates}
    ranked = next((candidate for candidate in overall.candidates if candidate.passage_id in passages), None)
    best = ranked or own.candidates[0]
    (stored,) = engine.passages([best.passage_id])
    lines = [*edited, f"Best passage of “{document.title}”: “{_shortened(stored.passage.text)}”"]
    if overall.question != question:
        lines.append(f"The question was searched as “{overall.question}”.")
    if answer.curated.synonyms:
        pairs = "; ".join(f"“{other}” for “{phrase}”" for phrase, other in answer.curated.synonyms)
        lines.append(f"Synonyms were searched too: {pairs}.")
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
    return lines + (_choice(answer, document_id, passages) if ranked else [])


def _edited(answer: Answer, document_id: str) -> list[str]:
    """What the editor's rules do with a document."""
    lines = []
    if document_id in answer.curated.hidden:
        lines.append("The editor hides it, or passages of it, for this question; `qa curate --show` prints the rules.")
    if any(result.stored.document.id == document_id for result in answer.curated.pinned):
        lines.append("The editor pinned it for this question: it is shown first, whatever its rank, but not as the answer.")
    return lines


def _choice(answer: Answer, document_id: str, passages: Collection[int]) -> list[str]:
    """Sentences about the best unit of a document whose passages were found: whether it is quoted, and what decided."""
    if not answer.considered:
        return []
    rank, unit = next(((n, unit) for n, unit in enumerate(answer.considered, 1) if unit.passage_id in passages), (0, None))
    if unit is None:
        return ["Nothing of it was considered for the quote: only the first passages and their neighbours are."]
    lines = [
        f"Its best {unit.kind} is “{_shortened(unit.text)}”, with rank {rank} of {len(answer.considered)} considered and a probability of"
        f" {unit.probability:.2f}{'' if unit.reader is None else f'; the reading model gave it {unit.reader:.2f}'}."
    ]
    for place, each in enumerate(answer.answers, 1):
        if each.stored.document.id == document_id and each.quote[0] <= unit.start and unit.end <= each.quote[1]:
            return [*lines, f"It is quoted as answer {place} of {len(answer.answers)}."]
    if rank == 1:
        return [*lines, "It is not quoted, because no answer was given."]
    chosen = answer.considered[0]
    lines.append(
        f"Another {chosen.kind} comes first: “{_shortened(chosen.text)}”, with a probability of {chosen.probability:.2f}."
    )
    decided = ", ".join(f"{name} {value:+.2f}" for name, value in advantage(chosen, unit).items())
    return [*lines, f"What decided: {decided}."] if decided else lines


def _shortened(text: str) -> str:
    return " ".join(text.split())[:SHOWN_CHARACTERS]


def _leg(scores: Sequence[float], place: int) -> Leg:
    return Leg(1 + sum(score > scores[place] for score in scores), scores[place])


def _lowest(ranking: Ranking) -> float:
    return min(candidate.similarity for candidate in ranking.candidates)
