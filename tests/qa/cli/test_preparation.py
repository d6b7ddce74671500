"""Models are prepared by `qa prepare`, and by no command that fails anyway."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import RunProcess, Server, prepared_files


def test_prepares_into_the_cache_without_a_data_folder(exported_model: Path, qa: RunProcess, tmp_path: Path) -> None:
    before = prepared_files(exported_model)
    result = qa("--data", tmp_path / "data", "prepare")
    assert (result.code, result.stdout, result.stderr) == (0, "", "")
    assert prepared_files(exported_model).items() >= before.items()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add", "/nonexistent", "missing.txt"], "/nonexistent: no such file or folder; missing.txt: no such file or folder"),
        (["add", "https://docs.example.org/a"], "url_hosts"),
        (["add", ".", "/nonexistent", "--watch"], "/nonexistent: no such file or folder"),
        (["remove", "a"], "qa serve"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_fails_before_a_model_is_prepared(
    qa: RunProcess, tmp_path: Path, words: list[str], message: str
) -> None:
    result = qa("--data", tmp_path / "data", *words, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert result.code == 1
    assert message in result.stderr
    assert "Preparing" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_check_reports_a_damaged_model_in_the_cache(
    server: Server, exported_model: Path, qa: RunProcess, tmp_path: Path
) -> None:
    fingerprint = qa("--data", server.data, "status", "--json").json()["fingerprint"]
    quantized = tmp_path / "quotable" / f"{fingerprint}-int8"
    shutil.copytree(exported_model / quantized.name, quantized)
    assert qa("--data", server.data, "check", XDG_CACHE_HOME=str(tmp_path)).code == 0
    with (quantized / "tokenizer.json").open("a") as file:
        file.write(" ")
    checked = qa("--data", server.data, "check", XDG_CACHE_HOME=str(tmp_path))
    assert checked.code == 1
    assert f"{quantized} was modified: tokenizer.json\n  → the next start prepares it again" in checked.stdout
