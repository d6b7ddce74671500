"""JSON of `/v1/search`: each type with the function that fills it. The command line and the pages use the same functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from index.ranking.result import Ranking
from index.types import StoredPassage
from qa.answering.answer import Answer, Result
from qa.answering.explanation import explain
from qa.web.schemas.documents import (
    Highlight,
    Offset,
    PassageDetails,
    highlight_json,
    passage_details_json,
    passage_name,
)

Share = Annotated[float, Field(ge=0, le=1)]
Rank = Annotated[int, Field(ge=1, description="1 is the best.")]


class DenseRank(TypedDict):
    rank: Rank
    cosine: float


class LexicalRank(TypedDict):
    rank: Rank
    share: Annotated[float, Field(description="BM25 score as a share of the highest possible one.")]


class ResultExplanation(TypedDict):
    """`contributions` add up to `score`."""

    rank: Rank
    score: float
    dense: DenseRank
    lexical: LexicalRank
    contributions: dict[str, float]
    matched_terms: list[str]
    term_weights: dict[str, float]


class SearchResult(PassageDetails):
    score: Share
    highlights: list[Highlight]
    explanation: NotRequired[ResultExplanation]


class Quote(TypedDict):
    text: str
    passage_id: str
    start: Offset
    end: Offset


class FacetValue(TypedDict):
    value: str | int | float
    count: Annotated[int, Field(ge=1)]


class SearchAnswer(TypedDict):
    """`answer` is null if the documents do not answer the question; `results` are the nearest passages even then."""

    query: str
    rewritten_query: str | None
    rewrite_reason: str | None
    answerable: bool
    confidence: Share
    answer: Quote | None
    results: list[SearchResult]
    notice: str | None
    generation: Annotated[int, Field(ge=0)]
    took_ms: Annotated[float, Field(ge=0)]
    facets: NotRequired[dict[str, list[FacetValue]]]


def answer_json(answer: Answer, took_ms: float) -> SearchAnswer:
    return {
        "query": answer.question,
        "rewritten_query": answer.rewritten,
        "rewrite_reason": answer.reason,
        "answerable": answer.answerable,
        "confidence": round(answer.confidence, 4),
        "answer": _quote_json(answer.quote) if answer.quote else None,
        "results": [_result_json(result) for result in answer.results],
        "notice": answer.notice,
        "generation": answer.generation,
        "took_ms": round(took_ms, 2),
    }


def explained_answer_json(answer: Answer, took_ms: float) -> SearchAnswer:
    """With an explanation of each result's rank."""
    body = answer_json(answer, took_ms)
    if answer.ranking:
        for shown, result in zip(body["results"], answer.results, strict=True):
            shown["explanation"] = _explanation_json(answer.ranking, result.stored)
    return body


def facet_json(values: Sequence[tuple[str | int | float, int]]) -> list[FacetValue]:
    return [{"value": value, "count": count} for value, count in values]


def _quote_json(result: Result) -> Quote:
    start, end = result.quote
    return {"text": result.quoted_text, "passage_id": passage_name(result.stored.id), "start": start, "end": end}


def _result_json(result: Result) -> SearchResult:
    return {
        **passage_details_json(result.stored),  # type: ignore[typeddict-item]  # without "explanation"
        "score": round(result.score, 4),
        "highlights": [highlight_json(result.quote)],
    }


def _explanation_json(ranking: Ranking, stored: StoredPassage) -> ResultExplanation:
    found = explain(ranking, stored.id, stored.passage.searchable_text)
    return {
        "rank": found.rank,
        "score": round(found.score, 4),
        "dense": {"rank": found.dense.rank, "cosine": round(found.dense.score, 4)},
        "lexical": {"rank": found.lexical.rank, "share": round(found.lexical.score, 4)},
        "contributions": {name: round(value, 4) for name, value in found.contributions.items()},
        "matched_terms": list(found.matched),
        "term_weights": {term: round(weight, 3) for term, weight in ranking.term_weights.items()},
    }
