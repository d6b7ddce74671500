"""The settings of a command, names in its options, messages on standard error, and JSON that the terminal can show."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from qa.settings.reading import Configuration, read_configuration
from qa.settings.settings import Settings

Value = TypeVar("Value")
Name = TypeVar("Name")


def read_collection(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """The name of a collection, as the callback of an option."""
    from index.access.audience import check_collection

    return None if value is None else _checked(check_collection, value)


def read_collections(context: click.Context, option: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Names of collections separated by commas, as the callback of an option."""
    from index.access.audience import check_collection

    return None if value is None else tuple(_checked(check_collection, name.strip()) for name in value.split(","))


def read_groups(context: click.Context, option: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Names of groups separated by commas, as the callback of an option."""
    from index.access.audience import check_groups

    return None if value is None else _checked(check_groups, [name.strip() for name in value.split(",")])


def _checked(check: Callable[[Value], Name], value: Value) -> Name:
    from index.access.audience import InvalidName

    try:
        return check(value)
    except InvalidName as error:
        raise click.BadParameter(f"{value!r} {error}") from error


def settings_of(context: click.Context, **overrides: Any) -> Settings:
    """The settings of this call, with a message for each deprecated name. `overrides`: the command's own options."""
    configuration = configuration_of(context, **overrides)
    for warning in configuration.warnings:
        say(f"qa: {warning}")
    return configuration.settings


def configuration_of(context: click.Context, **overrides: Any) -> Configuration:
    """The settings with the source of each; None in `overrides` means that an option was not given."""
    return read_configuration(context.obj | overrides)


def say(message: str) -> None:
    """Print a message on standard error; standard output is for results."""
    click.echo(message, err=True)


def as_printable_json(value: Any, indent: int | None = None) -> str:
    """JSON, with characters escaped that standard output cannot encode."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text
