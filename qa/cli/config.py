"""`qa config`."""

from __future__ import annotations

from dataclasses import asdict

import click

from qa.cli.console import as_printable_json, configuration_of, say
from qa.settings.reading import unknown_variables


@click.command()
@click.option(
    "--toml", is_flag=True, help="Print a configuration file with the current values; the other settings are comments."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per setting, one per line.")
@click.pass_context
def config(context: click.Context, toml: bool, as_json: bool) -> None:
    """Show every setting: its value, its default, where it was set, and its description."""
    from qa.settings.listing import as_toml, rows

    configuration = configuration_of(context)
    for line in (*configuration.warnings, *unknown_variables()):
        say(f"qa: {line}")
    if toml:
        click.echo(as_toml(configuration), nl=False)
        return
    for row in rows(configuration):
        if as_json:
            click.echo(as_printable_json(asdict(row)))
            continue
        value, default = as_printable_json(row.value), as_printable_json(row.default)
        where = "default" if row.source == "default" else f"{row.source}; default {default}"
        click.echo(f"{row.name} = {value}  ({where})\n    {row.description}")
