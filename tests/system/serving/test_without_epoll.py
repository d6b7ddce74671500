"""The server on a system such as macOS, without `select.epoll` and without forks: changed here before anything is imported."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import StartServer

WITHOUT_EPOLL = """
import multiprocessing, select, sys
del select.epoll
get_context = multiprocessing.get_context
multiprocessing.get_context = lambda method=None: get_context("spawn")
print("no epoll", file=sys.stderr)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_serves_and_ingests(data_folder: Callable[[], Path], start_server: StartServer, tmp_path: Path, workers: int) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_EPOLL)  # imported by every Python process at its start
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    with start_server(data_folder(), "--workers", workers, PYTHONPATH=path) as running:
        assert running.log.count("no epoll") >= (1 if workers == 1 else workers + 2)  # the supervisor and the writer too
        page = b"<h1>Ferries</h1><p>The ferry to Port Mallory leaves at seven.</p>"
        running.finished(running.upload("ferries.html", page).json()["job"])
        for _ in range(8):
            assert "Mallory" in running.search("When does the ferry to Port Mallory leave?")["results"][0]["text"]
        assert running.stop() == 0
        assert "Traceback" not in running.log
