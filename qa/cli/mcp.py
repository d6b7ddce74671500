"""`qa mcp`."""

from __future__ import annotations

import click

from corpus.types import QuotableError
from qa.cli.console import read_collections, read_groups, say, settings_of


@click.command()
@click.option(
    "--http", is_flag=True, help="Serve streamable HTTP at /mcp, for this machine only, instead of standard input and output."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8001, show_default=True, help="The port with --http.")
@click.option("--collections", metavar="NAME,…", callback=read_collections, help="Serve documents of these collections only.")
@click.option(
    "--groups", metavar="GROUP,…", callback=read_groups, help="Of documents that name groups, serve those of these only."
)
@click.pass_context
def mcp(
    context: click.Context,
    http: bool,
    port: int,
    collections: tuple[str, ...] | None,
    groups: tuple[str, ...] | None,
) -> None:
    """Serve the documents over the Model Context Protocol."""
    from index.access.audience import Audience
    from qa.assembly import open_to_read

    try:
        from qa.mcp.server import mcp_server
    except ModuleNotFoundError as error:
        raise QuotableError("`qa mcp` needs the MCP SDK: run `make install EXTRAS=mcp` in the checkout") from error
    settings = settings_of(context)
    site = f"http://{settings.host}:{settings.port}"
    audience = None if collections is None and groups is None else Audience(collections, groups or ())
    server = mcp_server(open_to_read(settings, say).readable_by(audience), site)
    if http:
        server.run("streamable-http", host="127.0.0.1", port=port, json_response=True, stateless_http=True)
    else:
        server.run("stdio")
