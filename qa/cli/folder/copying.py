"""`qa copy`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from corpus.types import QuotableError
from qa.cli.console import folder_settings_of, say

PROBLEMS_SHOWN = 20


@click.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--delete", is_flag=True, help="Remove documents from TO that FROM does not hold.")
@click.pass_context
def copy(context: click.Context, source: str, target: str, delete: bool) -> None:
    """Copy all documents of the data folder FROM to the data folder TO, with their originals, keys and kept questions.

    Both may be in use. A copy that was interrupted is run again and goes on. At the end every document is compared with its copy.
    """
    from qa.assembly import open_reading_engine, open_to_change
    from qa.operate.copying import Copier
    from qa.operate.maintenance import copy_state

    settings = folder_settings_of(context)
    from_settings, to_settings = (settings.model_copy(update={"data": Path(place)}) for place in (source, target))
    if from_settings.data.resolve() == to_settings.data.resolve():
        raise click.UsageError(f"FROM and TO are the same folder, {source}", context)
    with closing(open_reading_engine(from_settings, say)) as ours:
        status = ours.status()
        with open_to_change(to_settings, say, new_model=status.model) as writer:
            copier = Copier(ours, writer.engine, keep_originals=settings.keep_originals)
            with _bar("Copying") as progress:
                copier.copy(progress, delete=delete)
            writer.engine.maintain()
            copy_state(from_settings, to_settings)
            with _bar("Checking") as progress:
                copier.check(progress)
    report = copier.report
    removed = f", {report.removed} removed" if delete else ""
    click.echo(f"{report.copied} documents copied to {target}, {report.unchanged} were there already{removed}.")
    if report.embedded:
        say(f"{report.embedded} of them were split and embedded again, because {target} uses another embedding model.")
    if report.others:
        say(f"{target} holds {report.others} documents that {source} does not; `qa copy --delete` removes them.")
    if status.jobs_waiting:
        say(f"{status.jobs_waiting} documents that {source} accepted are not indexed yet; copy again when they are.")
    problems = [*report.problems, *(["damaged documents were left out; run `qa check`"] if status.degraded else [])]
    for line in problems[:PROBLEMS_SHOWN]:
        click.echo(line)
    if problems:
        raise QuotableError(f"the copy of {source} is not complete: {len(problems)} findings")
    click.echo("Every document was compared with its copy; all texts match their SHA-256.")


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Shows progress on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    bar: Any = click.progressbar(length=1, label=label, file=sys.stderr, show_pos=True)
    with bar as shown:

        def progress(done: int, total: int) -> None:
            shown.length = max(total, done, 1)
            shown.update(done - shown.pos)

        yield progress
