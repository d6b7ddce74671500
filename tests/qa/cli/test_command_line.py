"""The command `qa`: its output, its exit codes, and one-line errors without tracebacks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner

from qa.cli.main import main
from tests.conftest import Finished, MakeFolder, RunProcess, Server


@pytest.fixture(scope="module")
def filled(data_folder: MakeFolder, qa: RunProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a text file and a Markdown file, added by `qa add`. Tests must not change it."""
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


@pytest.fixture(scope="module")
def noted(data_folder: MakeFolder, qa: RunProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a note, for tests that damage a copy."""
    data, note = data_folder(), tmp_path_factory.mktemp("notes") / "note.txt"
    note.write_text("A note.")
    assert qa("--data", data, "add", note).code == 0
    return data


def assert_one_line(result: Finished, code: int, *words: object) -> None:
    """The command failed with one line on standard error."""
    assert result.code == code, result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert all(str(word) in result.stderr for word in words), result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("question", ["who signed the mou", "What is the capital of France?", "memorandum & “quotes” 日本"])
def test_search_prints_the_json_of_http(server: Server, qa: RunProcess, question: str) -> None:
    printed = qa("--data", server.data, "search", question, "--json", "--limit", 7)
    assert printed.code == 0, printed.stderr
    assert printed.json() | {"took_ms": 0} == server.search(question, limit=7) | {"took_ms": 0}
    assert list(printed.json()) == list(server.search(question))


def test_search_prints_the_quote_and_the_passages(server: Server, qa: RunProcess) -> None:
    result = qa("--data", server.data, "search", "Who signed the memorandum?")
    answer = server.search("Who signed the memorandum?")
    assert result.code == 0
    label, quote = result.stdout.splitlines()[:2]
    assert label == f"Likely the answer (confidence {answer['confidence']:.2f}):"
    assert answer["answer"]["text"] in quote
    assert answer["results"][0]["text"] in result.stdout
    assert "press-release" in result.stdout


def test_search_without_an_answer_shows_the_nearest_passages(server: Server, qa: RunProcess) -> None:
    result = qa("--data", server.data, "search", "What is the capital of France?")
    assert result.code == 0
    assert result.stdout.startswith("Not in these documents")
    assert "Nearest passages" in result.stdout


def test_added_files_are_found_with_their_headings(filled: Path, qa: RunProcess) -> None:
    found = qa("--data", filled, "search", "How much is an adult passport?", "--json").json()
    assert found["results"][0]["document"]["title"] == "passports"
    assert "£82.80" in found["results"][0]["text"]
    found = qa("--data", filled, "search", "When is garden waste collected?", "--json").json()
    assert found["results"][0]["text"] == "Garden waste is collected on Tuesdays."
    assert found["results"][0]["document"]["title"] == "Bins"
    assert found["results"][0]["headings"][-1] == "Brown bins"


def test_adding_a_file_again_replaces_it(data_folder: MakeFolder, qa: RunProcess, tmp_path: Path) -> None:
    data, note = data_folder(), tmp_path / "note.txt"
    note.write_text("The meeting is on Monday.")
    assert "added" in qa("--data", data, "add", note).stdout
    assert "unchanged" in qa("--data", data, "add", note).stdout
    note.write_text("The meeting is on Friday.")
    assert "replaced" in qa("--data", data, "add", note).stdout
    found = qa("--data", data, "search", "When is the meeting?", "--json").json()
    assert [result["text"] for result in found["results"]] == ["The meeting is on Friday."]


def test_add_continues_after_a_file_that_fails(data_folder: MakeFolder, qa: RunProcess, tmp_path: Path) -> None:
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


def test_status_counts_documents_and_passages(filled: Path, qa: RunProcess) -> None:
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


def test_status_while_folders_are_created_and_removed(filled: Path) -> None:
    """As happens when a new generation of the index replaces the old one."""
    with subprocess.Popen([sys.executable, "-c", COMING_AND_GOING, filled / "coming"]) as process:
        try:
            ended = [CliRunner().invoke(main, ["--data", str(filled), "status", "--json"]).exit_code for _ in range(40)]
        finally:
            process.kill()
    shutil.rmtree(filled / "coming")
    assert ended == [0] * 40


@pytest.mark.parametrize("command", [["status"], ["list"], ["chat"], ["why-not", "who", "press-release"]])
def test_a_missing_data_folder_is_reported_and_not_created(qa: RunProcess, tmp_path: Path, command: list[str]) -> None:
    assert_one_line(qa("--data", tmp_path / "missing", *command), 1, tmp_path / "missing", "qa serve")
    assert list(tmp_path.iterdir()) == []


def test_search_creates_a_missing_data_folder_with_the_press_release(qa: RunProcess, data_folder: MakeFolder) -> None:
    data = data_folder()  # contains the exported model only
    first = qa("--data", data, "search", "Who signed the memorandum?")
    assert first.code == 0, first.stderr
    assert "Sam Altman" in first.stdout
    assert "press release" in first.stderr
    assert qa("--data", data, "search", "Who signed the memorandum?").stderr == ""
    assert qa("--data", data, "status", "--json").json()["documents"] == 1


def test_data_and_config_are_accepted_before_and_after_the_command(qa: RunProcess, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("port = 1")
    options = ["--data", "here", "--config", tmp_path / "my.toml"]
    before = qa(*options, "config", "--json")
    assert '"here", "default": "qa-data", "source": "on the command line"' in before.stdout
    assert f'"value": 1, "default": 8000, "source": "in {tmp_path / "my.toml"}"' in before.stdout
    for words in (
        ["config", "--json", *options],
        [*options, "config", "--json", *options],
        ["--data", "here", "config", "--json", *options[2:]],
    ):
        assert (qa(*words).code, qa(*words).stdout) == (0, before.stdout)
    assert qa("key", "list", "--data", tmp_path / "keys").code == 0


@pytest.mark.parametrize("option", ["--data", "--config"])
def test_two_different_folders_or_files_are_wrong_usage(qa: RunProcess, option: str) -> None:
    result = qa(option, "one", "status", option, "two")
    assert result.code == 2
    assert f"{option} is given twice, as one and as two" in result.stderr


@pytest.mark.parametrize("command", [["search", "who"], ["status"], ["serve", "--port", "0"], ["add", "pyproject.toml"]])
def test_a_data_folder_that_is_a_file_is_reported_in_one_line(qa: RunProcess, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert_one_line(qa("--data", tmp_path / "file", *command), 1, tmp_path / "file")


@pytest.mark.parametrize("command", [["search", "who"], ["status"], ["serve", "--port", "0"], ["add", "README.md"]])
def test_a_store_with_a_newer_format_is_reported_in_one_line(
    noted: Path, qa: RunProcess, tmp_path: Path, command: list[str]
) -> None:
    data = shutil.copytree(noted, tmp_path / "data")
    with apsw.Connection(str(data / "store.sqlite")) as connection:
        connection.pragma("user_version", 999)
    connection.close()
    assert_one_line(qa("--data", data, *command), 1, "999", "newer")


@pytest.mark.parametrize("command", [["search", "who"], ["status"], ["serve", "--port", "0"], ["add", "README.md"]])
def test_a_file_that_is_not_a_store_is_reported_in_one_line(
    data_folder: MakeFolder, qa: RunProcess, command: list[str]
) -> None:
    data = data_folder()
    (data / "store.sqlite").write_bytes(b"these are not the bytes of a database" * 100)
    assert_one_line(qa("--data", data, *command), 1, "store.sqlite")


# Runs a command with file permissions enforced: root first drops the two capabilities that bypass them.
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
def test_an_unreadable_data_folder_is_reported_in_one_line(
    noted: Path, qa_path: Path, python: RunProcess, tmp_path: Path, command: list[str], closed: str
) -> None:
    data = shutil.copytree(noted, tmp_path / "data")
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
def test_wrong_usage_exits_with_2(qa: RunProcess, tmp_path: Path, words: list[str]) -> None:
    result = qa("--data", tmp_path / "data", *words)
    assert result.code == 2
    assert result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "data").exists()


def test_a_question_that_is_not_utf_8_is_wrong_usage(qa_path: Path, python: RunProcess, tmp_path: Path) -> None:
    program = "import subprocess, sys; sys.exit(subprocess.run([*map(str.encode, sys.argv[1:]), b'who \\xff']).returncode)"
    result = python(program, qa_path, "--data", tmp_path / "data", "search")
    assert result.code == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], ["serve", "--help"], ["search", "-h"]])
def test_help_and_version_exit_with_0(qa: RunProcess, words: list[str]) -> None:
    result = qa(*words)
    assert result.code == 0
    assert result.stdout
    assert result.stderr == ""


def test_a_second_server_is_refused_with_the_process_id_of_the_first(server: Server, qa: RunProcess) -> None:
    assert_one_line(qa("--data", server.data, "serve", "--port", "0"), 1, server.process.pid)
    assert qa("--data", server.data, "status").code == 0
    assert qa("--data", server.data, "search", "memorandum").code == 0


def test_a_closed_pipe_causes_no_traceback(server: Server, qa_path: Path, run_process: RunProcess) -> None:
    result = run_process("sh", "-c", f"'{qa_path}' --data '{server.data}' search memorandum --json | head -c 1")
    assert result.stdout == "{"
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_in_a_limited_encoding_keeps_the_other_characters(server: Server, qa: RunProcess, encoding: str) -> None:
    words = ["--data", server.data, "search", "the UK AI Opportunities Action Plan"]
    shown = qa(*words, PYTHONIOENCODING=encoding)
    assert shown.code == 0, shown.stderr
    assert "AI Opportunities Action Plan" in shown.stdout
    printed = qa(*words, "--json", PYTHONIOENCODING=encoding)
    assert printed.code == 0, printed.stderr
    assert printed.json()["results"] == server.search(words[-1])["results"]
