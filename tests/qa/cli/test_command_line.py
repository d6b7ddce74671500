"""The command `qa`: what it prints, what it exits with, and one clear line where something is not as it should be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner

from qa.cli.main import main

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def filled(data_folder: Callable[[], Path], qa: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that `qa add` filled with a text file and a Markdown file; no test changes it."""
    data, files = data_folder(), tmp_path_factory.mktemp("files")
    (files / "passports.txt").write_text("An adult passport costs £82.80.\n\nA child’s passport costs £53.50.\n", "utf-8")
    (files / "bins.md").write_text(
        "# Bins\n\n## Brown bins\n\nGarden waste is collected on Tuesdays.\n\n## Blue bins\n\nPaper.\n"
    )
    added = qa("--data", data, "add", files / "passports.txt", files / "bins.md")
    assert added.code == 0, added.stderr
    assert "passports.txt: added" in added.stdout
    assert "bins.md: added" in added.stdout
    return data


def assert_one_line(result: Any, code: int, *words: object) -> None:
    """It could not, says why in one line on stderr, and shows no traceback."""
    assert result.code == code, result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert all(str(word) in result.stderr for word in words), result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("question", ["who signed the mou", "What is the capital of France?", "memorandum & “quotes” 日本"])
def test_search_prints_the_json_that_http_answers(server: Any, qa: Run, question: str) -> None:
    printed = qa("--data", server.data, "search", question, "--json", "--limit", 7)
    assert printed.code == 0, printed.stderr
    assert printed.json() | {"took_ms": 0} == server.search(question, limit=7) | {"took_ms": 0}
    assert list(printed.json()) == list(server.search(question))


def test_search_prints_the_quote_and_the_passages(server: Any, qa: Run) -> None:
    result = qa("--data", server.data, "search", "Who signed the memorandum?")
    answer = server.search("Who signed the memorandum?")
    assert result.code == 0
    assert answer["answer"]["text"] in result.stdout.splitlines()[0]
    assert answer["results"][0]["text"] in result.stdout
    assert "press-release" in result.stdout


def test_search_says_so_where_nothing_answers_and_still_shows_the_nearest(server: Any, qa: Run) -> None:
    result = qa("--data", server.data, "search", "What is the capital of France?")
    assert result.code == 0
    assert result.stdout.startswith("Not in these documents")
    assert "Nearest passages" in result.stdout


def test_text_and_markdown_that_were_added_are_found_with_their_headings(filled: Path, qa: Run) -> None:
    found = qa("--data", filled, "search", "How much is an adult passport?", "--json").json()
    assert found["results"][0]["document"]["title"] == "passports"
    assert "£82.80" in found["results"][0]["text"]
    found = qa("--data", filled, "search", "When is garden waste collected?", "--json").json()
    assert found["results"][0]["text"] == "Garden waste is collected on Tuesdays."
    assert found["results"][0]["document"]["title"] == "Bins"
    assert found["results"][0]["headings"][-1] == "Brown bins"


def test_adding_a_file_again_replaces_it_and_finds_only_the_new_text(
    data_folder: Callable[[], Path], qa: Run, tmp_path: Path
) -> None:
    data, note = data_folder(), tmp_path / "note.txt"
    note.write_text("The meeting is on Monday.")
    assert "added" in qa("--data", data, "add", note).stdout
    assert "unchanged" in qa("--data", data, "add", note).stdout
    note.write_text("The meeting is on Friday.")
    assert "replaced" in qa("--data", data, "add", note).stdout
    found = qa("--data", data, "search", "When is the meeting?", "--json").json()
    assert [result["text"] for result in found["results"]] == ["The meeting is on Friday."]


def test_a_file_that_cannot_be_added_does_not_keep_the_others_out(
    data_folder: Callable[[], Path], qa: Run, tmp_path: Path
) -> None:
    data = data_folder()
    (tmp_path / "good.txt").write_text("The library opens at nine.")
    (tmp_path / "empty.txt").write_text(" \n")
    result = qa("--data", data, "add", tmp_path / "missing.txt", tmp_path / "empty.txt", tmp_path / "good.txt")
    assert result.code == 1
    assert "Traceback" not in result.stderr
    assert "2 of 3" in result.stderr
    for name in ("missing.txt", "empty.txt"):
        assert name in result.stdout + result.stderr
    assert "nine" in qa("--data", data, "search", "When does the library open?").stdout


def test_status_counts_what_is_there(filled: Path, qa: Run) -> None:
    result = qa("--data", filled, "status")
    assert result.code == 0
    facts = dict(line.split(None, 1) for line in result.stdout.replace("data folder", "folder").splitlines())
    assert facts["folder"] == str(filled)
    assert facts["documents"] == "2"
    assert int(facts["passages"]) >= 3


COMING_AND_GOING = """
import sys
from pathlib import Path
while True:
    for number in range(50):
        path = Path(sys.argv[1], str(number), "inner")
        path.mkdir(parents=True)
        path.rmdir()
        path.parent.rmdir()
"""


def test_status_is_told_while_folders_come_and_go(filled: Path) -> None:
    """As when one generation of the index takes the place of another."""
    with subprocess.Popen([sys.executable, "-c", COMING_AND_GOING, filled / "coming"]) as process:
        try:
            ended = [CliRunner().invoke(main, ["--data", str(filled), "status", "--json"]).exit_code for _ in range(40)]
        finally:
            process.kill()
    shutil.rmtree(filled / "coming")
    assert ended == [0] * 40


@pytest.mark.parametrize("command", [["search", "who"], ["search", "who", "--json"], ["status"]])
def test_a_missing_data_folder_is_told_in_one_line_and_not_made(qa: Run, tmp_path: Path, command: list[str]) -> None:
    assert_one_line(qa("--data", tmp_path / "missing", *command), 1, tmp_path / "missing", "qa serve")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["search", "who"], ["status"], ["serve", "--port", "0"], ["add", "pyproject.toml"]])
def test_a_data_folder_that_is_a_file_is_told_in_one_line(qa: Run, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert_one_line(qa("--data", tmp_path / "file", *command), 1, tmp_path / "file")


@pytest.mark.parametrize("command", [["search", "who"], ["status"], ["serve", "--port", "0"], ["add", "README.md"]])
def test_a_store_of_a_newer_format_is_told_in_one_line(
    data_folder: Callable[[], Path], qa: Run, tmp_path: Path, command: list[str]
) -> None:
    data, note = data_folder(), tmp_path / "note.txt"
    note.write_text("A note.")
    assert qa("--data", data, "add", note).code == 0
    with apsw.Connection(str(data / "store.sqlite")) as connection:
        connection.pragma("user_version", 999)
    connection.close()
    assert_one_line(qa("--data", data, *command), 1, "999", "newer")


@pytest.mark.parametrize("command", [["search", "who"], ["status"], ["serve", "--port", "0"], ["add", "README.md"]])
def test_a_store_that_is_something_else_is_told_in_one_line(
    data_folder: Callable[[], Path], qa: Run, command: list[str]
) -> None:
    data = data_folder()
    (data / "store.sqlite").write_bytes(b"these are not the bytes of a database" * 100)
    assert_one_line(qa("--data", data, *command), 1, "store.sqlite")


# Runs a command as a user who may not pass over file permissions, which root may: those two rights are laid down for good first.
WITHOUT_PRIVILEGE = """
import ctypes, os, sys
if os.geteuid() == 0:
    for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH; 24 is PR_CAPBSET_DROP
        assert ctypes.CDLL(None, use_errno=True).prctl(24, right, 0, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux capabilities")
@pytest.mark.parametrize("command", [["search", "who"], ["status"], ["serve", "--port", "0"], ["add", "README.md"]])
@pytest.mark.parametrize("closed", ["folder", "store"])
def test_a_data_folder_that_may_not_be_read_is_told_in_one_line(
    data_folder: Callable[[], Path], qa: Run, qa_path: Path, python: Run, tmp_path: Path, command: list[str], closed: str
) -> None:
    data, note = data_folder(), tmp_path / "note.txt"
    note.write_text("A note.")
    assert qa("--data", data, "add", note).code == 0
    shut = data if closed == "folder" else data / "store.sqlite"
    mode = shut.stat().st_mode
    shut.chmod(0)
    try:
        assert_one_line(python(WITHOUT_PRIVILEGE, qa_path, "--data", data, *command), 1, data)
    finally:
        shut.chmod(mode)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["search"],
        ["search", "one", "two"],
        ["search", ""],
        ["search", "  "],
        ["search", "x" * 2001],
        ["search", "who", "--limit", "0"],
        ["search", "who", "--limit", "101"],
        ["search", "who", "--limit", "x"],
        ["search", "who", "--nonsense"],
        ["add"],
        ["serve", "--port", "x"],
        ["status", "surplus"],
    ],
    ids=lambda words: " ".join(words)[:30] or "nothing",
)
def test_wrong_usage_exits_with_two_and_no_traceback(qa: Run, tmp_path: Path, words: list[str]) -> None:
    result = qa("--data", tmp_path / "data", *words)
    assert result.code == 2
    assert result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "data").exists()


def test_a_question_that_is_not_unicode_is_wrong_usage(qa_path: Path, python: Run, tmp_path: Path) -> None:
    program = "import subprocess, sys; sys.exit(subprocess.run([*map(str.encode, sys.argv[1:]), b'who \\xff']).returncode)"
    result = python(program, qa_path, "--data", tmp_path / "data", "search")
    assert result.code == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], ["serve", "--help"], ["search", "-h"]])
def test_help_and_version_exit_with_zero(qa: Run, words: list[str]) -> None:
    result = qa(*words)
    assert result.code == 0
    assert result.stdout
    assert result.stderr == ""


def test_a_second_writer_is_refused_with_the_id_of_the_first_and_readers_are_not(server: Any, qa: Run, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("A note.")
    assert_one_line(qa("--data", server.data, "add", note), 1, server.process.pid)
    assert_one_line(qa("--data", server.data, "serve", "--port", "0"), 1, server.process.pid)
    assert qa("--data", server.data, "status").code == 0
    assert qa("--data", server.data, "search", "memorandum").code == 0


def test_output_into_a_closed_pipe_ends_without_a_traceback(server: Any, qa_path: Path, run_process: Run) -> None:
    result = run_process("sh", "-c", f"'{qa_path}' --data '{server.data}' search memorandum --json | head -c 1")
    assert result.stdout == "{"
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_cannot_show_every_character_is_shown_the_others(server: Any, qa: Run, encoding: str) -> None:
    words = ["--data", server.data, "search", "the UK AI Opportunities Action Plan"]
    shown = qa(*words, PYTHONIOENCODING=encoding)
    assert shown.code == 0, shown.stderr
    assert "AI Opportunities Action Plan" in shown.stdout
    printed = qa(*words, "--json", PYTHONIOENCODING=encoding)
    assert printed.code == 0, printed.stderr
    assert printed.json()["results"] == server.search(words[-1])["results"]
