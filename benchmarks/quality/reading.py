"""Measures whether the shown quotes are right and their confidence holds, by the rule of qa/evaluation/matching.py.

    python -m benchmarks.quality.reading                                       # all sets, all ways to read; writes the results
    python -m benchmarks.quality.reading --set govuk                           # one set as the product is configured: seconds
    python -m benchmarks.quality.reading --set govuk --read always --questions training
    python -m benchmarks.quality.reading --languages                           # Spanish, German, Chinese and Arabic: ten minutes

All sets and ways: about an hour on two cores, most of it to index the sets once; writes benchmarks/results/reading-COMMIT.json. Every
question with its quotes is written to build/reading, mistakes first. `--as-indexed` uses an index as it is, even if the splitter has
changed since.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.quality.baseline.answerer import Baseline
from benchmarks.quality.dev_sets import ROOT
from benchmarks.quality.reading_sets import LANGUAGE_SETS, QUESTIONS, SETS, open_set, read_questions, settings_of
from benchmarks.quality.run import RESULTS, about, commit, rounded
from qa.assembly import Service, answerer_over
from qa.evaluation import measures, quote_measures
from qa.evaluation.judging import Judge, Outcome, run
from qa.evaluation.matching import Match
from qa.evaluation.question_sets import Question
from qa.evaluation.quote_measures import QuoteFigures, measure_quotes
from qa.evaluation.quote_report import as_json, text_tables
from qa.settings.settings import ANSWER_THRESHOLD, Settings

# Ways to choose the quote: the baseline, and the values of the setting `read`.
WAYS = ("baseline", "never", "auto", "always")
FOUND = 5  # passages that a quote may come from
POINTS = 100  # of a curve in the results, about
OUTPUT = ROOT / "build" / "reading"
SHOWN = (
    quote_measures.RIGHT,
    quote_measures.WRONGLY_REFUSED,
    quote_measures.LIKELY_NOT_RIGHT,
    quote_measures.AREA,
    quote_measures.SELECTIVE,
    quote_measures.ECE,
)


def ask(service: Service, settings: Settings, questions: Sequence[Question], way: str | None) -> list[Outcome]:
    """Ask every question; no quote is withheld. `way`: None for the configured setting."""
    settings = settings.model_copy(update={"answer_threshold": 0.0} | ({} if way in (None, "baseline") else {"read": way}))
    answerer = (
        Baseline(service.engine, 0.0, settings.languages) if way == "baseline" else answerer_over(service.engine, settings)
    )
    return list(run(questions, answerer, Judge(service.engine), ANSWER_THRESHOLD))


def measure(outcomes: Sequence[Outcome]) -> QuoteFigures:
    return measure_quotes([one for outcome in outcomes if (one := outcome.judged_quote)], ANSWER_THRESHOLD)


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All figures of one way on one set. Found: a document that answers is among the first FOUND."""
    figures: dict[str, Any] = as_json(measure(outcomes))
    curve = figures["risk_coverage"]
    figures["risk_coverage"] = curve[:: max(1, len(curve) // POINTS)]
    judged = [(outcome, outcome.judged_quote) for outcome in outcomes if outcome.question.relevant]
    found = [one for outcome, one in judged if set(outcome.ranked[:FOUND]) & set(outcome.question.relevant)]
    if found:
        right = [one is not None and one.match is Match.RIGHT for one in found]
        figures |= {"document found": len(found) / len(judged), "right where found": float(np.mean(right))}
    confidences = [outcome.confidence for outcome in outcomes]
    answerable = [bool(outcome.question.is_answerable) for outcome in outcomes]
    figures["AUROC of answerable"] = measures.auroc(confidences, answerable)
    figures["milliseconds, median"] = float(np.median([outcome.took_ms for outcome in outcomes]))
    return figures


def write_outcomes(name: str, outcomes: Sequence[Outcome]) -> None:
    """One JSON object for each question, mistakes first, the most confident first."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    records = [_record(outcome) for outcome in sorted(outcomes, key=lambda one: -one.confidence) if outcome.judged_quote]
    records.sort(key=lambda record: record["match"] == "right")
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
    (OUTPUT / f"{name}.jsonl").write_text("".join(lines), "utf-8")


def _record(outcome: Outcome) -> dict[str, Any]:
    judged, question = outcome.judged_quote, outcome.question
    return {
        "match": judged.match.value if judged and judged.match else "unanswerable",
        "kind": judged.kind if judged else question.kind,
        "confidence": round(outcome.confidence, 3),
        "question": question.text,
        "quote": outcome.quote,
        "other_quotes": list(outcome.answers[1:]),
        "evidence": [reference.evidence for reference in question.references],
        "answers": [answer for reference in question.references for answer in reference.answers],
        "documents": [*question.relevant, *filter(None, [question.near_page])],
        "ranked": list(outcome.ranked[:FOUND]),
        "id": question.id,
    }


def answerable_here(service: Service, questions: Sequence[Question]) -> list[Question]:
    """Without the questions about documents that are not stored: missing in the data, or in a format that no reader reads."""
    kept = [q for q in questions if not q.relevant or any(service.engine.document(i) for i in q.relevant)]
    if len(kept) < len(questions):
        print(f"left out: {len(questions) - len(kept)} questions about documents that are not stored", file=sys.stderr)
    return kept


def measure_all(sets: Sequence[str]) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for name in sets:
        print(f"asking {name} …", file=sys.stderr, flush=True)
        service, settings = open_set(name), settings_of(name)
        questions = answerable_here(service, read_questions(name))
        found[name] = {"questions": len(questions)}
        for way in WAYS:
            outcomes = ask(service, settings, questions, way)
            write_outcomes(f"{name}-{way}", outcomes)
            found[name][way] = summary(outcomes)
            print(f"  {way:9} {_line(found[name][way])}", flush=True)
    mean = {way: _mean_ece(found, way) for way in WAYS}
    print("mean ECE of the quote: " + "  ".join(f"{way} {value:.3f}" for way, value in mean.items()))
    return {"answer_threshold": ANSWER_THRESHOLD, "mean_ece": mean, "sets": found}


def _line(figures: Mapping[str, Any]) -> str:
    overall = figures["overall"]
    cells = [f"{name} {overall[name]['value']:.3f}" for name in SHOWN if name in overall]
    cells += [
        f"{kind} refused {found[quote_measures.REFUSED]['value']:.3f}, at 5% {found[quote_measures.REFUSED_AT_5]['value']:.3f}"
        for kind, found in figures["by_kind"].items()
        if quote_measures.REFUSED_AT_5 in found
    ]
    return "  ".join(cells)


def _mean_ece(found: Mapping[str, Mapping[str, Any]], way: str) -> float:
    return round(float(np.mean([each[way]["overall"][quote_measures.ECE]["value"] for each in found.values()])), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--set", choices=(*SETS, *LANGUAGE_SETS))
    parser.add_argument("--languages", action="store_true", help="all sets and ways of the multilingual model instead")
    parser.add_argument("--questions", choices=("questions", "training"), default="questions")
    parser.add_argument("--read", choices=WAYS, help="by default as the product is configured")
    parser.add_argument("--as-indexed", action="store_true", help="use the index as it is, even if the splitter has changed")
    given = parser.parse_args()
    if not QUESTIONS.is_dir():
        print(f"skipped: {QUESTIONS} is missing; set QUOTABLE_SHARED to the folder that holds data/")
        return
    if given.set:
        service = open_set(given.set, as_indexed=given.as_indexed)
        questions = answerable_here(service, read_questions(given.set, given.questions))
        outcomes = ask(service, settings_of(given.set), questions, given.read)
        print(text_tables(measure(outcomes)))
        name = f"{given.set}-{given.questions}-{given.read or 'configured'}"
        write_outcomes(name, outcomes)
        print(f"every question is in build/reading/{name}.jsonl, mistakes first")
        return
    figures = measure_all(LANGUAGE_SETS if given.languages else SETS)
    target = RESULTS / f"reading-{'languages-' if given.languages else ''}{commit()}.json"
    target.write_text(json.dumps(about() | rounded(figures), indent=1) + "\n")
    print(f"written to {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
