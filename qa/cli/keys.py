"""`qa key create`, `qa key list` and `qa key revoke`: who may ask from elsewhere."""

from __future__ import annotations

import click

from qa.cli.console import as_printable_json, say, settings_of
from qa.operate.keys import Role, create_key, last_used, read_keys, revoke_key


@click.group(name="key")
def keys() -> None:
    """Make, list and revoke the keys that other machines need."""


@keys.command()
@click.option(
    "--role",
    type=click.Choice([role.word for role in Role]),
    required=True,
    help="read: ask and read. write: also change documents.",
)
@click.option("--name", required=True, help="Whom or what the key is for.")
@click.pass_context
def create(context: click.Context, role: str, name: str) -> None:
    """Make a key and print it, once: only its hash is kept."""
    secret = create_key(settings_of(context).data, name, Role[role.upper()])
    click.echo(secret)
    say("Keep it: it cannot be shown again. Send it as the header “Authorization: Bearer KEY”.")


@keys.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def list_keys(context: click.Context, as_json: bool) -> None:
    """List the keys, without their secrets, and when each was last used."""
    folder = settings_of(context).data
    used = last_used(folder)
    for key in read_keys(folder):
        shown = {"id": key.id, "name": key.name, "role": key.role.word, "created": key.created, "last_used": used.get(key.id)}
        click.echo(as_printable_json(shown) if as_json else "\t".join(value or "never used" for value in shown.values()))


@keys.command()
@click.argument("name")
@click.pass_context
def revoke(context: click.Context, name: str) -> None:
    """Take back the key with this NAME or id, at once."""
    revoke_key(settings_of(context).data, name)
