"""`qa config`: what can be set, what is set, and where."""

from __future__ import annotations

from dataclasses import asdict

import click

from qa.cli.console import as_printable_json, configuration_of, say
from qa.settings.settings import unknown_variables


@click.command()
@click.option(
    "--toml", "as_toml", is_flag=True, help="Print a configuration file that sets what is set now and names the rest."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a setting, a line each.")
@click.pass_context
def config(context: click.Context, as_toml: bool, as_json: bool) -> None:
    """Show every setting: its value, its default, where it was set, and what it is."""
    from qa.settings import listing as settings_listing

    configuration = configuration_of(context)
    for line in unknown_variables():
        say(line)
    if as_toml:
        click.echo(settings_listing.as_toml(configuration), nl=False)
        return
    for row in settings_listing.rows(configuration):
        if as_json:
            click.echo(as_printable_json(asdict(row)))
            continue
        value, default = as_printable_json(row.value), as_printable_json(row.default)
        where = "default" if row.source == "default" else f"{row.source}; default {default}"
        click.echo(f"{row.name} = {value}  ({where})\n    {row.description}")
