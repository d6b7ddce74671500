"""Reports of an evaluation: a table for the terminal, JSON Lines by question, and an HTML page with plots. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from qa.evaluation import plots, quote_report
from qa.evaluation.judging import DECIDED, QUOTED, Outcome, Summary
from qa.evaluation.measures import RECALL_CUTOFFS, Difference, compare
from qa.evaluation.quote_measures import RIGHT

# Measures to compare two runs by, if the set allows them.
COMPARED = ("nDCG@10", "MRR@10", "Success@1", "Success@5", "R@10", QUOTED, RIGHT, DECIDED)
SIGNIFICANT = 0.05
WORST_SHOWN = 40
_MILLISECONDS = ("latency median", "latency p95")
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #ddd}"
    "th:first-child,td:first-child,.words{text-align:left}figure{display:inline-block;margin:1rem 1rem 1rem 0;vertical-align:top}"
    "figcaption{font-weight:bold}"
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a question set; `name` is that of the setting."""

    name: str
    outcomes: Sequence[Outcome]
    summary: Summary


def comparisons(first: Run, second: Run) -> dict[str, Difference]:
    """Measure -> second minus first, over the questions in both runs."""
    found = {}
    for measure in COMPARED:
        a, b = first.summary.per_question.get(measure, {}), second.summary.per_question.get(measure, {})
        if shared := [question for question in a if question in b]:
            found[measure] = compare([a[question] for question in shared], [b[question] for question in shared])
    return found


def table(runs: Sequence[Run]) -> str:
    """One row for each measure, one column for each run. Two runs are compared below."""
    names = list(dict.fromkeys(name for run in runs for name in run.summary.measures))
    width = max(map(len, [*names, "questions"]), default=0)
    columns = [max(len(run.name), 9) for run in runs]
    head = [run.name.rjust(column) for run, column in zip(runs, columns, strict=True)]
    lines = ["  ".join([" " * width, *head])]
    counts = [str(run.summary.questions).rjust(column) for run, column in zip(runs, columns, strict=True)]
    lines.append("  ".join(["questions".ljust(width), *counts]))
    for name in names:
        cells = [_cell(name, run.summary.measures.get(name)).rjust(column) for run, column in zip(runs, columns, strict=True)]
        lines.append("  ".join([name.ljust(width), *cells]))
    for run in runs:
        if run.summary.quotes:
            lines += ["", f"Quotes, {run.name} (95% intervals)", quote_report.text_tables(run.summary.quotes)]
    if len(runs) == 2:
        lines += ["", f"{runs[1].name} minus {runs[0].name} (95% interval; p of a paired randomisation test)"]
        lines += [f"{measure.ljust(width)}  {_difference(found)}" for measure, found in comparisons(*runs).items()]
    return "\n".join(lines)


def as_json(title: str, runs: Sequence[Run]) -> dict[str, Any]:
    """All measures of each run, and the differences of two runs."""
    found: dict[str, Any] = {
        "question_set": title,
        "runs": [
            {
                "name": run.name,
                "questions": run.summary.questions,
                "measures": {name: round(value, 4) for name, value in run.summary.measures.items()},
                "quotes": quote_report.as_json(run.summary.quotes) if run.summary.quotes else None,
            }
            for run in runs
        ],
    }
    if len(runs) == 2:
        found["differences"] = {measure: asdict(difference) for measure, difference in comparisons(*runs).items()}
    return found


def json_lines(runs: Sequence[Run]) -> Iterator[str]:
    """One JSON object for each question and run."""
    for run in runs:
        for outcome in run.outcomes:
            yield json.dumps({"run": run.name} | _record(outcome, run.summary), ensure_ascii=False)


def html(title: str, runs: Sequence[Run]) -> str:
    """A self-contained page without scripts or external resources."""
    body = [f"<h1>{escape(title)}</h1>", _html_table(runs), *_figures(runs)]
    for run in runs:
        if run.summary.quotes:
            body += [f"<h2>Quotes ({escape(run.name)})</h2>", quote_report.html_tables(run.summary.quotes)]
    if len(runs) == 2:
        body.append(_html_comparison(runs[0], runs[1]))
    body.append(_html_questions(runs[0]))
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(body) + "\n</body></html>\n"


def _figures(runs: Sequence[Run]) -> Iterator[str]:
    curves = [
        (run.name, [(k, run.summary.measures[f"R@{k}"]) for k in RECALL_CUTOFFS if f"R@{k}" in run.summary.measures])
        for run in runs
    ]
    if curves[0][1]:
        yield _figure("Recall", plots.recall_curve(curves))
    risks = [(run.name, run.summary.quotes.curve) for run in runs if run.summary.quotes]
    if risks:
        yield _figure("Risk over coverage", plots.risk_coverage_curve(risks))
    for run in runs:
        if run.summary.reliability:
            yield _figure(f"Reliability of confidence ({run.name})", plots.reliability_diagram(run.summary.reliability))
    if len(runs) == 2:
        a, b = (run.summary.per_question.get("nDCG@10", {}) for run in runs)
        if a:
            changes = [b[question] - a[question] for question in a if question in b]
            yield _figure(f"{runs[1].name} minus {runs[0].name}", plots.differences(changes, "nDCG@10"))


def _figure(caption: str, svg: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>"


def _html_table(runs: Sequence[Run]) -> str:
    names = dict.fromkeys(name for run in runs for name in run.summary.measures)
    rows = [_row(["questions", *(str(run.summary.questions) for run in runs)])]
    rows += [_row([name, *(_cell(name, run.summary.measures.get(name)) for run in runs)]) for name in names]
    return f"<table>{_row(['', *(run.name for run in runs)], 'th')}{''.join(rows)}</table>"


def _html_comparison(first: Run, second: Run) -> str:
    rows = [
        _row([measure, f"{d.mean:+.4f}", f"{d.low:+.4f} … {d.high:+.4f}", f"{d.p:.4f}"])
        for measure, d in comparisons(first, second).items()
    ]
    head = _row([f"{second.name} minus {first.name}", "mean", "95% interval", "p (randomisation)"], "th")
    return f"<h2>Comparison</h2><table>{head}{''.join(rows)}</table>"


def _html_questions(run: Run) -> str:
    """The worst questions: wrong quotes and decisions first, then the lowest nDCG."""
    right = run.summary.per_question.get(RIGHT, {})
    ndcg = run.summary.per_question.get("nDCG@10", {})
    decided = run.summary.per_question.get(DECIDED, {})

    def quality(outcome: Outcome) -> tuple[float, float, float]:
        name = outcome.question.id
        return right.get(name, 1.0), decided.get(name, 1.0), ndcg.get(name, 1.0)

    worst = [outcome for outcome in sorted(run.outcomes, key=quality) if min(quality(outcome)) < 1][:WORST_SHOWN]
    if not worst:
        return ""
    rows = [
        _row(
            [
                outcome.question.text,
                ", ".join(outcome.question.relevant) or "nothing",
                ", ".join(outcome.ranked[:3]),
                f"{outcome.confidence:.2f}",
                outcome.shown or "(not answered)",
            ],
            words=True,
        )
        for outcome in worst
    ]
    head = _row(["question", "relevant", "found first", "confidence", "shown as the answer"], "th")
    return f"<h2>Worst questions</h2><table>{head}{''.join(rows)}</table>"


def _row(cells: Sequence[str], tag: str = "td", *, words: bool = False) -> str:
    opening = f'{tag} class="words"' if words else tag
    return "<tr>" + "".join(f"<{opening}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _record(outcome: Outcome, summary: Summary) -> dict[str, Any]:
    question, judged = outcome.question, outcome.judged_quote
    values: Mapping[str, Mapping[str, float]] = summary.per_question
    return {
        "id": question.id,
        "question": question.text,
        "kind": question.kind or None,
        "corrected": outcome.corrected,
        "rewritten": outcome.rewritten,
        "relevant": dict(question.relevant),
        "expected": question.is_answerable,
        "answerable": outcome.answerable,
        "confidence": round(outcome.confidence, 4),
        "evidence": asdict(outcome.evidence) if outcome.evidence else None,
        "quote": outcome.shown,
        "best_quotes": list(outcome.answers),
        "match": judged.match.value if judged and judged.match else None,
        "polarity": question.polarity,
        "near_page": question.near_page,
        "ranked": list(outcome.ranked[:10]),
        "measures": {name: round(by[question.id], 4) for name, by in values.items() if question.id in by},
        "took_ms": round(outcome.took_ms, 2),
    }


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f} ms" if name in _MILLISECONDS else f"{value:.4f}"


def _difference(found: Difference) -> str:
    verdict = "significant" if found.p < SIGNIFICANT else "not significant"
    return f"{found.mean:+.4f}  [{found.low:+.4f}, {found.high:+.4f}]  p = {found.p:.4f}  {verdict}"
