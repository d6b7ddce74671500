"""The application over one real document, with prepared answers to some questions: several quotes, spans, lists, table rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flask import Flask

from corpus.types import Document, Span
from index.embedded.opening import open_engine_to_write
from index.engine import Engine
from index.types import StoredPassage
from qa.answering.answer import Answer, Considered, Curated, Result
from qa.answering.units.unit import UnitKind
from qa.assembly import Service, service_over
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.settings.settings import Settings
from qa.web.application import create_app
from tests.index.engine.reference import HashingEmbedder

URL = "https://example.org/heating"
TEXT = """# Heating help

You get £300 🔥 <b>a winter</b>
if you are over 66.

You can apply if you:

- are over 66
- live in England & Wales
  all year
- pay <script>rent</script>

To apply:

1. Fill in the form.
2. Send it by 31 March.

Age | Amount | Paid
66 to 79 | £200 | in November
80 & over | £300 |
"""
LIST = TEXT[TEXT.index("You can apply") : TEXT.index("\n\nTo apply")]
STEPS = TEXT[TEXT.index("To apply") : TEXT.index("\n\nAge")]
SENTENCE = "You get £300 🔥 <b>a winter</b>\nif you are over 66."

# Questions with prepared answers.
SPAN, WHOLE, SEVERAL, LISTED, ITEM, ROW, UNFIT_ROW, CUT, MISSING, NO_SPAN, PINNED = (
    "span", "whole", "several", "listed", "item", "row", "unfit row", "cut", "missing", "no span", "pinned",
)  # fmt: skip


@dataclass(frozen=True)
class PreparedAnswerer:
    """Answers the questions it was given, whatever else is asked of it."""

    answers: Mapping[str, Answer]

    def ask(self, question: str, *_: Any, **__: Any) -> Answer:
        return replace(self.answers[question], question=question)


def prepared_app(folder: Path) -> Flask:
    service = prepared_service(folder)
    return create_app(lambda: service, Settings(data=folder))


def prepared_service(folder: Path) -> Service:
    settings = Settings(data=folder)
    writer = DocumentWriter(open_engine_to_write(folder, lambda _: ("hashing", HashingEmbedder())))
    writer.put(
        IncomingDocument("heating", Document(text=TEXT, title="Heating & you", language="en", date="2025-01-20", url=URL))
    )
    service = service_over(writer.engine, settings)
    answerer: Any = PreparedAnswerer(prepared_answers(writer.engine))
    chatbot = replace(service.chatbot, answerer=answerer)
    return replace(service, answerer=answerer, chatbot=chatbot)


def prepared_answers(engine: Engine) -> Mapping[str, Answer]:
    passages = engine.passages_of("heating")
    sentence = _quote(passages, SENTENCE, "£300 🔥 <b>a winter</b>\nif", confidence=0.93)
    row = _quote(passages, "66 to 79 | £200 | in November", "£200", UnitKind.ROW, "Age | Amount | Paid", confidence=0.6)
    item = _quote(
        passages, "- live in England & Wales\n  all year", None, UnitKind.ITEM, "You can apply if you:", confidence=0.5
    )
    steps = _quote(passages, STEPS, "Fill in the form.\n2. Send it", UnitKind.LIST, confidence=0.85)
    cut = replace(_quote(passages, LIST[: LIST.index("\n- pay")], "over 66", UnitKind.LIST, confidence=0.9), more=7)
    nothing = _answer(passages, [])
    return {
        SPAN: _answer(passages, [sentence]),
        NO_SPAN: _answer(passages, [replace(sentence, span=None)]),
        WHOLE: _answer(passages, [replace(sentence, span=sentence.quote)]),
        SEVERAL: _answer(passages, [sentence, row, item]),
        LISTED: _answer(passages, [steps, _quote(passages, LIST, "rent</script>", UnitKind.LIST, confidence=0.8)]),
        ITEM: _answer(passages, [item]),
        ROW: _answer(passages, [row]),
        UNFIT_ROW: _answer(passages, [_quote(passages, "66 to 79 | £200 | in November", "£200", UnitKind.ROW, "Age | Amount")]),
        CUT: _answer(passages, [cut]),
        MISSING: replace(nothing, missing=["Germany", "<i>1999</i>"]),
        PINNED: replace(nothing, curated=Curated(nothing.results[-1:], stop_answer="Ask <b>us</b>")),
    }


def _answer(passages: Sequence[StoredPassage], answers: Sequence[Result]) -> Answer:
    confidence = answers[0].confidence or 0.0 if answers else 0.1
    results = [Result(stored, 0.5, (stored.passage.start, stored.passage.end), stored.passage.text) for stored in passages]
    considered = [
        Considered(
            each.quoted_text, *each.quote, each.kind, each.stored.id, each.confidence or 0.0,
            features={"coverage": 0.5, "rank": 2.0}, contributions={"coverage": 1.0 / place},
            reader=1.5 if place == 1 else None, span=each.span,
        )
        for place, each in enumerate(answers, 1)
    ]  # fmt: skip
    return Answer("", None, bool(answers), confidence, None, answers, results, 1, considered=considered)


def _quote(
    passages: Sequence[StoredPassage],
    text: str,
    span: str | None,
    kind: UnitKind = UnitKind.SENTENCE,
    lead_in: str = "",
    confidence: float = 0.7,
) -> Result:
    start = TEXT.index(text)
    place: Span = (start, start + len(text))
    stored = next(stored for stored in reversed(passages) if stored.passage.start <= start)
    first = start + text.index(span) if span else 0
    marked = (first, first + len(span)) if span else None
    return Result(stored, 0.5, place, text, kind, marked, lead_in, confidence=confidence)
