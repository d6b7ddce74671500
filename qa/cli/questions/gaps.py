"""`qa gaps`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from qa.cli.console import as_printable_json, say, settings_of

if TYPE_CHECKING:
    from qa.evaluation.gaps import Gap


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The maximum number of gaps.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_context
def gaps(context: click.Context, limit: int, as_json: bool) -> None:
    """List questions without an answer, or with an uncertain or unhelpful one, grouped by meaning."""
    from qa.assembly import open_to_read
    from qa.evaluation.gaps import find_gaps

    settings = settings_of(context)
    service = open_to_read(settings, say)
    found = find_gaps(service.questions.entries(), service.answerer, service.engine)
    for gap in found[:limit]:
        if as_json:
            click.echo(
                as_printable_json(
                    {
                        "times": gap.times,
                        "last": gap.last,
                        "questions": [{**asdict(one), "times": one.times} for one in gap.questions],
                    }
                )
            )
        else:
            click.echo(f"{gap.times}\t{gap.last[:10]}\t{gap.questions[0].question}\t{_outcomes(gap)}")
            for one in gap.questions[1:]:
                click.echo(f"\t\t{one.question}")
    if not found and not as_json:
        say("No gaps." if next(service.questions.entries(1), None) else _nothing_kept(settings.keep_questions))


def _outcomes(gap: Gap) -> str:
    """How often each outcome: "2 without an answer, 1 uncertain"."""
    counts = {
        "without an answer": sum(one.unanswered for one in gap.questions),
        "uncertain": sum(one.uncertain for one in gap.questions),
        "unhelpful": sum(one.unhelpful for one in gap.questions),
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _nothing_kept(keep_questions: bool) -> str:
    if keep_questions:
        return "No questions yet: `qa serve` keeps questions while it runs."
    return "No questions are kept: set QA_KEEP_QUESTIONS=true for `qa serve` to keep them."
