"""Tables of the measures of quotes, for the terminal, for an HTML page and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from qa.evaluation import quote_measures as measured
from qa.evaluation.quote_measures import Estimate, QuoteFigures

# Column -> measure. The JSON has all measures of each kind.
COLUMNS = {
    "right": measured.RIGHT,
    "part": measured.PART,
    "wrong": measured.WRONG,
    "likely": measured.LIKELY,
    "likely, not right": measured.LIKELY_NOT_RIGHT,
    "ECE": measured.ECE,
    "refused": measured.REFUSED,
    "refused at 5%": measured.REFUSED_AT_5,
}


def text_tables(figures: QuoteFigures) -> str:
    """The measures with their intervals, then one row for each kind of question."""
    width = max(map(len, figures.overall))
    lines = [f"{name:{width}}  {_interval(one)}" for name, one in figures.overall.items()]
    widths = [max(len(name), 5) for name in COLUMNS]
    first = max(len("kind"), *map(len, figures.counts))
    head, *rows = _rows(figures)
    for row in (head, *rows):
        cells = "  ".join(cell.rjust(column) for cell, column in zip(row[2:], widths, strict=True))
        lines.append(f"{row[0]:{first}}  {row[1]:>5}  {cells}")
    return "\n".join([*lines[: len(figures.overall)], "", *lines[len(figures.overall) :]])


def html_tables(figures: QuoteFigures) -> str:
    overall = "".join(
        _row([name, f"{one.value:.3f}", f"{one.low:.3f} … {one.high:.3f}"]) for name, one in figures.overall.items()
    )
    head, *rows = _rows(figures)
    kinds = _row(head, "th") + "".join(map(_row, rows))
    return f"<table>{_row(['', 'all questions', '95% interval'], 'th')}{overall}</table><table>{kinds}</table>"


def as_json(figures: QuoteFigures) -> dict[str, Any]:
    """All estimates, and the risk-coverage curve as [coverage, risk] pairs."""
    return {
        "overall": _estimates(figures.overall),
        "by_kind": {kind: {"questions": figures.counts[kind]} | _estimates(found) for kind, found in figures.by_kind.items()},
        "risk_coverage": [[round(coverage, 4), round(risk, 4)] for coverage, risk in figures.curve],
    }


def _estimates(found: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
    return {name: {key: round(value, 4) for key, value in asdict(one).items()} for name, one in found.items()}


def _rows(figures: QuoteFigures) -> Iterator[list[str]]:
    yield ["kind", "n", *COLUMNS]
    for kind, found in figures.by_kind.items():
        yield [
            kind,
            str(figures.counts[kind]),
            *(f"{found[one].value:.3f}" if one in found else "–" for one in COLUMNS.values()),
        ]


def _interval(one: Estimate) -> str:
    return f"{one.value:.3f}  [{one.low:.3f}, {one.high:.3f}]"


def _row(cells: Sequence[str], tag: str = "td") -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
