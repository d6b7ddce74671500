"""The distribution's name and installed version. On PyPI the name `quotable` belongs to another project."""

from __future__ import annotations

from importlib.metadata import version

DISTRIBUTION = "quotable-qa"


def installed_version() -> str:
    return version(DISTRIBUTION)
