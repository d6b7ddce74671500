"""Runs a question set under one or two settings, over the set's own documents in a temporary folder or over the data folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from corpus.types import QuotableError
from qa.answering.calibration import AS_SHIPPED, Calibration, cross_validate, fit
from qa.assembly import Service, answerer_over, open_to_read, open_to_write, reranker_of, service_of
from qa.curation.rules import NO_CURATION
from qa.evaluation.judging import Judge, Order, Outcome, arrange, run, summarise
from qa.evaluation.matching import Match
from qa.evaluation.measures import expected_calibration_error
from qa.evaluation.question_sets import QuestionSet, read_corpus
from qa.evaluation.report import Run
from qa.ingest.writer import IncomingDocument
from qa.settings.settings import Settings

Say = Callable[[str], None]


class InvalidVariant(QuotableError, ValueError):
    """A setting for `--compare` is not valid."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Settings that may differ between two runs over the same index. `answer_threshold` None: the configured one."""

    name: str = "as configured"
    order: Order = Order.FUSED
    spelling: bool = True
    answer_threshold: float | None = None
    curation: bool = True


def parse_variant(text: str) -> Variant:
    """Parse `legs=fused|dense|lexical|rrf|weighted`, `spelling=on|off`, `curation=on|off` and `answer_threshold=0..1`, separated by commas.

    Raises InvalidVariant.
    """
    order, answer_threshold = Order.FUSED, None
    switches = {"spelling": True, "curation": True}
    for part in text.split(","):
        name, _, value = (word.strip() for word in part.partition("="))
        try:
            if name == "legs":
                order = Order(value)
            elif name in switches:
                switches[name] = {"on": True, "off": False}[value]
            elif name == "answer_threshold" and 0 <= float(value) <= 1:
                answer_threshold = float(value)
            else:
                raise ValueError(name)
        except (ValueError, KeyError) as error:
            raise InvalidVariant(
                f"cannot compare {part.strip()!r}: use legs={'|'.join(Order)}, spelling=on|off, curation=on|off or answer_threshold=0..1"
            ) from error
    return Variant(text, order, answer_threshold=answer_threshold, **switches)


@contextmanager
def open_service(question_set: QuestionSet, settings: Settings, say: Say) -> Iterator[Service]:
    """A service over the set's own corpus, indexed into a temporary folder, or over the configured data folder if it has none."""
    if question_set.corpus is None:
        yield open_to_read(settings, say)
        return
    with tempfile.TemporaryDirectory(prefix="qa-eval-") as folder:
        models = (settings.data / "models").resolve()
        if models.is_dir():  # reuse the exported model
            (Path(folder) / "models").symlink_to(models)
        say(f"Indexing {question_set.corpus} for this evaluation …")
        settings = settings.model_copy(update={"data": Path(folder), "invariants": None})
        with open_to_write(settings, say, reranker=reranker_of(settings)) as writer:
            for _ in writer.put_all(
                IncomingDocument(str(document.id), document) for document in read_corpus(question_set.corpus)
            ):
                pass
            writer.engine.rebuild()
            yield service_of(writer, settings)


def run_variant(question_set: QuestionSet, service: Service, settings: Settings, variant: Variant, judge: Judge) -> Run:
    """Ask every question under the variant's settings."""
    threshold = settings.answer_threshold if variant.answer_threshold is None else variant.answer_threshold
    settings = settings.model_copy(update={"answer_threshold": 0.0, "collections": {}})
    answerer = answerer_over(
        service.engine,
        settings,
        spelling=variant.spelling,
        arrange=partial(arrange, order=variant.order),
        curation=None if variant.curation else lambda: NO_CURATION,
    )
    outcomes = list(run(question_set.questions, answerer, judge, threshold))
    return Run(variant.name, outcomes, summarise(outcomes, threshold))


def calibrate_to(question_set: QuestionSet, service: Service, settings: Settings, judge: Judge) -> tuple[Calibration, str]:
    """A calibration fitted to these questions, and its cross-validated effect on ECE in words. Raises CalibrationError."""
    settings = settings.model_copy(update={"answer_threshold": 0.0, "collections": {}})
    uncalibrated = answerer_over(service.engine, settings, calibration=AS_SHIPPED)
    outcomes = list(run(question_set.questions, uncalibrated, judge, settings.answer_threshold))
    labelled = [
        (outcome.confidence, truth) for outcome, truth in zip(outcomes, _labels(outcomes), strict=True) if truth is not None
    ]
    shipped, truths = [confidence for confidence, _ in labelled], [truth for _, truth in labelled]
    calibration = fit(shipped, truths)
    before = expected_calibration_error(shipped, truths)
    after = expected_calibration_error(cross_validate(shipped, truths), truths)
    return (
        calibration,
        f"ECE as shipped {before:.3f}, calibrated {after:.3f} (5-fold cross-validation over {len(truths)} questions)",
    )


def _labels(outcomes: Sequence[Outcome]) -> list[bool | None]:
    """Whether each quote is right, None if unknown. A set without the words that answer tells only whether the documents answer."""
    if any(outcome.question.references for outcome in outcomes):
        return [judged.match is Match.RIGHT if (judged := outcome.judged_quote) else None for outcome in outcomes]
    return [outcome.question.is_answerable for outcome in outcomes]
