"""`qa check`, `qa backup`, `qa restore` and `qa rebuild`: maintenance of the data folder."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import click

from corpus.types import QuotableError
from qa.cli.console import folder_settings_of, say


@click.command()
@click.option("--repair", is_flag=True, help="Rewrite the store without its damaged parts, and list what is lost.")
@click.pass_context
def check(context: click.Context, repair: bool) -> None:
    """Check everything in the data folder, and list damage with what to do."""
    from qa.operate.maintenance import REPAIR, RESTORE, check_folder, repair_folder

    settings = folder_settings_of(context)
    findings = check_folder(settings)
    if findings and repair:
        for line in repair_folder(settings, say):
            click.echo(line)
        # A second repair would find the same.
        findings = [replace(finding, remedy=finding.remedy.replace(REPAIR, RESTORE)) for finding in check_folder(settings)]
    for finding in findings:
        click.echo(f"{finding.damage}\n  → {finding.remedy}")
    if findings:
        raise QuotableError(f"{len(findings)} findings in {settings.data}")
    click.echo(f"{settings.data} is intact.")


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def backup(context: click.Context, file: Path) -> None:
    """Write the whole data folder to one FILE; the server may be running."""
    from qa.operate.maintenance import back_up_folder

    back_up_folder(folder_settings_of(context), file)
    click.echo(f"Backed up to {file}; `qa restore {file}` restores it.")


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.pass_context
def restore(context: click.Context, file: Path) -> None:
    """Replace the contents of the data folder with a backup FILE."""
    from qa.operate.maintenance import restore_folder

    settings = folder_settings_of(context)
    kept = restore_folder(settings, file)
    click.echo(f"Restored {settings.data} from {file}." + (f" The previous store is kept as {kept}." if kept else ""))


@click.command()
@click.option(
    "--model", metavar="NAME", help="Use another embedding model; the vectors of the old one are kept for a way back."
)
@click.option("--drop-old", is_flag=True, help="Delete the vectors of models that are not in use.")
@click.pass_context
def rebuild(context: click.Context, model: str | None, drop_old: bool) -> None:
    """Make missing vectors and rebuild the index; an interrupted run continues where it stopped."""
    import sys

    from qa.operate.maintenance import drop_old_vectors, rebuild_folder

    settings = folder_settings_of(context)
    on_terminal = sys.stderr.isatty()
    with click.progressbar(length=1, label="Embedding", file=sys.stderr) if on_terminal else nullcontext() as bar:

        def progress(done: int, total: int) -> None:
            if bar is not None:
                bar.length = total
                bar.update(done - bar.pos)
            else:
                say(f"embedded {done} of {total} passages")

        embedded = rebuild_folder(settings, model, say, progress)
    click.echo(f"{embedded.new} passages embedded, index built.")
    if embedded.cut:
        say(f"{embedded.cut} of them are longer than this model reads; add their files again to split them to its length.")
    if drop_old:
        for fingerprint in drop_old_vectors(settings, say):
            click.echo(f"Deleted the vectors of the model {fingerprint}.")
