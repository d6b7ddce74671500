"""The settings as they are shown: a row for each, and the TOML file that would set them. Secrets are not in either."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.settings.settings import SECRETS, Configuration, Settings, variables

NOT_SHOWN = "(set, and not shown)"
# What stands before the @ of an address: a name and a password.
_CREDENTIALS = re.compile(r"(?<=//)[^/]*(?=@)")


@dataclass(frozen=True, slots=True)
class Row:
    """A setting. `source` is `default`, or where it was set. Values are plain ones, as JSON and TOML have them."""

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
    """A file that sets what is set now; each other setting stands in a comment, with its default or an example.

    Read back it gives the same settings, but for secrets and passwords in addresses.
    """
    lines = [
        "# Quotable's settings: name this file with `qa --config FILE` or QA_CONFIG. The command line and the environment go",
        "# before it. A setting behind a # has its default, or an example where that is none; take the # away to change it.",
    ]
    for row in rows(configuration):
        lines += ["", f"# {row.description}"]
        shown = row.value != NOT_SHOWN and _CREDENTIALS.search(str(row.value)) is None
        if row.source != "default" and shown and row.value is not None:
            lines.append(f"{row.name} = {_toml(row.value)}")
            continue
        examples = Settings.model_fields[row.name].examples
        lines.append(f"#{row.name} = {_toml(examples[0] if examples else row.default)}")
    return "\n".join(lines) + "\n"


def _shown(name: str, value: Any) -> Any:
    if name in SECRETS and value is not None:
        return NOT_SHOWN
    plain = _plain(value)
    return _CREDENTIALS.sub("…", plain) if isinstance(plain, str) else plain


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _toml(value: Any) -> str:
    """Of booleans, numbers, strings and lists of strings, which TOML writes as JSON does."""
    return json.dumps(value, ensure_ascii=False)
