"""Answers as JSON values, the same over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corpus.types import url_at
from index.ranking.result import Ranking
from index.types import Job, StoredDocument, StoredPassage
from qa.answering.answerer import Answer, Result
from qa.answering.explanation import explain

MAX_DIGITS = 18  # of a passage id: SQLite's integers have 63 bits


def passage_name(passage_id: int) -> str:
    """A passage's public id: it stands in URLs as a fragment, so it begins with a letter."""
    return f"p{passage_id}"


def passage_number(name: str) -> int | None:
    """The passage id that a public id stands for; None for what is none."""
    digits = name.removeprefix("p")
    return int(digits) if name.startswith("p") and digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS else None


def answer_json(answer: Answer, took_ms: float, *, explained: bool = False) -> dict[str, Any]:
    """`explained`: with why each result stands where it does."""
    results = [_result_json(result) for result in answer.results]
    if explained and answer.ranking:
        for shown, result in zip(results, answer.results, strict=True):
            shown["explanation"] = _explanation_json(answer.ranking, result.stored)
    return {
        "query": answer.question,
        "rewritten_query": answer.rewritten,
        "rewrite_reason": answer.reason,
        "answerable": answer.answerable,
        "confidence": round(answer.confidence, 4),
        "answer": _quote_json(answer.quote) if answer.quote else None,
        "results": results,
        "notice": answer.notice,
        "generation": answer.generation,
        "took_ms": round(took_ms, 2),
    }


def document_json(document: StoredDocument) -> dict[str, Any]:
    """What a result says of its document."""
    return {
        "id": document.id,
        "title": document.title,
        "url": document.url,
        "date": document.date,
        "version": document.version,
    }


def listed_document_json(document: StoredDocument, passages: int) -> dict[str, Any]:
    """What a list of documents says of each."""
    return document_json(document) | {
        "source": document.source,
        "type": document.type,
        "language": document.language,
        "passages": passages,
        "metadata": dict(document.metadata),
    }


def job_json(job: Job) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "status": job.status,
        "name": job.name,
        "documents": job.documents,
        "failures": list(job.failures),
        "created": job.created,
        "finished": job.finished,
    }


def passage_json(stored: StoredPassage) -> dict[str, Any]:
    passage = stored.passage
    return {
        "id": passage_name(stored.id),
        "document": document_json(stored.document),
        "url": url_at(stored.document.url, passage.anchor),
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "page": passage.page,
        "headings": list(passage.headings),
    }


def facet_json(values: Sequence[tuple[str | int | float, int]]) -> list[dict[str, Any]]:
    return [{"value": value, "count": count} for value, count in values]


def _quote_json(result: Result) -> dict[str, Any]:
    start, end = result.quote
    return {"text": result.quoted_text, "passage_id": passage_name(result.stored.id), "start": start, "end": end}


def _result_json(result: Result) -> dict[str, Any]:
    start, end = result.quote
    return passage_json(result.stored) | {
        "score": round(result.score, 4),
        "highlights": [{"start": start, "end": end}],
        "metadata": dict(result.stored.document.metadata),
    }


def _explanation_json(ranking: Ranking, stored: StoredPassage) -> dict[str, Any]:
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
