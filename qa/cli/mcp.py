"""`qa mcp`."""

from __future__ import annotations

import click

from corpus.types import QuotableError
from qa.cli.console import read_collections, read_groups, say, settings_of


@click.command()
@click.option("--collections", metavar="NAME,…", callback=read_collections, help="Serve documents of these collections only.")
@click.option(
    "--groups", metavar="GROUP,…", callback=read_groups, help="Of documents that name groups, serve those of these only."
)
@click.pass_context
def mcp(
    context: click.Context,
    collections: tuple[str, ...] | None,
    groups: tuple[str, ...] | None,
) -> None:
    """Serve the documents over the Model Context Protocol, on standard input and output; `qa serve` does so at /mcp."""
    from index.access.audience import Audience
    from qa.assembly import open_to_read

    try:
        from qa.mcp.server import mcp_server, serve_standard_input
    except ModuleNotFoundError as error:
        raise QuotableError("`qa mcp` needs the MCP SDK: run `make install EXTRAS=mcp` in the checkout") from error
    from qa.mcp.tools import Use

    settings = settings_of(context)
    audience = None if collections is None and groups is None else Audience(collections, groups or ())
    service = open_to_read(settings, say).readable_by(audience)
    use = Use(service, settings.public_url or f"http://{settings.host}:{settings.port}")
    serve_standard_input(mcp_server(lambda: use))
