"""Show the settings: a row for each, and a TOML file that sets them. Neither contains secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.settings.names import variables
from qa.settings.reading import Configuration
from qa.settings.settings import SECRETS, Settings

HIDDEN = "(set, not shown)"
# The user name and password before the @ of an address.
_CREDENTIALS = re.compile(r"(?<=//)[^/]*(?=@)")


@dataclass(frozen=True, slots=True)
class Row:
    """A setting. `source`: `default`, or where it was set. Values have JSON types."""

    name: str
    value: Any
    default: Any
    source: str
    variable: str
    description: str


def rows(configuration: Configuration) -> Iterator[Row]:
    for name, field in Settings.model_fields.items():
        value = _shown(name, getattr(configuration.settings, name))
        source = configuration.sources.get(name, "default")
        yield Row(name, value, _plain(field.default), source, variables(name)[0], str(field.description))


def as_toml(configuration: Configuration) -> str:
    """A file that sets the current values; every other setting is a comment with its default or an example.

    Reading it gives the same settings, except for secrets and addresses with passwords.
    """
    lines = [
        "# Quotable's settings. Pass this file with `qa --config FILE` or QA_CONFIG. The command line and the environment",
        "# take precedence. Lines that start with # show a default, or an example if there is none; remove the # to set one.",
    ]
    for row in rows(configuration):
        lines += ["", f"# {row.description}"]
        shown = row.value != HIDDEN and _CREDENTIALS.search(str(row.value)) is None
        if row.source != "default" and shown and row.value is not None:
            lines.append(f"{row.name} = {_toml(row.value)}")
            continue
        examples = Settings.model_fields[row.name].examples
        lines.append(f"#{row.name} = {_toml(examples[0] if examples else row.default)}")
    return "\n".join(lines) + "\n"


def _shown(name: str, value: Any) -> Any:
    if name in SECRETS and value is not None:
        return HIDDEN
    plain = _plain(value)
    return _CREDENTIALS.sub("…", plain) if isinstance(plain, str) else plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: each.model_dump(mode="json", exclude_none=True) for name, each in value.items()}
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _toml(value: Any) -> str:
    """Booleans, numbers, strings and lists of strings look the same in TOML and JSON."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
