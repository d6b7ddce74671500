"""Settings: precedence of the sources, former names, and errors that name the setting and where it was set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from qa.settings.reading import SettingsError, cache_folder, read_configuration, read_settings, unknown_variables
from tests.conftest import RunProcess


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration file that sets the port."""
    path = tmp_path / "quotable.toml"
    path.write_text('port = 3\ndata = "from-file"\n')
    return path


def test_command_line_takes_precedence_over_environment_over_file_over_default(file: Path) -> None:
    config = {"QA_CONFIG": str(file)}
    assert read_settings({}, {}).port == 8000
    assert read_settings({}, config).port == 3
    assert read_settings({}, config | {"QA_PORT": "2"}).port == 2
    assert read_settings({"port": 1}, config | {"QA_PORT": "2"}).port == 1
    assert read_settings({"port": None}, config | {"QA_PORT": "2"}).port == 2
    assert read_settings({"port": 1}, config).data == Path("from-file")


def test_defaults() -> None:
    settings = read_settings({}, {})
    assert (settings.data, settings.host, settings.offline) == (Path("qa-data"), "127.0.0.1", True)


def test_settings_are_immutable() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read_settings({}, {}).port = 1  # type: ignore[misc]


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("1", True), ("0", False)])
def test_booleans_in_the_environment(text: str, value: bool) -> None:
    assert read_settings({}, {"QA_OFFLINE": text}).offline is value


def test_ignores_other_environment_variables() -> None:
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
def test_error_names_the_setting_and_its_source(
    environment: dict[str, str], overrides: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(overrides, environment)
    assert all(word in str(refusal.value) for word in words), refusal.value


@pytest.mark.parametrize(
    ("contents", "word"),
    [(b"prot = 1", "prot"), (b"port = 'x'", "port"), (b"port = ", "TOML"), (b"\xff\xfe", "TOML"), (b"[port]\nx = 1", "port")],
)
def test_error_names_an_invalid_file(tmp_path: Path, contents: bytes, word: str) -> None:
    path = tmp_path / "quotable.toml"
    path.write_bytes(contents)
    with pytest.raises(SettingsError, match=word) as refusal:
        read_settings({}, {"QA_CONFIG": str(path)})
    assert str(path) in str(refusal.value)


def test_rejects_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml"):
        read_settings({}, {"QA_CONFIG": str(tmp_path / "missing.toml")})


def test_invalid_settings_exit_with_usage_error(qa: RunProcess, tmp_path: Path) -> None:
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


def test_data_option_takes_precedence_over_the_environment(qa: RunProcess, tmp_path: Path) -> None:
    result = qa("--data", tmp_path / "one", "status", QA_DATA=str(tmp_path / "two"))
    assert "one" in result.stderr
    assert "two" in qa("status", QA_DATA=str(tmp_path / "two")).stderr


@pytest.mark.parametrize(("old", "new"), [("operating_point", "answer_threshold"), ("llm_silence", "llm_idle_timeout")])
def test_former_names_work_with_a_warning(tmp_path: Path, old: str, new: str) -> None:
    file = tmp_path / "quotable.toml"
    file.write_text(f"{old} = 0.5")
    in_file = read_configuration({"config": file}, {})
    assert (getattr(in_file.settings, new), in_file.sources[new]) == (0.5, f"in {file}")
    (warning,) = in_file.warnings
    assert f"{old} in {file} is now called {new}" in warning
    in_environment = read_configuration({"config": file}, {f"QA_{old.upper()}": "0.6"})
    assert (getattr(in_environment.settings, new), in_environment.sources[new]) == (0.6, f"in QA_{old.upper()}")
    assert f"QA_{old.upper()} in the environment is now called QA_{new.upper()}" in in_environment.warnings[1]
    assert unknown_variables({f"QA_{old.upper()}": "0.6"}) == []


def test_the_former_name_of_the_managers_page_works() -> None:
    assert read_settings({}, {"QA_UPLOAD_PAGE": "false"}).manage_page is False
    assert read_settings({}, {}).manage_page is True


@pytest.mark.parametrize(("old", "new"), [("operating_point", "answer_threshold"), ("llm_silence", "llm_idle_timeout")])
def test_new_names_take_precedence_over_former_ones(tmp_path: Path, old: str, new: str) -> None:
    file = tmp_path / "quotable.toml"
    for lines in ([f"{old} = 0.5", f"{new} = 0.7"], [f"{new} = 0.7", f"{old} = 0.5"]):
        file.write_text("\n".join(lines))
        assert getattr(read_settings({"config": file}, {}), new) == 0.7
    environment = {f"QA_{old.upper()}": "0.5", f"QA_{new.upper()}": "0.7"}
    assert getattr(read_settings({}, environment), new) == 0.7


def test_commands_print_the_warning_on_a_former_name(qa: RunProcess, tmp_path: Path) -> None:
    (tmp_path / "old.toml").write_text("operating_point = 0.5")
    result = qa("--config", tmp_path / "old.toml", "config", QA_LLM_SILENCE="5")
    assert "operating_point in " in result.stderr
    assert "QA_LLM_IDLE_TIMEOUT" in result.stderr
    assert "answer_threshold = 0.5" in result.stdout
    assert "operating_point in " in qa("--config", tmp_path / "old.toml", "--data", tmp_path / "none", "status").stderr


def test_a_removed_setting_is_refused_with_its_replacement(tmp_path: Path) -> None:
    file = tmp_path / "quotable.toml"
    file.write_text("log_questions = true")
    with pytest.raises(SettingsError, match=r"log_questions in .* it was removed; keep_questions"):
        read_settings({"config": file}, {})
    (line,) = unknown_variables({"QA_LOG_QUESTIONS": "1"})
    assert "QA_LOG_QUESTIONS" in line
    assert "keep_questions" in line


@pytest.mark.parametrize(
    ("overrides", "environment", "expected"),
    [
        ({"cache": "/var/cache/models"}, {"XDG_CACHE_HOME": "/xdg"}, "/var/cache/models"),
        ({}, {"XDG_CACHE_HOME": "/xdg"}, "/xdg/quotable"),
        ({}, {"XDG_CACHE_HOME": "relative"}, "/home/someone/.cache/quotable"),
        ({}, {}, "/home/someone/.cache/quotable"),
    ],
)
def test_prepared_models_are_in_the_cache_of_the_user(
    monkeypatch: pytest.MonkeyPatch, overrides: dict[str, str], environment: dict[str, str], expected: str
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder(read_settings(overrides, {}), environment) == Path(expected)
