"""Commands in the documentation: those in code blocks are run, those in sentences must exist with their options."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from qa.cli.main import main
from tests.system.documentation.documented import PAGES, ROOT, fenced, inline

# Pages whose commands another test runs.
RUN_ELSEWHERE = {"README.md": "test_readme.py", "docs/getting-started.md": "test_getting_started.py"}
# Commands that set up a machine with systemd or a container engine; tests/system/deployment tests it.
SETS_UP = {
    "sudo useradd --system --no-create-home --home-dir /nonexistent quotable",
    "sudo install -d /etc/quotable",
    "/opt/quotable/.venv/bin/qa config --toml | sudo tee /etc/quotable/quotable.toml",
    "sudo cp /opt/quotable/docs/deploy/quotable.service /etc/systemd/system/",
    "sudo systemctl enable --now quotable",
    "sudo -u quotable /opt/quotable/.venv/bin/qa --data /var/lib/quotable status",
    "podman build --tag quotable --file docs/deploy/Containerfile .",
    "podman run --rm --volume quotable:/data quotable key create --role write --name me",
    "podman run --detach --name quotable --read-only --cap-drop all --security-opt no-new-privileges --publish 127.0.0.1:8000:8000"
    " --volume quotable:/data quotable",
}
FENCED = {page.relative_to(ROOT).as_posix(): fenced(page) for page in PAGES}
RUN_HERE = {
    page: lines for page, lines in FENCED.items() if page not in RUN_ELSEWHERE and any(line not in SETS_UP for line in lines)
}
MENTIONED = sorted({command for page in PAGES for command in (*fenced(page), *inline(page))})


def parse(words: list[str]) -> None:
    """Raise click.UsageError or AssertionError for an unknown command, option, choice or argument of `qa`.

    Arguments and the last option's value may be missing, as in a sentence that names a command.
    """
    command: click.Command = main
    while True:
        parser = command.make_parser(click.Context(command))
        try:
            given, rest, _ = parser.parse_args(list(words))
        except click.NoSuchOption:
            raise
        except click.BadOptionUsage:
            given, rest, _ = parser.parse_args([*words, "VALUE"])
        for parameter in command.params:
            if isinstance(parameter.type, click.Choice) and parameter.name in given:
                parameter.type.convert(given[parameter.name], parameter, None)
        if not isinstance(command, click.Group):
            assert not rest, f"{command.name} takes no {rest}"
            return
        if not rest:
            return
        assert rest[0] in command.commands, f"there is no command {rest[0]}"
        command, words = command.commands[rest[0]], rest[1:]


def check_make(words: list[str]) -> None:
    declared = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert declared
    assert {word for word in words if "=" not in word} <= set(declared[1].split())
    extras = {extra for word in words if word.startswith("EXTRAS=") for extra in word.removeprefix("EXTRAS=").split(",")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert extras <= set(project["optional-dependencies"])


def check_python(words: list[str]) -> None:
    assert words[0] == "-m"
    module = ROOT / words[1].replace(".", "/")
    runs = [file for file in (module.with_suffix(".py"), module / "__main__.py") if file.exists()]
    assert runs or importlib.util.find_spec(words[1]), f"there is no module {words[1]}"
    assert all(file.name == "__main__.py" or '__name__ == "__main__"' in file.read_text("utf-8") for file in runs)


CHECKS = {"qa": parse, "make": check_make, "python": check_python}


def check(command: str) -> None:
    """Check each command of the project in a line, also after a pipe or `sudo`."""
    for part in re.split(r" [|>] ", command):
        words = shlex.split(part, comments=True)
        for place, word in enumerate(words):
            if Path(word).name in CHECKS and (place == 0 or "/" in word):
                CHECKS[Path(word).name](words[place + 1 :])
                break


@pytest.mark.parametrize("command", MENTIONED)
def test_mentioned_commands_exist(command: str) -> None:
    check(command)


@pytest.mark.parametrize(
    "command",
    [
        "qa serve --address x", "qa sing", "qa key create --role owner", "qa key burn", "qa serve now", "make cake",
        "sudo -u q /bin/qa sing",
        "python -m benchmarks.none", "python -m benchmarks.speed.clients", "make install EXTRAS=gold",
    ],
)  # fmt: skip
def test_detects_commands_that_do_not_exist(command: str) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        check(command)


def test_set_up_commands_are_documented_unchanged() -> None:
    assert {line for lines in FENCED.values() for line in lines} >= SETS_UP
    container = [shlex.split(line) for line in SETS_UP if line.startswith("podman run")]
    for words in container:
        parse(words[len(words) - words[::-1].index("quotable") :])


@pytest.mark.parametrize("page", RUN_HERE)
def test_runs_the_commands_of_a_page(
    page: str, data_folder: Callable[[], Path], qa: Any, start_server: Any, tmp_path: Path
) -> None:
    """In page order, on a folder with the press release and questions about it."""
    data = data_folder()
    start_server(data).stop()
    asked = [
        {"question": q, "relevant": "memorandum of understanding"}
        for q in (f"Who signed the memorandum {n}?" for n in range(10))
    ]
    foreign = [{"question": f"How many goals were scored in match {n}?", "answerable": False} for n in range(10)]
    (tmp_path / "questions.jsonl").write_text("\n".join(json.dumps(question) for question in asked + foreign))
    (tmp_path / "invariants.jsonl").write_text(json.dumps({"question": "Who signed?", "quote": "Memorandum of Understanding"}))
    (tmp_path / "rules.toml").write_text('[[rule]]\nwords = ["signed"]\npin = ["press-release"]\n')
    for line in RUN_HERE[page]:
        words = shlex.split(line, comments=True)
        settings = dict(word.split("=", 1) for word in words[: words.index("qa")]) if "qa" in words else {}
        words = words[len(settings) :]
        assert words[0] == "qa", f"no test runs {line}"
        if words[1] == "serve":
            with start_server(data, *words[2:], **settings) as running:
                assert running.get("/").status == 200
            continue
        ended = qa(*words[1:], cwd=tmp_path, QA_DATA=str(data), **settings)
        assert ended.code == 0, f"{line}: {ended.stderr}"
        if words[1] == "eval":
            assert all((tmp_path / name).exists() for name in words[4:] if name.endswith((".html", ".jsonl")))
