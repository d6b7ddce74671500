"""`qa audit`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from qa.cli.console import as_printable_json, say, settings_of
from qa.operate.state import audit_of

_SHOWN_FIRST = ("format", "at", "who", "what", "outcome", "documents", "key")


def _read_time(context: click.Context, option: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        given = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a date or time such as 2026-11-28 or 2026-11-28T09:30Z") from error
    return given if given.tzinfo else given.replace(tzinfo=UTC)


@click.command()
@click.option(
    "--since", metavar="TIME", callback=_read_time, help="Only changes since a date or time, in UTC unless it says else."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_context
def audit(context: click.Context, since: datetime | None, as_json: bool) -> None:
    """List who changed documents and keys, the newest last."""
    count = 0
    for entry in audit_of(settings_of(context)).entries(since):
        click.echo(as_printable_json(entry) if as_json else "\t".join(_columns(entry)))
        count += 1
    if not count and not as_json:
        say("No changes.")


def _columns(entry: Mapping[str, Any]) -> list[str]:
    about = " ".join(entry.get("documents", ())) or entry.get("key", "")
    others = [
        f"{name} {value if isinstance(value, str) else ','.join(value)}"
        for name, value in entry.items()
        if name not in _SHOWN_FIRST
    ]
    return [entry["at"], entry["who"], entry["what"], entry["outcome"], about, *others]
