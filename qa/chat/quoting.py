"""An answer -> a reply that says nothing but the documents' own words, or that they are not in these documents. Pure."""

from __future__ import annotations

from qa.answering.answerer import Answer, Result
from qa.answering.confidence import SURE
from qa.answering.question.follow_ups import NOT_IN_THESE_DOCUMENTS
from qa.chat.replies import Draft, Reply, sources

MOST_QUOTES = 3
# A further passage is quoted where its score is at least this share of the first one's.
NEXT_BEST = 0.85


def quoted_reply(answer: Answer, *notes: str) -> Reply:
    """`notes` are told after the quotes."""
    draft = Draft()
    results = _quoted(answer)
    draft.write(_opening(answer))
    for number, result in enumerate(results, 1):
        draft.write("\n\n" if draft.text else "")
        draft.quote(number, result.stored, result.quote)
        draft.write(f" [{number}]")
    if results:
        draft.write(sources(dict(enumerate((result.stored for result in results), 1))))
    told = [*notes, *([answer.notice] if answer.notice else [])]
    draft.write("".join(f"\n\n{note}" for note in told))
    return Reply(draft.text, "quotes", answer, draft.citations, told)


def _quoted(answer: Answer) -> list[Result]:
    """The passages worth quoting, each with its quote once: a sentence that two passages share is quoted from the better one."""
    chosen: list[Result] = []
    for result in answer.results[:MOST_QUOTES]:
        if not chosen or result.score >= NEXT_BEST * chosen[0].score:
            chosen.append(result)
    return chosen


def _opening(answer: Answer) -> str:
    if not answer.results:
        return NOT_IN_THESE_DOCUMENTS
    if not answer.answerable:
        return f"{NOT_IN_THESE_DOCUMENTS} The nearest passages say something else, or only part of it:"
    return "Closest found:" if answer.confidence < SURE else ""
