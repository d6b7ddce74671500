"""`qa serve`."""

from __future__ import annotations

import click

from qa.commands.console import say, settings_of


@click.command()
@click.option("--host", help="The address to serve on (default: 127.0.0.1).")
@click.option("--port", type=int, help="The port to serve on (default: 8000).")
@click.pass_context
def serve(context: click.Context, host: str | None, port: int | None) -> None:
    """Answer over HTTP."""
    from qa.web.server import serve as serve_until_stopped

    serve_until_stopped(settings_of(context, host=host, port=port), say)
