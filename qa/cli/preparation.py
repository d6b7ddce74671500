"""`qa prepare`."""

from __future__ import annotations

import click

from qa.cli.console import say, settings_of


@click.command()
@click.pass_context
def prepare(context: click.Context) -> None:
    """Prepare the configured models for this machine, so that the next start need not; `make install` does it."""
    from qa.assembly import embedder_of, readers_of

    settings = settings_of(context)
    readers_of(settings, embedder_of(settings, settings.model, say), say)
