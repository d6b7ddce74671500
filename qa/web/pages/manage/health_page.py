"""`/manage/health`: the state of the index and, where questions are kept, which ones lack a good answer, which are asked most, and which
documents are in no answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from flask import Blueprint, render_template

from index.engine import Engine
from index.types import StoredDocument
from qa.operate.asked import Asked
from qa.operate.question_log import Outcome
from qa.web.current import service, settings, writer
from qa.web.pages.manage.address import require_manage_page
from qa.web.routes import WRITE, route

blueprint = Blueprint("health", __name__)

QUESTIONS_SHOWN = DOCUMENTS_SHOWN = 20
# The newest kept questions that are read for the page, in about 0.1 s.
READ = 20_000
_PAGE = 200


@route(blueprint, "GET", "/manage/health", WRITE, public=False)
def health_page() -> str:
    require_manage_page()
    engine, configured = writer().engine, settings()
    asked = Asked.of(service().questions.entries(READ) if configured.keep_questions or configured.feedback else ())
    kept = asked if configured.keep_questions else None
    return render_template(
        "manage/health.html",
        status=engine.status(),
        originals=engine.originals(),
        languages=engine.languages(),
        served=configured.languages,
        asked=kept,
        gaps=asked.gaps(),
        most_asked=asked.most_asked(QUESTIONS_SHOWN),
        shown=QUESTIONS_SHOWN,
        unquoted=list(islice(_unquoted(engine, asked.quoted), DOCUMENTS_SHOWN)) if kept and kept.asked else [],
        unquoted_count=max(engine.counts()[0] - len(engine.passage_counts(sorted(asked.quoted))), 0),
        feedback={each: asked.feedback[each] for each in (Outcome.HELPED, Outcome.DID_NOT_HELP)}
        if configured.feedback
        else None,
    )


def _unquoted(engine: Engine, quoted: set[str]) -> Iterator[StoredDocument]:
    """The documents that are in no answer, by their ids."""
    after = ""
    while page := engine.documents(after, _PAGE):
        yield from (document for document in page if document.id not in quoted)
        after = page[-1].id
