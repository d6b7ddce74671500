"""Finds the commands in the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
# Languages of code blocks without commands.
DATA = {"json", "toml", "yaml", "python", "html"}
PROGRAMS = ("qa", "make", "curl", "python", "pip")


def fenced(page: Path) -> list[str]:
    """The command lines in a page's shell blocks, in order."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [
        line.strip()
        for language, block in blocks
        if language not in DATA
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]


def inline(page: Path) -> Iterator[str]:
    """The commands in sentences and tables, such as `qa check --repair`."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for code in re.findall(r"`([^`]+)`", prose):
        command = " ".join(code.split())
        if command.split()[0] in PROGRAMS and " " in command:
            yield command
