"""Runs every command of the README; checks that settings, commands and routes are documented."""

from __future__ import annotations

import http.client
import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest

from qa.cli.main import main
from qa.settings.settings import Settings
from qa.web.application import create_app
from tests.system.documentation.documented import ROOT, fenced

README = (ROOT / "README.md").read_text("utf-8")
DOCS = README + "".join(path.read_text("utf-8") for path in sorted((ROOT / "docs").rglob("*.md")))
COMMANDS = fenced(ROOT / "README.md")
NOTE = "Refunds are paid within ten working days.\n"


class Reader:
    """Follows the README in a new folder; the tests' server takes the place of `make serve`."""

    def __init__(self, folder: Path, server: Any, qa_path: Path, run: Callable[..., Any]) -> None:
        self.folder, self._server, self._qa, self._run = folder, server, qa_path, run

    def do(self, command: str) -> None:
        words = shlex.split(command, comments=True)
        {"make": self._make, "curl": self._curl, "qa": self._ask}[Path(words[0]).name](words[1:])

    def _make(self, words: list[str]) -> None:
        """Dry runs only: `make test` is running, and it has installed everything."""
        if "test" in words or "serve" in words or "install" in words:
            planned = self._run("make", "--dry-run", "--always-make", *words, cwd=ROOT)
            assert planned.code == 0, planned.stderr
            for word in words:
                name, assigned, value = word.partition("=")
                if assigned:
                    assert value in planned.stdout, f"{name} reaches no command"
        else:
            planned = self._run("make", "--dry-run", *words, cwd=ROOT)
            assert planned.code == 0, planned.stderr

    def _curl(self, words: list[str]) -> None:
        (address,) = [word for word in words if word.startswith("http")]
        asked = urlsplit(address)
        assert asked.netloc == "127.0.0.1:8000"
        here = [word.replace(asked.netloc, f"{self._server.host}:{self._server.port}") for word in words]
        if shutil.which("curl"):
            result = self._run("curl", "--fail", *here)
            assert result.code == 0, result.stderr
            found = result.json()
        else:
            assert words in ([address], ["-s", address]), "without curl only plain requests can be made"
            connection = http.client.HTTPConnection(self._server.host, self._server.port)
            connection.request("GET", f"{asked.path}?{asked.query}")
            found = json.loads(connection.getresponse().read())
            connection.close()
        if asked.path == "/v1/search":
            assert "Sam Altman" in found["results"][0]["text"]

    def _ask(self, words: list[str]) -> None:
        words = [str(self.folder / "note.txt") if word == "FILE" else word for word in words]
        result = self._run(self._qa, *words, cwd=self.folder, QA_DATA=str(self._server.data))
        assert result.code == 0, result.stderr
        assert result.stdout
        if "search" in words and "refunds" in words[-1]:
            assert NOTE.strip() in result.stdout
        if "--json" in words:
            assert result.json()["results"]


@pytest.fixture(scope="module")
def reader(
    server: Any,
    data_folder: Callable[[], Path],
    qa_path: Path,
    run_process: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Reader:
    folder = tmp_path_factory.mktemp("reader")
    (folder / "note.txt").write_text(NOTE)
    # The folders that commands name with --data, with a prepared model.
    for name in re.findall(r"--data (\S+)", "\n".join(COMMANDS)):
        if not (folder / name).exists():
            data_folder().rename(folder / name)
    return Reader(folder, server, qa_path, run_process)


def test_starts_with_make_serve_and_make_test() -> None:
    assert COMMANDS[:2] == ["make serve", "make test"]


def test_shows_http_and_command_line() -> None:
    assert any(command.startswith("curl ") for command in COMMANDS)
    assert any(re.search(r"\bqa .*search ", command) for command in COMMANDS)
    assert any(re.search(r"\bqa .*add ", command) for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_runs_every_command(reader: Reader, command: str) -> None:
    reader.do(command)


def test_every_code_block_is_run() -> None:
    assert set(re.findall(r"^```(\w*)$", README, re.MULTILINE)) <= {"sh", "json", ""}


def test_every_linked_file_exists() -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", README):
        assert (ROOT / target).exists(), target


def test_every_setting_is_documented() -> None:
    for name in Settings.model_fields:
        assert f"`QA_{name.upper()}`" in DOCS, name


def test_every_command_is_documented() -> None:
    assert isinstance(main, click.Group)
    for name, command in main.commands.items():
        assert re.search(rf"\bqa (--data \S+ )?{name}\b", DOCS), name
        assert command.help


def test_every_route_is_documented() -> None:
    for rule in create_app(lambda: None).url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        path = re.sub(r"<(?:\w+:)?(\w*_)?id>", "{id}", rule.rule)
        path = path.replace("<int:number>", "{n}").replace("<version:version>", "{version}")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert re.search(rf"{method}\b[^\n]* ?{re.escape(path)}[^\w/]|`{re.escape(path)}`", DOCS), f"{method} {path}"


def test_every_makefile_target_has_a_dry_run(run_process: Callable[..., Any]) -> None:
    declared = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert declared
    for target in declared[1].split():
        planned = run_process("make", "--dry-run", target, cwd=ROOT)
        assert planned.code == 0, planned.stderr
