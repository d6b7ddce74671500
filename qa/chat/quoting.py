"""Answer -> reply made of the documents' own words, or "Not in these documents". Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from index.types import StoredPassage
from qa.answering.answer import Answer, Result
from qa.answering.labels import CHOSEN, LIKELY, label, missing_sentence
from qa.answering.question.follow_ups import NOT_IN_THESE_DOCUMENTS
from qa.chat.replies import Draft, Reply, format_sources

MAX_QUOTES = 3
# Without an answer, a further passage is quoted if its score is at least this share of the first one's.
MIN_RELATIVE_SCORE = 0.85


def quoted_reply(answer: Answer, *notes: str, cited: Mapping[int, StoredPassage] | None = None) -> Reply:
    """`notes` are put after the quotes. `cited`: passages that text before this reply cites; quotes get the numbers after theirs."""
    draft = Draft(_opening(answer))
    sources = dict(cited or {})
    labelled = LIKELY
    for number, result in enumerate(answer.answers or _nearest(answer.results), max(sources, default=0) + 1):
        draft.write("\n\n" if draft.text else "")
        if answer.answers and label(result.confidence or 0.0) != labelled:
            labelled = label(result.confidence or 0.0)
            draft.write(f"{labelled}:\n\n")
        _quote(draft, number, result)
        sources[number] = result.stored
    quote_pinned(draft, answer, sources)
    if sources:
        draft.write(format_sources(sources))
    all_notes = [*notes, *([answer.notice] if answer.notice else [])]
    draft.write("".join(f"\n\n{note}" for note in all_notes))
    return Reply(draft.text, "quotes", answer, draft.citations, all_notes)


def _opening(answer: Answer) -> str:
    if answer.answers:
        return ""
    nearest = "The nearest passages say something else, or only part of it:" if answer.results else ""
    return " ".join(filter(None, [NOT_IN_THESE_DOCUMENTS, missing_sentence(answer.missing), answer.stop_answer, nearest]))


def quote_pinned(draft: Draft, answer: Answer, cited: dict[int, StoredPassage]) -> None:
    """Quote the passages that an editor chose and that are not cited yet, under a line that says so; adds them to `cited`."""
    known = {stored.id for stored in cited.values()}
    chosen = [result for result in answer.curated.pinned if result.stored.id not in known]
    for place, result in enumerate(chosen):
        draft.write(f"\n\n{CHOSEN}:\n\n" if place == 0 else "\n\n")
        number = max(cited, default=0) + 1
        _quote(draft, number, result)
        cited[number] = result.stored


def _nearest(results: Sequence[Result]) -> list[Result]:
    return [result for result in results[:MAX_QUOTES] if result.score >= MIN_RELATIVE_SCORE * results[0].score]


def _quote(draft: Draft, number: int, result: Result) -> None:
    """The quote in quotation marks after its lead-in, with its citation and the number of items left out."""
    draft.write(f"{result.lead_in}\n" if result.lead_in else "")
    draft.quote(number, result.stored, result.quote, result.quoted_text)
    draft.write(f" [{number}]")
    draft.write(f" and {result.more} more" if result.more else "")
