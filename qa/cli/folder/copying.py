"""`qa copy`, and the progress of what copies."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from corpus.types import QuotableError
from qa.cli.console import say, settings_of
from qa.settings.reading import settings_at

PROBLEMS_SHOWN = 20


@click.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--delete", is_flag=True, help="Remove documents from TO that FROM does not hold.")
@click.pass_context
def copy(context: click.Context, source: str, target: str, delete: bool) -> None:
    """Copy all documents from FROM to TO, with their originals, keys, kept questions and audit log.

    Both are data folders, or addresses of clusters (opensearch://HOST:PORT/NAME), and may be in use. A copy that was interrupted is run
    again and goes on. At the end every document is compared with its copy.
    """
    from qa.audit import Change
    from qa.operate.state import audit_of
    from qa.operate.transfer import copy_service

    settings = settings_of(context)
    ours, theirs = (settings_at(settings, place) for place in (source, target))
    if (ours.engine, ours.data.resolve()) == (theirs.engine, theirs.data.resolve()):
        raise click.UsageError(f"FROM and TO are the same, {source}", context)
    report = copy_service(ours, theirs, say, show_progress, delete=delete)
    audit_of(theirs).record(Change.COPY)
    removed = f", {report.removed} removed" if delete else ""
    click.echo(f"{report.copied} documents copied to {target}, {report.unchanged} were there already{removed}.")
    if report.embedded:
        say(f"{report.embedded} of them were split and embedded again, because {target} uses another embedding model.")
    if report.others:
        say(f"{target} holds {report.others} documents that {source} does not; `qa copy --delete` removes them.")
    for line in report.problems[:PROBLEMS_SHOWN]:
        click.echo(line)
    if report.problems:
        raise QuotableError(f"the copy of {source} is not complete: {len(report.problems)} findings")
    click.echo("Every document was compared with its copy; all texts match their SHA-256.")


@contextmanager
def show_progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """On a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    bar: Any = click.progressbar(length=1, label=label, file=sys.stderr, show_pos=True)
    with bar as shown:

        def progress(done: int, total: int) -> None:
            shown.length = max(total, done, 1)
            shown.update(done - shown.pos)

        yield progress
