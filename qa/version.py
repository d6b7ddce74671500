"""The name on PyPI and the installed version."""

from __future__ import annotations

from importlib.metadata import version

DISTRIBUTION = "quotable"


def installed_version() -> str:
    return version(DISTRIBUTION)
