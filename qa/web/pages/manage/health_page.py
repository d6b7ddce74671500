"""`/manage/health`: the state of the index and, where questions are kept, those without an answer and readers' feedback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import Blueprint, render_template

from qa.operate.question_log import KeptQuestion, Outcome, QuestionLog, question_key
from qa.web.current import service, settings
from qa.web.pages.manage.address import require_manage_page
from qa.web.routes import WRITE, route

blueprint = Blueprint("health", __name__)

QUESTIONS_SHOWN = 20
# The newest kept questions that are read for the page, in about 0.1 s.
READ = 20_000


@dataclass(frozen=True, slots=True)
class Questions:
    """A question with its number of times, the most frequent first."""

    asked: Sequence[tuple[str, int]] = ()
    different: int = 0


@dataclass(slots=True)
class _Count:
    times: Counter[str] = field(default_factory=Counter)
    words: dict[str, str] = field(default_factory=dict)

    def add(self, entry: KeptQuestion) -> None:
        key = question_key(entry.question)
        self.times[key] += 1
        self.words[key] = entry.question  # the newest spelling

    def shown(self) -> Questions:
        return Questions([(self.words[key], n) for key, n in self.times.most_common(QUESTIONS_SHOWN)], len(self.times))


@route(blueprint, "GET", "/manage/health", WRITE, public=False)
def health_page() -> str:
    require_manage_page()
    engine, configured = service().engine, settings()
    counts = _questions(service().questions) if configured.keep_questions or configured.feedback else {}
    return render_template(
        "manage/health.html",
        status=engine.status(),
        originals=engine.originals(),
        languages=engine.languages(),
        served=configured.languages,
        unanswered=counts[Outcome.UNANSWERED].shown() if configured.keep_questions else None,
        unhelpful=counts[Outcome.DID_NOT_HELP].shown() if configured.keep_questions else None,
        feedback={each: counts[each].times.total() for each in (Outcome.HELPED, Outcome.DID_NOT_HELP)}
        if configured.feedback
        else None,
    )


def _questions(log: QuestionLog) -> dict[Outcome, _Count]:
    counts = {outcome: _Count() for outcome in Outcome}
    for entry in log.entries(READ):
        counts[entry.outcome].add(entry)
    return counts
