"""The settings of a command, messages on standard error, and JSON that the terminal can show."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from corpus.types import QuotableError
from qa.settings.reading import Configuration, read_configuration
from qa.settings.settings import Settings


def settings_of(context: click.Context, **overrides: Any) -> Settings:
    """The settings of this call, with a message for each deprecated name. `overrides`: the command's own options."""
    configuration = configuration_of(context, **overrides)
    for warning in configuration.warnings:
        say(f"qa: {warning}")
    return configuration.settings


def folder_settings_of(context: click.Context, **overrides: Any) -> Settings:
    """As `settings_of`, for a command that works on a data folder."""
    settings = settings_of(context, **overrides)
    if settings.engine:
        raise QuotableError("this command works on a data folder, and the setting `engine` names a cluster; see docs/scale.md")
    return settings


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
