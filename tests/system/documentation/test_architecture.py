"""docs/architecture.md against the tree: every room is on the map, and every path that the page names exists."""

from __future__ import annotations

import re

import pytest

from tests.system.documentation.documented import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
PACKAGES = ("corpus", "index", "qa")


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def paths(text: str) -> list[str]:
    return re.findall(rf"^\| `((?:{'|'.join(PACKAGES)})/[\w/.]*)` \|", text, re.MULTILINE)


def test_lists_every_room_once() -> None:
    rooms = sorted(
        f"{file.parent.relative_to(ROOT)}/" for package in PACKAGES for file in (ROOT / package).rglob("__init__.py")
    )
    assert sorted(paths(section("Map"))) == rooms


@pytest.mark.parametrize("heading", ["The way of a question", "The way of a document"])
def test_names_modules_that_exist_on_both_ways(heading: str) -> None:
    found = paths(section(heading))
    assert len(found) > 5
    assert [path for path in found if not (ROOT / path).exists()] == []


def test_passes_at_most_eight_modules_before_the_dense_index() -> None:
    way = paths(section("The way of a question"))
    assert way.index("index/embedded/dense/") <= 8
