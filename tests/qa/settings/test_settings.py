"""Settings: the command line before the environment before the file before the default; what cannot be used is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from qa.settings.settings import SettingsError, read_settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration file that sets the port."""
    path = tmp_path / "quotable.toml"
    path.write_text('port = 3\ndata = "from-file"\n')
    return path


def test_the_command_line_goes_before_the_environment_before_the_file_before_the_default(file: Path) -> None:
    config = {"QA_CONFIG": str(file)}
    assert read_settings({}, {}).port == 8000
    assert read_settings({}, config).port == 3
    assert read_settings({}, config | {"QA_PORT": "2"}).port == 2
    assert read_settings({"port": 1}, config | {"QA_PORT": "2"}).port == 1
    assert read_settings({"port": None}, config | {"QA_PORT": "2"}).port == 2
    assert read_settings({"port": 1}, config).data == Path("from-file")


def test_the_defaults_are_those_that_are_promised() -> None:
    settings = read_settings({}, {})
    assert (settings.data, settings.host, settings.offline) == (Path("qa-data"), "127.0.0.1", True)


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read_settings({}, {}).port = 1  # type: ignore[misc]


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("1", True), ("0", False)])
def test_the_environment_says_yes_and_no_in_words_and_digits(text: str, value: bool) -> None:
    assert read_settings({}, {"QA_OFFLINE": text}).offline is value


def test_other_names_in_the_environment_are_left_alone() -> None:
    assert read_settings({}, {"PORT": "1", "QAPORT": "1", "qa_port": "1"}).port == 8000


@pytest.mark.parametrize(
    ("environment", "overrides", "words"),
    [
        ({"QA_PORT": "many"}, {}, ["port", "QA_PORT"]),
        ({"QA_PORT": "70000"}, {}, ["port", "QA_PORT", "65535"]),
        ({"QA_THREADS": "0"}, {}, ["threads", "QA_THREADS"]),
        ({"QA_ANSWER_THRESHOLD": "1.5"}, {}, ["answer_threshold", "QA_ANSWER_THRESHOLD"]),
        ({"QA_OFFLINE": "perhaps"}, {}, ["offline", "QA_OFFLINE"]),
        ({}, {"port": -1}, ["port", "command line"]),
        ({"QA_PORT": "5"}, {"port": -1}, ["port", "command line"]),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_where_it_was_set(
    environment: dict[str, str], overrides: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(overrides, environment)
    assert all(word in str(refusal.value) for word in words), refusal.value


@pytest.mark.parametrize(
    ("contents", "word"),
    [(b"prot = 1", "prot"), (b"port = 'x'", "port"), (b"port = ", "TOML"), (b"\xff\xfe", "TOML"), (b"[port]\nx = 1", "port")],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, contents: bytes, word: str) -> None:
    path = tmp_path / "quotable.toml"
    path.write_bytes(contents)
    with pytest.raises(SettingsError, match=word) as refusal:
        read_settings({}, {"QA_CONFIG": str(path)})
    assert str(path) in str(refusal.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml"):
        read_settings({}, {"QA_CONFIG": str(tmp_path / "missing.toml")})


def test_wrong_settings_are_wrong_usage_on_the_command_line(qa: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("prot = 1")
    for result, word in (
        (qa("status", QA_CONFIG=str(tmp_path / "wrong.toml")), "prot"),
        (qa("--data", tmp_path, "serve", QA_PORT="many"), "QA_PORT"),
        (qa("--data", tmp_path, "serve", "--port", "70000"), "port"),
        (qa("--data", tmp_path, "search", "who", QA_THREADS="-1"), "QA_THREADS"),
    ):
        assert result.code == 2
        assert word in result.stderr
        assert "Traceback" not in result.stderr


def test_the_command_line_says_which_data_folder_goes_first(qa: Callable[..., Any], tmp_path: Path) -> None:
    result = qa("--data", tmp_path / "one", "status", QA_DATA=str(tmp_path / "two"))
    assert "one" in result.stderr
    assert "two" in qa("status", QA_DATA=str(tmp_path / "two")).stderr
