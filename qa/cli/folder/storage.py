"""`qa check`, `qa backup`, `qa restore` and `qa rebuild`: the data folder kept whole."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from corpus.types import QuotableError
from qa.cli.console import say, settings_of


@click.command()
@click.option("--repair", is_flag=True, help="Take out what is damaged, so that the rest is whole; it is named first.")
@click.pass_context
def check(context: click.Context, repair: bool) -> None:
    """Read everything in the data folder and say what is damaged and what to do."""
    from qa.operate.maintenance import check_folder, repair_folder

    settings = settings_of(context)
    findings = check_folder(settings)
    if findings and repair:
        for line in repair_folder(settings, say):
            click.echo(line)
        findings = check_folder(settings)
    for finding in findings:
        click.echo(f"{finding.what}\n  → {finding.remedy}")
    if findings:
        raise QuotableError(f"{len(findings)} findings in {settings.data}")
    click.echo(f"{settings.data} is whole.")


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def backup(context: click.Context, file: Path) -> None:
    """Write all that is stored into one FILE; the server may be running."""
    from qa.operate.maintenance import back_up_folder

    back_up_folder(settings_of(context), file)
    click.echo(f"{file} holds what was stored; `qa restore {file}` brings it back.")


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.pass_context
def restore(context: click.Context, file: Path) -> None:
    """Put a backup FILE in the place of what the data folder holds."""
    from qa.operate.maintenance import restore_folder

    settings = settings_of(context)
    kept = restore_folder(settings, file)
    click.echo(f"{settings.data} holds what {file} held." + (f" What it held before is in {kept}." if kept else ""))


@click.command()
@click.option("--model", metavar="NAME", help="Another embedding model; the old one's vectors are kept to go back.")
@click.option("--drop-old", is_flag=True, help="Delete the vectors of models that are not searched any more.")
@click.pass_context
def rebuild(context: click.Context, model: str | None, drop_old: bool) -> None:
    """Make vectors that are missing and the indexes anew. A run that was interrupted is gone on with."""
    import sys

    from qa.operate.maintenance import drop_old_vectors, rebuild_folder

    settings = settings_of(context)
    on_terminal = sys.stderr.isatty()
    with click.progressbar(length=1, label="Embedding", file=sys.stderr) if on_terminal else nullcontext() as bar:

        def progress(done: int, total: int) -> None:
            if bar is not None:
                bar.length = total
                bar.update(done - bar.pos)
            else:
                say(f"embedded {done} of {total} passages")

        embedded = rebuild_folder(settings, model, say, progress)
    click.echo(f"{embedded.new} passages were embedded and the indexes built.")
    if embedded.cut:
        say(f"{embedded.cut} of them are longer than this model reads; add their files again to have them split anew.")
    if drop_old:
        for fingerprint in drop_old_vectors(settings, say):
            click.echo(f"The vectors of the model {fingerprint} were deleted.")
