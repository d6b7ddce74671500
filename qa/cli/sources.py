"""`qa source add`, `list`, `run` and `remove`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from corpus.types import QuotableError
from qa.cli.console import as_printable_json, read_collection, read_groups, say, settings_of
from qa.settings.settings import Settings

# Between two looks whether another process has ended its run.
POLL_SECONDS = 1.0


@click.group(name="source")
def sources() -> None:
    """Follow sites and folders: `qa serve` keeps their documents up to date."""


@sources.command()
@click.argument("place", metavar="URL|FOLDER")
@click.option("--name", help="Its name in the other commands; by default the host, or the folder's name.")
@click.option(
    "--every", metavar="TIME", help="How often `qa serve` runs it: 30m, 6h, 1d, 2w. Without it, only `qa source run` does."
)
@click.option("--collection", callback=read_collection, help="The collection of its documents; by default “default”.")
@click.option("--access", callback=read_groups, metavar="GROUP,…", help="The groups that may read them; by default everyone.")
@click.pass_context
def add(
    context: click.Context,
    place: str,
    name: str | None,
    every: str | None,
    collection: str | None,
    access: tuple[str, ...] | None,
) -> None:
    """Follow the sitemap or the page at URL, on a host in url_hosts, or the files in FOLDER.

    Nothing is fetched now: `qa source run` does that, and `qa serve` if --every says how often.
    """
    from corpus.sources.addresses import is_address
    from qa.audit import Change
    from qa.operate.fetching import fetcher_of
    from qa.operate.state import audit_of, state_files_of
    from qa.sources.registry import add_source, free_name
    from qa.sources.source import Source, format_interval, parse_interval, utc_now

    settings = settings_of(context)
    files = state_files_of(settings)
    if is_address(place):
        place = str(fetcher_of(settings).check(place))
    elif not Path(place).exists():
        raise QuotableError(f"{place}: no such folder; an address begins with https://")
    else:
        place = str(Path(place).resolve())
    seconds = parse_interval(every) if every else None
    source = Source(name or free_name(files, place), place, utc_now(), seconds, collection, access)
    add_source(files, source)
    audit_of(settings).record(Change.ADD_SOURCE, source=source.name, place=place, collection=collection, access=access)
    runs = f"`qa serve` runs it every {format_interval(seconds)}" if seconds else f"`qa source run {source.name}` runs it"
    click.echo(f"Added the source {source.name}; {runs}.")


@sources.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line, with the failures of the last run.")
@click.pass_context
def list_sources(context: click.Context, as_json: bool) -> None:
    """List the sources and how they last ran."""
    from qa.operate.state import state_files_of
    from qa.sources.registry import read_sources
    from qa.sources.source import Source, format_interval

    def lines(source: Source) -> Iterator[str]:
        every = f"every {format_interval(source.every)}" if source.every else "by hand"
        last = f"{source.last.ended}: {source.last}" if source.last else "has not run"
        yield "\t".join((source.name, source.place, source.collection or "default", every, last))
        for failure in source.last.failures if source.last else ():
            yield f"  {failure['page']}: {failure['reason']} (attempt {failure['attempts']})"

    for source in read_sources(state_files_of(settings_of(context))).values():
        for line in [as_printable_json(asdict(source))] if as_json else lines(source):
            click.echo(line)


@sources.command()
@click.argument("name", required=False)
@click.pass_context
def run(context: click.Context, name: str | None) -> None:
    """Run the source NAME now, or all of them, also beside a server."""
    from qa.assembly import open_to_change
    from qa.operate.fetching import source_runner_of
    from qa.operate.state import state_files_of
    from qa.sources.registry import read_sources, source_named
    from qa.sources.runner import SourceRunner
    from qa.sources.source import LastRun, Source

    settings = settings_of(context)
    files = state_files_of(settings)
    chosen = [source_named(files, name)] if name else list(read_sources(files).values())
    if not chosen:
        raise QuotableError("there are no sources; `qa source add` adds one")

    def run_in_turn(runner: SourceRunner, source: Source) -> LastRun:
        is_told = False
        while (last := runner.run(source_named(files, source.name), click.echo)) is None:
            if not is_told:
                say("Another process runs a source; waiting for its end (stop with Ctrl+C)")
            is_told = True
            time.sleep(POLL_SECONDS)
        return last

    failed = []
    with open_to_change(settings, say) as writer:
        runner = source_runner_of(writer, settings)
        for source in chosen:
            last = run_in_turn(runner, source)
            say(f"{source.name}: {last}")
            if last.error or last.failed:
                failed.append(source.name)
    if failed:
        raise QuotableError(f"{', '.join(failed)} could not be followed completely; `qa source list` says why")


@sources.command()
@click.argument("name")
@click.option("--documents", is_flag=True, help="Remove its documents too.")
@click.pass_context
def remove(context: click.Context, name: str, documents: bool) -> None:
    """Follow the source NAME no longer. Its documents stay, unless --documents is given."""
    from qa.assembly import open_to_change
    from qa.audit import Change
    from qa.operate.fetching import source_runner_of
    from qa.operate.state import audit_of, state_files_of
    from qa.sources.registry import source_named

    settings: Settings = settings_of(context)
    source = source_named(state_files_of(settings), name)
    with open_to_change(settings, say) as writer:
        source_runner_of(writer, settings).remove(source, with_documents=documents, on_outcome=click.echo)
    audit_of(settings).record(Change.REMOVE_SOURCE, source=name, place=source.place, collection=source.collection)
    click.echo(f"Removed the source {name}" + ("." if documents else "; its documents stay."))
