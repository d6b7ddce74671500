"""Measures whether the shown quotes are right and their confidence holds, on the questions of ../shared/data/reading_pages.

    python -m benchmarks.quality.reading --set govuk                        # seconds, once the set's pages are indexed
    python -m benchmarks.quality.reading --set govuk --questions training
    python -m benchmarks.quality.reading --set govuk --read always

`--as-indexed` uses an index of build/quality as it is, even if the splitter has changed since. Every question's quote, with what was
expected, is written to build/reading.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from benchmarks.quality.dev_sets import DATA, FOLDERS, ROOT, dev_settings, open_dev_set
from qa.assembly import Service, answerer_over, open_to_read
from qa.evaluation.judging import Judge, Outcome, run
from qa.evaluation.question_sets import Question, read_question_set
from qa.evaluation.quote_measures import QuoteFigures, measure_quotes
from qa.evaluation.quote_report import text_tables
from qa.settings.settings import ANSWER_THRESHOLD, Settings

SETS = ("govuk",)
READ = ("auto", "always", "never")
QUESTIONS = DATA / "reading_pages"
MISTAKES = ROOT / "build" / "reading"


def read_questions(name: str, file: str = "questions") -> list[Question]:
    """The questions about one set's pages, and the foreign ones."""
    path = QUESTIONS / f"{file}.jsonl"
    corpora = [json.loads(line)["corpus"] for line in path.read_text("utf-8").splitlines()]
    questions = read_question_set(path).questions
    return [question for question, corpus in zip(questions, corpora, strict=True) if corpus in (name, None)]


def ask(service: Service, questions: Sequence[Question], read: str | None) -> list[Outcome]:
    settings = dev_settings(FOLDERS / "govuk").model_copy(update={"answer_threshold": 0.0})
    if read and "read" in Settings.model_fields:
        settings = settings.model_copy(update={"read": read})
    return list(run(questions, answerer_over(service.engine, settings), Judge(service.engine), ANSWER_THRESHOLD))


def measure(outcomes: Sequence[Outcome]) -> QuoteFigures:
    return measure_quotes([one for outcome in outcomes if (one := outcome.judged_quote)], ANSWER_THRESHOLD)


def write_mistakes(name: str, outcomes: Sequence[Outcome]) -> None:
    """One JSON object for each question, wrong quotes with a high confidence first."""
    MISTAKES.mkdir(parents=True, exist_ok=True)
    records = []
    for outcome in sorted(outcomes, key=lambda one: -one.confidence):
        judged, question = outcome.judged_quote, outcome.question
        if judged:
            records.append(
                {
                    "match": judged.match.value if judged.match else "unanswerable",
                    "kind": judged.kind,
                    "confidence": round(outcome.confidence, 3),
                    "question": question.text,
                    "quote": outcome.quote,
                    "evidence": [reference.evidence for reference in question.references],
                    "answers": [answer for reference in question.references for answer in reference.answers],
                    "page": next(iter(question.relevant), question.near_page),
                    "ranked": list(outcome.ranked[:5]),
                    "id": question.id,
                }
            )
    records.sort(key=lambda record: record["match"] == "right")
    path = MISTAKES / f"{name}.jsonl"
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")
    print(f"every question is in {path.relative_to(ROOT)}, mistakes first")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--set", choices=SETS, default="govuk")
    parser.add_argument("--questions", choices=("questions", "training"), default="questions")
    parser.add_argument("--read", choices=READ)
    parser.add_argument("--as-indexed", action="store_true", help="use the index as it is, even if the splitter has changed")
    given = parser.parse_args()
    if not QUESTIONS.is_dir():
        print(f"skipped: {QUESTIONS} is missing; set QUOTABLE_SHARED to the folder that holds data/")
        return
    folder = FOLDERS / given.set
    service = open_to_read(dev_settings(folder), print) if given.as_indexed else open_dev_set(given.set)
    outcomes = ask(service, read_questions(given.set, given.questions), given.read)
    print(text_tables(measure(outcomes)))
    write_mistakes(f"{given.set}-{given.questions}-{given.read or 'default'}", outcomes)


if __name__ == "__main__":
    main()
