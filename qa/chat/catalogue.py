"""Questions about the documents themselves: which there are is answered from the catalogue; summaries are out of reach.

A message is one only if all of it is ("List documents about fees" is, "List the documents that I need" is a question).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from index.engine import EngineView
from index.filters import Filter
from index.listing import DocumentQuery
from index.text.analysis import fold, terms
from index.types import StoredDocument
from qa.answering.answer import Answer
from qa.answering.answerer import Answerer
from qa.chat.replies import Reply

LISTED = 20
HEADINGS = 30
PASSAGES = 50  # searched for documents about something

_DOCUMENTS = r"(?:documents?|docs|files|papers|texts|sources)"
_ABOUT = r"(?: (?:that are |which are |that deal |dealing )?(?:about|on|with|regarding|concerning|mentioning|covering) (?P<topic>.+))?"
_POLITE = r"(?:please |can you |could you |would you |will you )*"
_ALL = r"(?:me )?(?:all )?(?:of )?(?:the |your |these |available )*"
_LIST = re.compile(
    rf"{_POLITE}(?:(?:list|show|name|give) {_ALL}(?:list of (?:the |your |all )*)?(?:available )?{_DOCUMENTS}"
    rf"|(?:which|what) {_DOCUMENTS} (?:do you (?:have|know|hold|search|cover)|are (?:there|here|available|in here)|can you search"
    r"|have you(?: got)?)"
    rf"|(?:which|what) {_DOCUMENTS} are(?= (?:about|on|regarding|concerning) )"
    rf"|(?:what|which) are (?:the|your) {_DOCUMENTS}"
    rf"|do you have (?:any )?{_DOCUMENTS}(?= (?:about|on|regarding|concerning) )"
    rf"|how many {_DOCUMENTS} (?:do you have|are there)){_ABOUT}(?: please)?"
)
_SUMMARY = re.compile(
    rf"{_POLITE}(?:summari[sz]e|sum up|(?:give|write|make)(?: me)? an? (?:\w+ )?(?:summary|overview|outline|abstract)(?: of)?|tl dr)"
    rf"(?: (?:this|that|the|all|all the|these|your) {_DOCUMENTS}| (?P<topic>.+))?(?: please| for me)*"
)
_WORD = re.compile(r"[^\W_]+")


def catalogue_reply(message: str, answerer: Answerer, allowed: Filter | None) -> Reply | None:
    """The reply to a question about the documents that a filter allows; None for any other message."""
    words = " ".join(_WORD.findall(fold(message).lower()))
    if listing := _LIST.fullmatch(words):
        return _list(listing["topic"], answerer, allowed)
    if summary := _SUMMARY.fullmatch(words):
        return _headings(summary["topic"], answerer, allowed)
    return None


def _list(topic: str | None, answerer: Answerer, allowed: Filter | None) -> Reply:
    if not topic:
        found, total = _page(answerer.engine, "", allowed)
        count = "is 1 document" if total == 1 else f"are {total:,} documents"
        return _lines(f"There {count} here" if total else "There are no documents here", found, total)
    found, total = _about(topic, answerer, allowed)
    if not found:
        return Reply(f"No document here has “{topic}” in its title, or all of these words in one passage.", "fixed")
    return _lines(f"Documents about “{topic}”, by their titles and passages", found, total)


def _about(topic: str, answerer: Answerer, allowed: Filter | None) -> tuple[list[StoredDocument], int]:
    """Documents with these words in their titles, then those with all of them in a passage; how many there are."""
    titled, total = _page(answerer.engine, topic, allowed)
    wanted, ids = set(terms(topic)), {document.id for document in titled}
    found: dict[str, StoredDocument] = {}
    for result in answerer.ask(topic, PASSAGES, allowed, read="never").results if wanted else ():
        document = result.stored.document
        if document.id not in ids and wanted.issubset(terms(result.stored.passage.searchable_text)):
            found.setdefault(document.id, document)
    return [*titled, *found.values()][:LISTED], total + len(found)


def _headings(topic: str | None, answerer: Answerer, allowed: Filter | None) -> Reply:
    """Says that summaries are out of reach, and which sections could be asked about."""
    refusal = "I cannot summarise: I answer with the exact words of the documents."
    document = _document(topic, answerer, allowed)
    if document is None:
        return Reply(f"{refusal} Ask a question, or name a document to see its sections.", "fixed")
    sections = [" › ".join(headings) for headings in _sections(answerer.engine, document.id)]
    if not sections:
        return Reply(f"{refusal} “{document.title}” has no headings; ask a question about it.", "fixed")
    shown = "\n".join(f"- {section}" for section in sections[:HEADINGS])
    more = f"\n\nand {len(sections) - HEADINGS} more sections." if len(sections) > HEADINGS else ""
    return Reply(f"{refusal} “{document.title}” has these sections; ask about one of them:\n\n{shown}{more}", "fixed")


def _document(topic: str | None, answerer: Answerer, allowed: Filter | None) -> StoredDocument | None:
    """The document that is meant: the only one, or the first with the title, or the nearest to the topic."""
    found, total = _page(answerer.engine, topic or "", allowed)
    if found and (topic or total == 1):
        return found[0]
    answer: Answer | None = answerer.ask(topic, 1, allowed, read="never") if topic else None
    return answer.results[0].stored.document if answer and answer.results and answer.answerable else None


def _sections(engine: EngineView, document_id: str) -> Iterator[tuple[str, ...]]:
    """The headings of its passages, in the order of the text."""
    yield from dict.fromkeys(
        tuple(stored.passage.headings) for stored in engine.passages_of(document_id) if stored.passage.headings
    )


def _page(engine: EngineView, title: str, allowed: Filter | None) -> tuple[list[StoredDocument], int]:
    """The first documents with these words in the title, by title; how many there are."""
    page = engine.page(DocumentQuery(title=title, allowed=allowed, sort="title", limit=LISTED))
    return list(page.documents), page.total


def _lines(beginning: str, documents: list[StoredDocument], total: int) -> Reply:
    if not documents:
        return Reply(f"{beginning}.", "fixed")
    lines = "\n".join(f"- {_title(document)}" for document in documents)
    more = f"\n\nand {total - len(documents):,} more." if total > len(documents) else ""
    return Reply(f"{beginning}:\n\n{lines}{more}", "fixed")


def _title(document: StoredDocument) -> str:
    return document.title + (f" ({document.date})" if document.date else "") + (f", {document.url}" if document.url else "")
