"""The tools: `search` and `fetch`, in the form that ChatGPT's connectors require, `list_documents` and `verify_quote`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from corpus.types import url_at
from index.filters import of_collection
from index.types import StoredDocument, StoredPassage
from qa.answering.answer import Answer, Result
from qa.answering.labels import label
from qa.assembly import Readable
from qa.mcp.schemas import (
    MAX_TEXT_CHARACTERS,
    DocumentTitles,
    FetchArguments,
    FetchedText,
    FoundAnswer,
    FoundPassage,
    ListArguments,
    ListedTitle,
    Place,
    SearchArguments,
    SearchResults,
)
from qa.web.schemas.addresses import absolute, document_address, quote_address
from qa.web.schemas.document_requests import cursor
from qa.web.schemas.documents import (
    document_json,
    listed_documents_json,
    passage_name,
    passage_number,
)
from qa.web.schemas.problems import Problem
from qa.web.schemas.requests import Strict, VerifyRequest
from qa.web.schemas.versions import Verification, verification_json


@dataclass(frozen=True, slots=True)
class Use:
    """What tools work with. `site`: base of the links to this service's pages. `keep`: called with every answer."""

    service: Readable
    site: str
    keep: Callable[[Answer], None] = lambda _: None


def search(use: Use, arguments: SearchArguments) -> SearchResults:
    allowed = of_collection(arguments.collection, arguments.filter.filter() if arguments.filter else None)
    answer = use.service.answerer.ask(arguments.query, arguments.limit, allowed, spelling=arguments.spelling)
    use.keep(answer)
    return {
        "answerable": answer.answerable,
        "confidence": round(answer.confidence, 4),
        "answers": [_answer(result, use.site) for result in answer.answers],
        "results": [
            _passage(result, use.site, pinned=place < len(answer.curated.pinned)) for place, result in enumerate(answer.shown)
        ],
        "missing": list(answer.missing),
        "rewritten_query": answer.rewritten,
        "stop_answer": answer.stop_answer,
        "notice": answer.notice,
    }


def fetch(use: Use, arguments: FetchArguments) -> FetchedText:
    stored, passage = _find(use.service, arguments.id)
    content = use.service.engine.content(stored.id)
    if content is None:
        raise _unknown(arguments.id)
    characters = len(content.text)
    start, end = _range(arguments, passage, characters)
    return {
        "id": arguments.id,
        "title": stored.title,
        "url": _url(stored, use.site),
        "text": content.text[start:end],
        "start": start,
        "end": end,
        "characters": characters,
        "next": end if end < characters else None,
        "metadata": {**stored.metadata, **document_json(stored)},
    }


def list_documents(use: Use, arguments: ListArguments) -> DocumentTitles:
    try:
        page = use.service.engine.page(arguments.query())
    except ValueError as error:
        raise Problem.of_field("after", str(error)) from error
    listed = listed_documents_json(use.service.engine, page.documents)
    return {
        "documents": [
            _title(document, each["passages"], use.site) for document, each in zip(page.documents, listed, strict=True)
        ],
        "next": cursor(page.next, arguments.sort) if page.next else None,
        "total": page.total,
    }


def verify_quote(use: Use, arguments: VerifyRequest) -> Verification:
    return verification_json(use.service.engine, arguments)


@dataclass(frozen=True, slots=True)
class Tool:
    """`description` tells a language model when to use it."""

    name: str
    description: str
    arguments: type[Strict]
    result: type
    call: Callable[[Use, Any], Any]


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "search",
            "Ask the documents a question: the quotes that answer (`answers`) and the passages found (`results`), each with its place,"
            " the address to cite (`url`) and a link to its marked words.",
            SearchArguments,
            SearchResults,
            search,
        ),
        Tool(
            "fetch",
            f"Read a document, or the part around a passage: at most {MAX_TEXT_CHARACTERS:,} characters; `next` is the `start` of what"
            " follows.",
            FetchArguments,
            FetchedText,
            fetch,
        ),
        Tool(
            "list_documents",
            "List the documents: by words in the title or file name (`title`), by type and date (2025, 2025-07 or 2025-07-21), in the"
            " order `sort` (id, title, date, type, added, changed; with - in front descending). Pass `next` as `after` for more.",
            ListArguments,
            DocumentTitles,
            list_documents,
        ),
        Tool(
            "verify_quote",
            "Check that a quote stands in a document at its place, before citing it: verbatim (there), moved (at another place, which is"
            " given), superseded (from an earlier version; where the words are now, or null), changed (in no version that is kept) or gone"
            " (no such document).",
            VerifyRequest,
            Verification,
            verify_quote,
        ),
    )
}


def _find(service: Readable, name: str) -> tuple[StoredDocument, StoredPassage | None]:
    """The document of this id, or the passage of this id with its document. Raises Problem."""
    stored = service.engine.document(name)
    if stored is not None:
        return stored, None
    number = passage_number(name)
    found = service.engine.passages([number]) if number is not None else []
    if not found:
        raise _unknown(name)
    return found[0].document, found[0]


def _unknown(name: str) -> Problem:
    return Problem(404, f"There is no document or passage {name!r}; it may have been removed. Use an id from a search result.")


def _range(arguments: FetchArguments, passage: StoredPassage | None, characters: int) -> tuple[int, int]:
    """What is given of a text: what is asked for, at most MAX_TEXT_CHARACTERS. Raises Problem if it begins after the text."""
    start = arguments.start or 0
    if start and start >= characters:
        raise Problem.of_field("start", f"must be less than {characters}, the number of characters of the document")
    if passage is not None and arguments.start is None and arguments.end is None:
        before = (MAX_TEXT_CHARACTERS - len(passage.passage.text)) // 2
        start = max(min(passage.passage.start - before, characters - MAX_TEXT_CHARACTERS), 0)
    return start, min(arguments.end or characters, start + MAX_TEXT_CHARACTERS, characters)


def _place(result: Result, text: str, start: int, end: int, site: str) -> Place:
    stored, passage = result.stored.document, result.stored.passage
    link = absolute(site, quote_address(stored.id, stored.version, (start, end)))
    return {
        "id": passage_name(result.stored.id),
        "title": stored.title,
        "url": url_at(stored.url, passage.anchor) or link,
        "link": link,
        "text": text,
        "document_id": stored.id,
        "collection": stored.collection,
        "version": stored.version,
        "start": start,
        "end": end,
        "page": result.stored.page_of(start),
        "headings": list(passage.headings),
        "date": stored.date,
    }


def _passage(result: Result, site: str, *, pinned: bool) -> FoundPassage:
    passage = result.stored.passage
    place = _place(result, passage.text, passage.start, passage.end, site)
    return {**place, "score": round(result.score, 4), "pinned": pinned}


def _answer(result: Result, site: str) -> FoundAnswer:
    (start, end), span, confidence = result.quote, result.span, result.confidence or 0.0
    return {
        **_place(result, result.quoted_text, start, end, site),
        "span": result.quoted_text[span[0] - start : span[1] - start] if span else None,
        "lead_in": result.lead_in,
        "more": result.more,
        "confidence": round(confidence, 4),
        "label": label(confidence),
    }


def _title(document: StoredDocument, passages: int, site: str) -> ListedTitle:
    return {
        "id": document.id,
        "title": document.title,
        "url": _url(document, site),
        "collection": document.collection,
        "type": document.type,
        "date": document.date,
        "language": document.language,
        "passages": passages,
    }


def _url(document: StoredDocument, site: str) -> str:
    """The address to cite: the document's own, or else its page here."""
    return document.url or absolute(site, document_address(document.id))
