"""Replies in OpenAI's shapes: a chat completion, and the chunks of one that is streamed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

from corpus.types import url_at
from qa.chat.replies import Citation, Reply
from qa.web.schemas.responses import document_json, passage_name


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every object about one completion carries. `created`: seconds since 1970. `site`: this service's own address."""

    id: str
    created: int
    model: str
    site: str

    def completion(self, reply: Reply, usage: Mapping[str, int]) -> dict[str, Any]:
        message = {
            "role": "assistant",
            "content": reply.text,
            "refusal": None,
            "annotations": [self._annotation(citation) for citation in reply.citations],
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return self._object("chat.completion", [choice]) | {"usage": dict(usage), "grounding": grounding_json(reply)}

    def opening(self) -> dict[str, Any]:
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def piece(self, text: str) -> dict[str, Any]:
        return self._chunk({"content": text})

    def closing(self, reply: Reply) -> dict[str, Any]:
        """The last chunk of a stream has the annotations and the grounding."""
        annotations = [self._annotation(citation) for citation in reply.citations]
        return self._chunk({"annotations": annotations}, "stop") | {"grounding": grounding_json(reply)}

    def counted(self, usage: Mapping[str, int]) -> dict[str, Any]:
        return self._object("chat.completion.chunk", []) | {"usage": dict(usage)}

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._object("chat.completion.chunk", [choice])

    def _object(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
            "system_fingerprint": None,
        }

    def _annotation(self, citation: Citation) -> dict[str, Any]:
        """OpenAI's `url_citation`, whose indexes are of the reply's text, and the quote's place in its document."""
        stored = citation.stored
        own = f"/d/{quote(stored.document.id)}#{passage_name(stored.id)}"
        return {
            "type": "url_citation",
            "url_citation": {
                "start_index": citation.place[0],
                "end_index": citation.place[1],
                "title": stored.document.title,
                "url": url_at(stored.document.url, stored.passage.anchor) or urljoin(self.site, own),
            },
            "number": citation.number,
            "quote": citation.text,
            "verbatim": citation.verbatim,
            "document": document_json(stored.document),
            "passage_id": passage_name(stored.id),
            "start": citation.quote[0],
            "end": citation.quote[1],
        }


def grounding_json(reply: Reply) -> dict[str, Any]:
    """What a reply rests on. `answerable` is null where nothing was searched."""
    answer = reply.answer
    return {
        "by": reply.by,
        "answerable": answer.answerable if answer else None,
        "confidence": round(answer.confidence, 4) if answer else None,
        "rewritten_query": answer.rewritten if answer else None,
        "rewrite_reason": answer.reason if answer else None,
        "generation": answer.generation if answer else None,
        "notes": list(reply.notes),
        "removed": list(reply.removed),
    }


def usage_json(read: int, written: int) -> dict[str, int]:
    """Numbers of tokens."""
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
