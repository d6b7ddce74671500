"""`qa add`, `qa remove` and `qa list`: the documents of the data folder."""

from __future__ import annotations

import signal
from pathlib import Path
from threading import Event

import click

from corpus.types import QuotableError
from qa.cli.console import as_printable_json, say, settings_of
from qa.ingest.progress import Rate, Summary


@click.command()
@click.argument("places", metavar="PATHS...", nargs=-1, required=True)
@click.option("--watch", is_flag=True, help="Stay, and follow new, changed and deleted files.")
@click.pass_context
def add(context: click.Context, places: tuple[str, ...], watch: bool) -> None:
    """Add the files at PATHS and in the folders among them, or replace what was read from them before.

    A PATH may be the address of a document (https://…) on a host that is named in url_hosts.
    """
    from itertools import chain

    from corpus.sandbox.pool import Sandbox
    from corpus.sources.addresses import is_address
    from qa.assembly import fetcher_of, open_to_write
    from qa.ingest.files import add_addresses, add_files, changes_below, files_below, follow

    summary = Summary()
    urls = [place for place in places if is_address(place)]
    paths = [Path(place) for place in places if not is_address(place)]
    if watch and urls:
        raise QuotableError("--watch follows files and folders; add addresses without it")
    settings = settings_of(context)
    fetcher = fetcher_of(settings)
    with open_to_write(settings, say) as library, Sandbox() as sandbox:
        stopping = Event()
        changes = changes_below(paths, stopping) if watch else None
        files = list(files_below(paths))
        rate = Rate(len(files) + len(urls))
        outcomes = chain(
            add_files(library, sandbox, files, summary.stored(rate)), add_addresses(library, sandbox, fetcher, urls)
        )
        summary.show(outcomes, rate, len(files) + len(urls))
        library.build_if_behind()
        if changes:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stopping.set())
            say(f"Watching {', '.join(map(str, paths))} (stop with Ctrl+C)")
            summary.show(follow(library, sandbox, changes, stopping))
    if summary.failed:
        raise QuotableError(f"{summary.failed} of {summary.files} files could not be added whole")


@click.command()
@click.argument("document_ids", metavar="ID...", nargs=-1, required=True)
@click.pass_context
def remove(context: click.Context, document_ids: tuple[str, ...]) -> None:
    """Remove the documents with these IDs."""
    from qa.assembly import open_to_write

    with open_to_write(settings_of(context), say) as library:
        missing = [document_id for document_id in document_ids if not library.remove(document_id)]
    if missing:
        raise QuotableError(f"there is no document {', '.join(missing)}; `qa list` names those that are there")


@click.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def list_documents(context: click.Context, as_json: bool) -> None:
    """List the documents."""
    from qa.assembly import open_store_to_read
    from qa.web.schemas.documents import listed_document_json

    store = open_store_to_read(settings_of(context).data)
    after: str | None = None
    while page := store.documents(after):
        counts = store.passage_counts([document.number for document in page])
        for document in page:
            listed = listed_document_json(document, counts.get(document.number, 0))
            click.echo(as_printable_json(listed) if as_json else f"{document.id}\t{document.title}\t{document.source or ''}")
        after = page[-1].id
