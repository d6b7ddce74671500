"""Answer -> reply made of the documents' own words, or "Not in these documents". Pure."""

from __future__ import annotations

from qa.answering.answer import Answer, Result
from qa.answering.confidence import LIKELY_CONFIDENCE
from qa.answering.question.follow_ups import NOT_IN_THESE_DOCUMENTS
from qa.chat.replies import Draft, Reply, format_sources

MAX_QUOTES = 3
# A further passage is quoted if its score is at least this share of the first one's.
MIN_RELATIVE_SCORE = 0.85


def quoted_reply(answer: Answer, *notes: str) -> Reply:
    """`notes` are put after the quotes."""
    draft = Draft()
    results = _results_to_quote(answer)
    draft.write(_opening(answer))
    for number, result in enumerate(results, 1):
        draft.write("\n\n" if draft.text else "")
        draft.quote(number, result.stored, result.quote)
        draft.write(f" [{number}]")
    if results:
        draft.write(format_sources({number: result.stored for number, result in enumerate(results, 1)}))
    all_notes = [*notes, *([answer.notice] if answer.notice else [])]
    draft.write("".join(f"\n\n{note}" for note in all_notes))
    return Reply(draft.text, "quotes", answer, draft.citations, all_notes)


def _results_to_quote(answer: Answer) -> list[Result]:
    results = answer.results[:MAX_QUOTES]
    return [result for result in results if result.score >= MIN_RELATIVE_SCORE * results[0].score]


def _opening(answer: Answer) -> str:
    if not answer.results:
        return NOT_IN_THESE_DOCUMENTS
    if not answer.answerable:
        return f"{NOT_IN_THESE_DOCUMENTS} The nearest passages say something else, or only part of it:"
    return "Closest found:" if answer.confidence < LIKELY_CONFIDENCE else ""
