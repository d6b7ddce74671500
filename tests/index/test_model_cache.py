"""Prepared models: found in the data folder or the cache, prepared once, in the data folder where the cache cannot be written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from index.model_cache import CannotPrepare, ModelCache
from index.types import ModelError
from tests.conftest import ROOT, RunProcess
from tests.qa.cli.test_command_line import WITHOUT_PRIVILEGE


def load(folder: Path) -> str:
    text = (folder / "text").read_text()
    if text == "damaged":
        raise ModelError(f"{folder} was modified")
    return text


def write(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text").write_text(text)


def get(cache: ModelCache, text: str = "prepared") -> str:
    return cache.get("model", load, lambda folder: write(folder, text))


def test_the_second_data_folder_uses_what_the_first_prepared(tmp_path: Path) -> None:
    assert get(ModelCache(tmp_path / "cache", tmp_path / "one"), "first") == "first"
    assert get(ModelCache(tmp_path / "cache", tmp_path / "two"), "second") == "first"
    assert not (tmp_path / "one").exists()
    assert not (tmp_path / "two").exists()


def test_the_model_of_the_data_folder_comes_first(tmp_path: Path) -> None:
    write(tmp_path / "own" / "model", "own")
    write(tmp_path / "cache" / "model", "shared")
    assert get(ModelCache(tmp_path / "cache", tmp_path / "own")) == "own"


@pytest.mark.parametrize("place", ["own", "cache"])
def test_a_damaged_model_is_prepared_again_where_it_is(tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / place / "model", "damaged")
    cache = ModelCache(tmp_path / "cache", tmp_path / "own")
    assert get(cache) == "prepared"
    assert caplog.messages == [f"{tmp_path / place / 'model'} was modified; preparing it again"]
    assert [path.parent.parent.name for path in tmp_path.rglob("text")] == [place]
    assert get(cache, "another time") == "prepared"


def test_where_the_cache_cannot_be_written_the_data_folder_takes_the_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    cache = ModelCache(tmp_path / "file" / "cache", tmp_path / "own")
    assert [get(cache), get(cache, "another time")] == ["prepared"] * 2
    (message,) = caplog.messages
    assert f"cannot write the cache of models {tmp_path / 'file' / 'cache'}: Not a directory" in message
    assert str(tmp_path / "own") in message


def test_without_a_folder_that_can_be_written_the_error_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotPrepare, match=r"no folder can be written .*the setting cache"):
        get(ModelCache(tmp_path / "file" / "cache", tmp_path / "file" / "own"))


READ_ONLY = """
import sys
from pathlib import Path
from index.model_cache import ModelCache
from tests.index.test_model_cache import get
print(get(ModelCache(*map(Path, sys.argv[1:]))))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux capabilities")
@pytest.mark.parametrize(("found", "expected"), [("intact", "intact"), ("damaged", "prepared")])
def test_a_read_only_cache_is_used_if_it_is_intact(tmp_path: Path, python: RunProcess, found: str, expected: str) -> None:
    cache, own = tmp_path / "cache", tmp_path / "own"
    write(cache / "model", found)
    for folder in (cache / "model", cache):
        folder.chmod(0o555)
    ended = python(WITHOUT_PRIVILEGE, sys.executable, "-c", READ_ONLY, cache, own, PYTHONPATH=str(ROOT))
    assert ended.stdout.split() == [expected], ended.stderr
    assert own.exists() == (found == "damaged")


PREPARE_SLOWLY = """
import sys, time
from pathlib import Path
from index.durable_files import write_folder_atomically
from index.model_cache import ModelCache
from tests.index.test_model_cache import load

def prepare(folder):
    print("preparing", flush=True)
    time.sleep(1)
    write_folder_atomically(folder, lambda part: (part / "text").write_text("whole"))

print(ModelCache(Path(sys.argv[1])).get("model", load, prepare))
"""


@pytest.mark.parametrize("before", ["missing", "damaged"])
def test_of_several_processes_one_prepares_and_all_get_the_model(tmp_path: Path, before: str) -> None:
    if before == "damaged":
        write(tmp_path / "model", "damaged")
    command = [sys.executable, "-c", PREPARE_SLOWLY, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)]
    printed = [process.communicate(timeout=600)[0].split() for process in processes]
    assert sorted(printed) == [["preparing", "whole"], *[["whole"]] * 3]
