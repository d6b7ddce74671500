"""JSON of `/v1/search`: each type with the function that fills it. The command line and the pages use the same functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from corpus.types import Span
from index.ranking.result import Ranking
from index.types import StoredPassage
from qa.answering.answer import Answer, Considered, Result
from qa.answering.explanation import advantage, explain
from qa.answering.units.structure import Items, blocks
from qa.answering.units.unit import UnitKind
from qa.web.schemas.documents import (
    DocumentReference,
    Highlight,
    Offset,
    PageUrl,
    PassageDetails,
    PassageId,
    document_json,
    highlight_json,
    passage_details_json,
    passage_json,
    passage_name,
)

Share = Annotated[float, Field(ge=0, le=1)]
Copies = Annotated[
    list[DocumentReference], Field(description="Other documents with nearly the same passage; the newest is quoted.")
]
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
    pinned: Annotated[bool, Field(description="Whether an editor chose the passage for this question; such are first.")]
    copies: Copies
    highlights: list[Highlight]
    explanation: NotRequired[ResultExplanation]


class AnswerSpan(TypedDict):
    """The shortest exact answer inside a quote."""

    text: str
    start: Offset
    end: Offset


class Quote(TypedDict):
    """Words of a document that answer the question: `document.text[start:end] == text`.

    `url` and `headings` are those of the passage that holds the quote or a part of it, `page` is where the quote begins. `items`: the
    places of the list items in the quote. `lead_in`: the lead-in of a list item, or the column heads of a table row; empty if the quote
    holds them.
    """

    text: str
    kind: UnitKind
    passage_id: PassageId
    document: DocumentReference
    url: str | None
    page: int | None
    page_url: PageUrl
    headings: list[str]
    start: Offset
    end: Offset
    span: AnswerSpan | None
    items: list[Highlight]
    lead_in: str
    more: Annotated[int, Field(ge=0, description="Number of items of the list that follow the quote.")]
    copies: Copies
    confidence: Annotated[Share, Field(description="The probability that this quote answers the question.")]


class ConsideredUnit(TypedDict):
    """A unit that could have been quoted. `reader` is null if the reading model did not read it."""

    text: str
    kind: UnitKind
    passage_id: PassageId
    start: Offset
    end: Offset
    probability: Share
    features: dict[str, float]
    contributions: Annotated[dict[str, float], Field(description="Parts of the log-odds of the probability.")]
    reader: Annotated[float | None, Field(description="Score of the reading model.")]
    span: AnswerSpan | None


class FacetValue(TypedDict):
    value: str | int | float
    count: Annotated[int, Field(ge=1)]


class Curation(TypedDict):
    """What an editor's rules did: ids of pinned passages, and of documents that are hidden, whole or in part; phrases of the question
    that have synonyms, each with one that was searched too.
    """

    pinned: list[PassageId]
    hidden: list[str]
    synonyms: list[list[str]]


class SearchAnswer(TypedDict):
    """`answer` is the first of `answers`, null if the documents do not answer; `results` are the nearest passages even then."""

    query: str
    rewritten_query: str | None
    rewrite_reason: str | None
    corrected: Annotated[bool, Field(description="Whether the spelling was corrected; `spelling: false` searches as written.")]
    read_as: Annotated[
        str | None,
        Field(description="With other words for those that may be misspelt; both are searched, and this is answered."),
    ]
    answerable: bool
    confidence: Share
    answer: Quote | None
    answers: Annotated[list[Quote], Field(description="Best first, each from another place.")]
    results: list[SearchResult]
    missing: Annotated[list[str], Field(description="Names, places and numbers of the question that no document found has.")]
    stop_answer: Annotated[str | None, Field(description="An editor's text for this question, if the documents do not answer.")]
    notice: str | None
    generation: Annotated[int, Field(ge=0)]
    took_ms: Annotated[float, Field(ge=0)]
    as_of: NotRequired[Annotated[str, Field(description="If requested: the time that the texts are of.")]]
    facets: NotRequired[dict[str, list[FacetValue]]]
    units: NotRequired[Annotated[list[ConsideredUnit], Field(description="The units considered, best first.")]]
    decided_by: NotRequired[
        Annotated[
            dict[str, float], Field(description="Contributions of the first unit less those of the second, largest first.")
        ]
    ]
    curation: NotRequired[Curation]


def answer_json(answer: Answer, took_ms: float) -> SearchAnswer:
    answers = [_quote_json(each, answer.confidence) for each in answer.answers]
    return {
        "query": answer.question,
        "rewritten_query": answer.rewritten,
        "rewrite_reason": answer.reason,
        "corrected": answer.corrected is not None,
        "read_as": answer.read_as,
        "answerable": answer.answerable,
        "confidence": round(answer.confidence, 4),
        "answer": answers[0] if answers else None,
        "answers": answers,
        "results": [
            _result_json(result, pinned=place < len(answer.curated.pinned)) for place, result in enumerate(answer.shown)
        ],
        "missing": list(answer.missing),
        "stop_answer": answer.stop_answer,
        "notice": answer.notice,
        "generation": answer.generation,
        "took_ms": round(took_ms, 2),
    }


def explained_answer_json(answer: Answer, took_ms: float) -> SearchAnswer:
    """With an explanation of each result's rank, the units considered, and what put the first before the second."""
    body = answer_json(answer, took_ms)
    if answer.ranking:
        ranked = {candidate.passage_id for candidate in answer.ranking.candidates}
        for shown, result in zip(body["results"], answer.shown, strict=True):
            if result.stored.id in ranked:  # what is pinned need not be
                shown["explanation"] = _explanation_json(answer.ranking, result.stored)
    body["units"] = [_unit_json(unit) for unit in answer.considered]
    first_two = answer.considered[:2]
    body["decided_by"] = _rounded(advantage(*first_two)) if len(first_two) == 2 else {}
    pinned = [passage_name(result.stored.id) for result in answer.curated.pinned]
    body["curation"] = {
        "pinned": pinned,
        "hidden": list(answer.curated.hidden),
        "synonyms": [list(pair) for pair in answer.curated.synonyms],
    }
    return body


def facet_json(values: Sequence[tuple[str | int | float, int]]) -> list[FacetValue]:
    return [{"value": value, "count": count} for value, count in values]


def _quote_json(result: Result, confidence: float) -> Quote:
    """`confidence`: of the answer, for a quote without its own."""
    passage, (start, end) = passage_json(result.stored, result.quote), result.quote
    return {
        "text": result.quoted_text,
        "kind": result.kind,
        "passage_id": passage["id"],
        "document": passage["document"],
        "url": passage["url"],
        "page": passage["page"],
        "page_url": passage["page_url"],
        "headings": passage["headings"],
        "start": start,
        "end": end,
        "span": _span_json(result.span, result.quoted_text, start),
        "items": _items_json(result),
        "lead_in": result.lead_in,
        "more": result.more,
        "copies": [document_json(document) for document in result.copies],
        "confidence": round(confidence if result.confidence is None else result.confidence, 4),
    }


def _items_json(result: Result) -> list[Highlight]:
    if result.kind in (UnitKind.SENTENCE, UnitKind.ROW):
        return []
    start = result.quote[0]
    items = (span for block in blocks(result.quoted_text) if isinstance(block, Items) for span in block.items)
    return [highlight_json((start + first, start + last)) for first, last in items]


def _span_json(span: Span | None, text: str, start: int) -> AnswerSpan | None:
    """`start`: offset of `text` in its document."""
    return {"text": text[span[0] - start : span[1] - start], "start": span[0], "end": span[1]} if span else None


def _unit_json(unit: Considered) -> ConsideredUnit:
    return {
        "text": unit.text,
        "kind": unit.kind,
        "passage_id": passage_name(unit.passage_id),
        "start": unit.start,
        "end": unit.end,
        "probability": round(unit.probability, 4),
        "features": _rounded(unit.features),
        "contributions": _rounded(unit.contributions),
        "reader": None if unit.reader is None else round(unit.reader, 4),
        "span": _span_json(unit.span, unit.text, unit.start),
    }


def _result_json(result: Result, *, pinned: bool) -> SearchResult:
    return {
        **passage_details_json(result.stored, result.quote),  # type: ignore[typeddict-item]  # without "explanation"
        "score": round(result.score, 4),
        "pinned": pinned,
        "copies": [document_json(document) for document in result.copies],
        "highlights": [highlight_json(result.quote)],
    }


def _explanation_json(ranking: Ranking, stored: StoredPassage) -> ResultExplanation:
    found = explain(ranking, stored.id, stored.passage.searchable_text)
    return {
        "rank": found.rank,
        "score": round(found.score, 4),
        "dense": {"rank": found.dense.rank, "cosine": round(found.dense.score, 4)},
        "lexical": {"rank": found.lexical.rank, "share": round(found.lexical.score, 4)},
        "contributions": _rounded(found.contributions),
        "matched_terms": list(found.matched),
        "term_weights": {term: round(weight, 3) for term, weight in ranking.term_weights.items()},
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}
