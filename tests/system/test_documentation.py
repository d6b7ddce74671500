"""Every route, command and setting stands in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qa.cli import main
from qa.settings import Settings
from qa.web.application import create_app

ROOT = Path(__file__).parents[2]
HTTP = (ROOT / "docs" / "http.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
ROUTES = sorted(
    {re.sub(r"<(?:\w+:)?\w+>", "{id}", rule.rule) for rule in create_app(lambda: None).url_map.iter_rules()} - {"/static/{id}"}
)


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_is_documented(route: str) -> None:
    assert re.search(rf"{re.escape(route)}(?![\w/])", HTTP)


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_is_documented(command: str) -> None:
    assert f"`qa {command}" in OPERATIONS


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_variable(name: str) -> None:
    assert f"`{name}`" in OPERATIONS
    assert f"`QA_{name.upper()}`" in OPERATIONS
