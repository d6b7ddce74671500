"""`qa add`, `qa remove` and `qa list`."""

from __future__ import annotations

import signal
from pathlib import Path
from threading import Event

import click

from corpus.types import QuotableError
from qa.cli.console import as_printable_json, read_collection, read_groups, say, settings_of
from qa.ingest.progress import Rate, Summary


@click.command()
@click.argument("places", metavar="PATHS...", nargs=-1, required=True)
@click.option("--watch", is_flag=True, help="Keep running and follow new, changed and deleted files.")
@click.option(
    "--if-exists",
    type=click.Choice(["replace", "keep", "fail"]),
    default="replace",
    show_default=True,
    help="What to do with a document that is there already.",
)
@click.option(
    "--collection", callback=read_collection, help="The collection of the documents; by default where they are, or “default”."
)
@click.option(
    "--access",
    callback=read_groups,
    metavar="GROUP,…",
    help="The groups that may read them; by default everyone, or as it was.",
)
@click.pass_context
def add(
    context: click.Context,
    places: tuple[str, ...],
    watch: bool,
    if_exists: str,
    collection: str | None,
    access: tuple[str, ...] | None,
) -> None:
    """Add the files at PATHS, folders included, or replace their earlier versions.

    A document is known by its path below the folder that was added, a file by its name. A PATH may also be the address of a document
    (https://…) on a host in url_hosts.
    """
    from itertools import chain

    from corpus.sandbox.pool import Sandbox
    from corpus.sources.addresses import is_address
    from index.access.audience import placement
    from index.jobs import IfExists
    from qa.assembly import open_to_change
    from qa.ingest.files import add_addresses, add_files, files_below, size_of, unavailable
    from qa.ingest.watching import follow_changes, watch_paths
    from qa.operate.fetching import fetcher_of

    summary, edits = Summary(), placement(collection, access)
    urls = [place for place in places if is_address(place)]
    paths = [Path(place) for place in places if not is_address(place)]
    if watch and urls:
        raise QuotableError("--watch follows files and folders only; add addresses without it")
    settings = settings_of(context)
    fetcher = fetcher_of(settings)
    problems = list(unavailable(paths, urls, fetcher))
    if problems and (watch or len(problems) == len(places)):
        raise QuotableError(f"cannot add {'; '.join(problems)}")
    with open_to_change(settings, say) as writer, Sandbox() as sandbox:
        stopping = Event()
        changes = watch_paths(paths, stopping) if watch else None
        files = list(files_below(paths))
        rate = Rate([*map(size_of, files), *(0 for _ in urls)])
        outcomes = chain(
            add_files(writer, sandbox, files, summary.report_to(rate), IfExists(if_exists), edits),
            add_addresses(writer, sandbox, fetcher, urls, IfExists(if_exists), edits),
        )
        summary.show(outcomes, rate, len(files) + len(urls))
        writer.engine.maintain()
        if changes:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stopping.set())
            say(f"Watching {', '.join(map(str, paths))} (stop with Ctrl+C)")
            summary.show(follow_changes(writer, sandbox, changes, paths, stopping, edits))
    if summary.failed:
        raise QuotableError(
            f"{summary.failed} of {summary.files} files could not be added completely; the messages above say why"
        )


@click.command()
@click.argument("document_ids", metavar="ID...", nargs=-1, required=True)
@click.pass_context
def remove(context: click.Context, document_ids: tuple[str, ...]) -> None:
    """Remove the documents with these IDs, and what is attached to them."""
    from qa.assembly import open_reading_engine, open_to_change
    from qa.ingest.parts import remove_with_parts

    settings = settings_of(context)
    open_reading_engine(settings, say).close()  # a missing folder is reported, not created with a prepared model
    with open_to_change(settings, say) as writer:
        missing = [
            document_id for document_id in document_ids if not remove_with_parts(writer.engine, document_id, writer.audit)
        ]
    if missing:
        raise QuotableError(f"no document {', '.join(missing)}; `qa list` lists all documents")


@click.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option("--collection", callback=read_collection, help="List only the documents of this collection.")
@click.pass_context
def list_documents(context: click.Context, as_json: bool, collection: str | None) -> None:
    """List the documents: id, title, source and collection."""
    from qa.assembly import open_reading_engine
    from qa.web.schemas.documents import listed_documents_json

    engine = open_reading_engine(settings_of(context))
    after: str | None = None
    while page := engine.documents(after):
        wanted = [document for document in page if collection in (None, document.collection)]
        for listed in listed_documents_json(engine, wanted):
            columns = (listed["id"], listed["title"], listed["source"] or "", listed["collection"])
            click.echo(as_printable_json(listed) if as_json else "\t".join(columns))
        after = page[-1].id


@click.command()
@click.argument("document_id", metavar="ID")
@click.argument("version", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_context
def versions(context: click.Context, document_id: str, version: str | None, as_json: bool) -> None:
    """List the texts that a document has and had: SHA-256, since when, until when, by whom, title. With VERSION, print that text."""
    from qa.assembly import open_reading_engine
    from qa.web.schemas.versions import version_list_json, version_text_json

    engine = open_reading_engine(settings_of(context))
    found = engine.versions(document_id)
    if not found:
        raise QuotableError(f"no document {document_id}; `qa list` lists all documents")
    if version is None:
        for listed in version_list_json(found, name_authors=True)["data"]:
            columns = [listed["version"], listed["since"], listed["until"] or "now", listed["by"], listed["title"]]
            click.echo(as_printable_json(listed) if as_json else "\t".join(column or "" for column in columns))
        return
    content = engine.version_content(document_id, version)
    kept = next((each for each in found if each.stored.version == version), None)
    if content is None or kept is None:
        raise QuotableError(f"{document_id} has no version {version}; `qa versions {document_id}` lists those that are kept")
    shown = as_printable_json(version_text_json(kept, content, name_authors=True)) if as_json else content.text
    click.echo(shown)
