"""What every command needs of the console: its settings, where it talks, and JSON that the terminal can show."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from qa.settings.settings import Configuration, Settings, read_configuration


def settings_of(context: click.Context, **overrides: Any) -> Settings:
    """The settings in force for this call; `overrides` are the command's own options, None where they were not given."""
    return configuration_of(context, **overrides).settings


def configuration_of(context: click.Context, **overrides: Any) -> Configuration:
    """The same with where each setting was set."""
    return read_configuration(context.obj | overrides)


def say(message: str) -> None:
    """Tell the person, on standard error: standard output is for what was asked for."""
    click.echo(message, err=True)


def as_printable_json(value: Any, indent: int | None = None) -> str:
    """JSON with its characters as they are, or escaped where standard output cannot write them."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text
