"""`qa curate`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from corpus.types import QuotableError
from qa.cli.console import say, settings_of


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--check", is_flag=True, help="Check FILE and store nothing.")
@click.option("--show", is_flag=True, help="Print the file that is stored.")
@click.pass_context
def curate(context: click.Context, file: Path | None, check: bool, show: bool) -> None:
    """Store the editor's FILE: what to pin or hide for certain questions, and texts for where nothing answers; synonyms.

    It replaces the file that was stored before; running servers follow at once. An empty file ends all curation.
    """
    from qa.assembly import open_reading_engine
    from qa.audit import Change
    from qa.curation.checking import unknown_places
    from qa.curation.reading import read_curation
    from qa.curation.stored import FILE_NAME, write_curation
    from qa.operate.state import audit_of, state_files_of

    if (file is None) != show or (show and check):
        raise click.UsageError("name a FILE to store, or use --show")
    settings = settings_of(context)
    files = state_files_of(settings)
    if file is None:
        content = files.read(FILE_NAME)
        click.echo(content or "# Nothing is curated: store a file with `qa curate FILE`.\n", nl=False)
        return
    content = _read(file)
    curation = read_curation(content, str(file))
    with closing(open_reading_engine(settings, say)) as engine:
        for warning in unknown_places(curation, engine):
            say(f"qa: {file}, {warning}")
    count = f"{_count(len(curation.rules), 'rule')} and {_count(len(curation.synonyms), 'phrase')} with synonyms"
    if check:
        click.echo(f"{file} has no mistakes: {count}.")
        return
    place = write_curation(files, content)
    audit_of(settings).record(Change.CURATE)
    click.echo(f"Stored {count} in {place}.")


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise QuotableError(f"cannot read {file}: {error.strerror}") from error
