"""`qa eval`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from corpus.types import QuotableError
from qa.cli.console import as_printable_json, say, settings_of
from qa.settings.names import RENAMED
from qa.settings.settings import Settings


@click.command(name="eval")
@click.argument("question_set", metavar="[FILE|FOLDER]", required=False, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--invariants",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Instead of measuring: check that each question in FILE (JSON Lines) finds its document or quote; exit code 1 if not.",
)
@click.option(
    "--compare",
    help="Settings of a second run: legs=fused|dense|lexical|rrf, spelling=on|off, curation=on|off, answer_threshold=0..1.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write one JSON object per question to this file."
)
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write one HTML page with plots to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the measures, or what was missed, as JSON.")
@click.option("--calibrate", is_flag=True, help="Fit confidence to these questions and store the result in the data folder.")
@click.pass_context
def evaluate(
    context: click.Context,
    question_set: Path | None,
    invariants: Path | None,
    compare: str | None,
    output: Path | None,
    report: Path | None,
    as_json: bool,
    calibrate: bool,
) -> None:
    """Measure how well the questions in FILE (JSON Lines) or FOLDER (BEIR) are answered."""
    if invariants:
        if question_set or compare or output or report or calibrate:
            raise click.UsageError("--invariants takes a file of its own, and of the other options only --json")
        _check_invariants(settings_of(context), invariants, as_json)
        return
    if question_set is None:
        raise click.UsageError("name a FILE or FOLDER of questions, or --invariants FILE")
    from qa.answering.calibration import write_calibration
    from qa.evaluation import report as reports
    from qa.evaluation.judging import Judge
    from qa.evaluation.question_sets import read_question_set
    from qa.evaluation.session import InvalidVariant, Variant, calibrate_to, open_service, parse_variant, run_variant
    from qa.operate.state import state_files_of

    if compare and (old := re.search(r"\boperating_point\b", compare)):
        say(f"qa: {old[0]} is now called {RENAMED[old[0]]}; the next version rejects the old name")
        compare = compare.replace(old[0], RENAMED[old[0]])
    try:
        variants = [Variant(), *([parse_variant(compare)] if compare else [])]
    except InvalidVariant as error:
        raise click.BadParameter(str(error), param_hint="--compare") from error
    settings, found = settings_of(context), read_question_set(question_set)
    if calibrate and found.corpus is not None:
        raise click.UsageError(
            "--calibrate fits confidence to the data folder; give it a question set without a corpus of its own"
        )
    with open_service(found, settings, say) as service:
        judge = Judge(service.engine)
        runs = [run_variant(found, service, settings, variant, judge) for variant in variants]
        fitted = calibrate_to(found, service, settings, judge) if calibrate else None
    click.echo(json.dumps(reports.as_json(found.name, runs), indent=1) if as_json else reports.table(runs))
    if output:
        output.write_text("".join(f"{line}\n" for line in reports.json_lines(runs)), "utf-8")
    if report:
        report.write_text(reports.html(f"Evaluation of {found.name}", runs), "utf-8")
    if fitted:
        calibration, gain = fitted
        say(f"Confidence was fitted and written to {write_calibration(state_files_of(settings), calibration)}: {gain}")


def _check_invariants(settings: Settings, path: Path, as_json: bool) -> None:
    from qa.assembly import open_to_read
    from qa.evaluation import invariants as checks
    from qa.evaluation.question_sets import QuestionSetError

    try:
        invariants = checks.read_invariants(path)
    except QuestionSetError as error:
        raise click.BadParameter(str(error), param_hint="--invariants") from error
    misses = list(checks.missed(invariants, open_to_read(settings, say).answerer))
    if as_json:
        click.echo(as_printable_json(checks.as_json(invariants, misses), indent=1))
    else:
        for miss in misses:
            click.echo(checks.as_text(miss))
    if misses:
        raise QuotableError(f"{len(misses)} of {len(invariants)} invariants are missed")
    if not as_json:
        click.echo(f"All {len(invariants)} invariants hold.")
