"""`qa key create`, `qa key list` and `qa key revoke`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from qa.audit import Change
from qa.cli.console import as_printable_json, read_collections, read_groups, say, settings_of
from qa.operate.keys import Key, Role, create_key, last_used, read_keys, revoke_key
from qa.operate.state import audit_of, state_files_of


@click.group(name="key")
def keys() -> None:
    """Create, list and revoke API keys; callers on other machines need one."""


@keys.command()
@click.option(
    "--role",
    type=click.Choice([role.word for role in Role]),
    required=True,
    help="read: ask and read. write: also change documents.",
)
@click.option("--name", required=True, help="The person or program that the key is for.")
@click.option(
    "--collections", metavar="NAME,…", callback=read_collections, help="Bind it: it reads documents of these collections only."
)
@click.option(
    "--groups",
    metavar="GROUP,…",
    callback=read_groups,
    help="Bind it: of documents that name groups, it reads those of these groups only.",
)
@click.pass_context
def create(
    context: click.Context,
    role: str,
    name: str,
    collections: tuple[str, ...] | None,
    groups: tuple[str, ...] | None,
) -> None:
    """Create a key and print it. It is shown once: only its hash is stored."""
    settings = settings_of(context)
    secret = create_key(state_files_of(settings), name, Role[role.upper()], collections, groups)
    audit_of(settings).record(Change.CREATE_KEY, key=name, role=role, collections=collections, groups=groups)
    click.echo(secret)
    say("Keep it: it cannot be shown again. Send it in the header “Authorization: Bearer KEY”.")


@keys.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_context
def list_keys(context: click.Context, as_json: bool) -> None:
    """List the keys, without their secrets, and when each was last used."""
    files = state_files_of(settings_of(context))
    used = last_used(files)
    for key in read_keys(files):
        row = {"id": key.id, "name": key.name, "role": key.role.word, "created": key.created, "last_used": used.get(key.id)}
        if as_json:
            click.echo(as_printable_json(row | {"collections": key.collections, "groups": key.groups}))
        else:
            click.echo("\t".join([*(value or "never used" for value in row.values()), *_bindings(key)]))


def _bindings(key: Key) -> Iterator[str]:
    for name, bound in (("collections", key.collections), ("groups", key.groups)):
        if bound is not None:
            yield f"{name} {','.join(bound)}"


@keys.command()
@click.argument("name")
@click.pass_context
def revoke(context: click.Context, name: str) -> None:
    """Revoke the key with this NAME or id, with immediate effect."""
    settings = settings_of(context)
    revoked = revoke_key(state_files_of(settings), name)
    audit_of(settings).record(Change.REVOKE_KEY, key=revoked)
