"""Fixtures for all tests: the exported model, data folders, the command `qa` and running servers."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from index.embedding.loading import load_embedder
from index.embedding.model_files import DEFAULT_MODEL
from index.types import Embedder
from tests.corpus.sources.site import Site
from tests.examples import use_profile
from tests.fork_server import ForkServer, start_process
from tests.server import PATIENCE, ROOT, Response, Server, environment
from tests.system.cluster.fixtures import cluster, engine_address

__all__ = ["PATIENCE", "ROOT", "Response", "Server", "cluster", "engine_address", "environment"]

QA = Path(sysconfig.get_path("scripts")) / "qa"

use_profile()


def pytest_configure(config: pytest.Config) -> None:
    """Prepared models are in pytest's cache, which every process of the tests uses and keeps between runs; never in the home folder."""
    assert config.cache is not None
    os.environ["XDG_CACHE_HOME"] = str(config.cache.mkdir("models"))


@pytest.fixture(scope="session")
def exported_model() -> Path:
    """The cache of prepared models with the default model."""
    folder = Path(os.environ["XDG_CACHE_HOME"], "quotable")
    load_embedder(DEFAULT_MODEL, folder, precision="int8")
    return folder


def prepared_files(cache: Path) -> dict[Path, int]:
    """When each file of a prepared model was last changed. Other processes of the tests may prepare more at any time."""
    return {path: path.stat().st_mtime_ns for path in cache.glob("[!.]*/*")}


@pytest.fixture(scope="session")
def embedder(exported_model: Path) -> Embedder:
    """The default model in full precision."""
    return load_embedder(DEFAULT_MODEL, exported_model)


@pytest.fixture(scope="session")
def data_folder(exported_model: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeFolder:
    """Create empty data folders; the default model is prepared."""
    return lambda: tmp_path_factory.mktemp("data")


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a process."""

    code: int
    stdout: str
    stderr: str
    pid: int

    def json(self) -> Any:
        return json.loads(self.stdout)


RunProcess = Callable[..., Finished]
MakeFolder = Callable[[], Path]


def _run(*command: object, cwd: Path = ROOT, patience: float | None = PATIENCE, **changes: str) -> Finished:
    words = [str(word) for word in command]
    with subprocess.Popen(
        words, cwd=cwd, env=environment(changes), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=patience)
        except BaseException:
            process.kill()
            raise
    return Finished(process.returncode, stdout, stderr, process.pid)


@pytest.fixture(scope="session")
def run_process() -> RunProcess:
    """Run a command to its end. `cwd`: the working folder; other keywords are environment variables.

    `patience`: seconds until it counts as hanging; None for no limit.
    """
    return _run


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """Starts the command `qa` without importing the program again."""
    running = ForkServer(QA, environment({}))
    yield running
    running.close()


@pytest.fixture(scope="session")
def qa(fork_server: ForkServer) -> RunProcess:
    """Run the command `qa` in a process, as `run_process` does."""

    return lambda *words, cwd=ROOT, patience=PATIENCE, **changes: Finished(
        *fork_server.run(words, cwd, environment(changes), patience)
    )


@pytest.fixture(scope="session")
def qa_path() -> Path:
    """The path of the command `qa`."""
    return QA


@pytest.fixture(scope="session")
def python() -> RunProcess:
    """Run a Python program given as text, with arguments."""
    return lambda program, *words, **options: _run(sys.executable, "-c", program, *words, **options)


StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def first_start(fork_server: ForkServer, data_folder: MakeFolder) -> Path:
    """A data folder as the first start of a server leaves it, with the press release."""
    data = data_folder()
    code, _, errors, _ = fork_server.run(["--data", data, "search", "Who signed?"], ROOT, environment({}), PATIENCE)
    assert code == 0, errors
    return data


@pytest.fixture(scope="session")
def start_server(fork_server: ForkServer, first_start: Path, tmp_path_factory: pytest.TempPathFactory) -> StartServer:
    """Start a server on a data folder, a new one with a copy of `first_start`. Use it in a `with` statement, which stops it.

    `command`: of a new process, instead of a forked `qa`, which fills a new folder itself; other keywords are environment variables.
    """
    numbers = itertools.count()
    logs = tmp_path_factory.mktemp("logs")

    def start(data: Path, *options: object, command: tuple[object, ...] = (), **changes: str) -> Server:
        # The copy is not what such a server would begin with.
        fills = command or "--engine" in options or {"QA_MODEL", "PYTHONPATH"} & changes.keys()
        if not fills and not (data / "store.sqlite").exists():
            shutil.copytree(first_start, data, dirs_exist_ok=True)
        starter = partial(start_process, command) if command else fork_server.start
        return Server(starter, data, logs / f"{next(numbers)}.log", *options, **changes)

    return start


@pytest.fixture(scope="session")
def server(data_folder: MakeFolder, start_server: StartServer) -> Iterator[Server]:
    """A server with the press release, started in a new interpreter. Tests must not change its documents."""
    with start_server(data_folder(), command=(QA,)) as running:
        yield running
        # Fails for a traceback in any test's request.
        assert "Traceback" not in running.log, running.log


@pytest.fixture(scope="session")
def press_release_text() -> str:
    return (ROOT / "corpus" / "press_release.txt").read_bytes().decode("utf-8")


@pytest.fixture
def site() -> Iterator[Site]:
    """A web server on loopback with documents."""
    running = Site()
    yield running
    running.stop()
