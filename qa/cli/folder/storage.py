"""`qa check`, `qa backup`, `qa restore` and `qa rebuild`: maintenance of the data folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import click

from corpus.types import QuotableError
from qa.audit import Change
from qa.cli.console import say, settings_of
from qa.cli.folder.copying import show_progress
from qa.settings.settings import Settings


@click.command()
@click.option("--repair", is_flag=True, help="Repair what can be read, and list what is lost.")
@click.option("--sample", metavar="N", type=click.IntRange(min=0), help="On a cluster: read about N documents whole, not all.")
@click.pass_context
def check(context: click.Context, repair: bool, sample: int | None) -> None:
    """Check everything in the data folder or the cluster, and list damage with what to do."""
    from qa.operate.cluster_maintenance import check_cluster, repair_cluster
    from qa.operate.maintenance import REPAIR, RESTORE, check_folder, repair_folder
    from qa.operate.state import audit_of

    settings = settings_of(context)
    if sample is not None and not settings.engine:
        raise click.UsageError("--sample is for clusters; a data folder is always read whole", context)
    findings = check_cluster(settings, sample) if settings.engine else check_folder(settings)
    if findings and repair:
        for line in repair_cluster(settings, say) if settings.engine else repair_folder(settings, say):
            click.echo(line)
        audit_of(settings).record(Change.REPAIR)
        findings = check_cluster(settings) if settings.engine else check_folder(settings)
        # A second repair would find the same.
        findings = [replace(finding, remedy=finding.remedy.replace(REPAIR, RESTORE)) for finding in findings]
    for finding in findings:
        click.echo(f"{finding.damage}\n  → {finding.remedy}")
    place = settings.engine or settings.data
    if findings:
        raise QuotableError(f"{len(findings)} findings in {place}")
    click.echo(f"{place} is intact.")


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def backup(context: click.Context, file: Path) -> None:
    """Write the whole data folder, or the documents and state of a cluster, to one FILE; servers may be running."""
    from qa.operate.maintenance import back_up_folder
    from qa.operate.transfer import back_up_cluster

    settings = settings_of(context)
    if settings.engine:
        back_up_cluster(settings, file, say, show_progress)
    else:
        back_up_folder(settings, file)
    click.echo(f"Backed up to {file}; `qa restore {file}` restores it.")


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.pass_context
def restore(context: click.Context, file: Path) -> None:
    """Replace the contents of the data folder, or of the cluster, with a backup FILE."""
    from qa.operate.maintenance import restore_folder
    from qa.operate.state import audit_of
    from qa.operate.transfer import restore_cluster

    settings = settings_of(context)
    if settings.engine:
        restore_cluster(settings, file, say, show_progress)
        audit_of(settings).record(Change.RESTORE)
        click.echo(f"Restored {settings.engine} from {file}.")
        return
    kept = restore_folder(settings, file)
    audit_of(settings).record(Change.RESTORE)
    click.echo(f"Restored {settings.data} from {file}." + (f" The previous store is kept as {kept}." if kept else ""))


@click.command()
@click.option(
    "--model", metavar="NAME", help="Use another embedding model; the vectors of the old one are kept for a way back."
)
@click.option("--drop-old", is_flag=True, help="Delete the vectors of models that are not in use.")
@click.pass_context
def rebuild(context: click.Context, model: str | None, drop_old: bool) -> None:
    """Make missing vectors and rebuild the index; an interrupted run continues where it stopped."""
    from qa.operate.state import audit_of

    settings = settings_of(context)
    if settings.engine:
        _rebuild_cluster(settings, model)
    else:
        _rebuild_folder(settings, model)
    if model:
        audit_of(settings).record(Change.REBUILD)
    if drop_old:
        for fingerprint in _drop_old(settings):
            click.echo(f"Deleted the vectors of the model {fingerprint}.")


def _rebuild_folder(settings: Settings, model: str | None) -> None:
    from qa.operate.maintenance import rebuild_folder

    with _progress("passages") as progress:
        embedded = rebuild_folder(settings, model, say, progress)
    click.echo(f"{embedded.new} passages embedded, index built.")
    if embedded.cut:
        say(f"{embedded.cut} of them are longer than this model reads; add their files again to split them to its length.")


def _rebuild_cluster(settings: Settings, model: str | None) -> None:
    from qa.operate.cluster_maintenance import rebuild_cluster

    with _progress("documents") as progress:
        embedded = rebuild_cluster(settings, model, say, progress)
    if embedded is None:
        click.echo("Index merged.")
    else:
        click.echo(f"{embedded} documents embedded, index built.")
        say("Restart servers and workers now: until then they answer from the vectors of the old model, and change nothing.")


def _drop_old(settings: Settings) -> list[str]:
    from qa.operate.cluster_maintenance import drop_old_indices
    from qa.operate.maintenance import drop_old_vectors

    return drop_old_indices(settings) if settings.engine else drop_old_vectors(settings, say)


@contextmanager
def _progress(things: str) -> Iterator[Callable[[int, int], None]]:
    """Shows how many of them are embedded."""
    import sys

    with click.progressbar(length=1, label="Embedding", file=sys.stderr) if sys.stderr.isatty() else nullcontext() as bar:

        def progress(done: int, total: int) -> None:
            if bar is not None:
                bar.length = total
                bar.update(done - bar.pos)
            else:
                say(f"embedded {done} of {total} {things}")

        yield progress
