"""Answers as JSON values, the same over HTTP and on the command line."""

from __future__ import annotations

from typing import Any

from index.rows import StoredDocument
from qa.answerer import Answer, Result


def passage_name(passage_id: int) -> str:
    """A passage's public id: it stands in URLs as a fragment, so it begins with a letter."""
    return f"p{passage_id}"


def answer_json(answer: Answer, took_ms: float) -> dict[str, Any]:
    return {
        "query": answer.question,
        "rewritten_query": None,
        "answerable": answer.answerable,
        "confidence": round(answer.confidence, 4),
        "answer": _quote_json(answer.quote) if answer.quote else None,
        "results": [_result_json(result) for result in answer.results],
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


def quoted_text(result: Result) -> str:
    start, end = result.quote
    passage = result.stored.passage
    return passage.text[start - passage.start : end - passage.start]


def _quote_json(result: Result) -> dict[str, Any]:
    start, end = result.quote
    return {"text": quoted_text(result), "passage_id": passage_name(result.stored.id), "start": start, "end": end}


def _result_json(result: Result) -> dict[str, Any]:
    passage = result.stored.passage
    start, end = result.quote
    return {
        "id": passage_name(result.stored.id),
        "document": document_json(result.stored.document),
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "page": passage.page,
        "headings": list(passage.headings),
        "score": round(result.score, 4),
        "highlights": [{"start": start, "end": end}],
        "metadata": dict(result.stored.document.metadata),
    }
