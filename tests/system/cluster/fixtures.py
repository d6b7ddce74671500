"""Fixtures: a cluster of one node for the whole test run, and addresses of new, empty engines on it."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.system.cluster.nodes import POLL

ROOT = Path(__file__).parent.parent.parent.parent


@dataclass(frozen=True)
class TestCluster:
    """A running cluster. `hosts`: as in the address of an engine."""

    __test__ = False
    hosts: str

    @contextmanager
    def new_address(self) -> Iterator[str]:
        """The address of an engine that does not exist yet; what is stored under it is deleted afterwards."""
        name = f"t{os.getpid()}-{next(_numbers)}"
        try:
            yield f"opensearch://{self.hosts}/{name}?shards=1"
        finally:
            first = self.hosts.split(",")[0]
            url = f"http://{first}/{name}-*?expand_wildcards=all"
            urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=60).close()


NewAddress = Callable[[], Any]
_numbers = itertools.count()
_started: list[subprocess.Popen[bytes]] = []  # it may outlive this process, which another one of the run needs


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> TestCluster:
    """One cluster for all processes of this test run; it ends with the run. Skips where Java, Maven or the artifacts are missing.

    QUOTABLE_CLUSTER=HOST:PORT takes one that is running, such as that of `make cluster`.
    """
    if running := os.environ.get("QUOTABLE_CLUSTER"):
        return TestCluster(running)
    worker = "PYTEST_XDIST_WORKER" in os.environ
    folder = tmp_path_factory.getbasetemp()
    folder, run = (folder.parent, os.getppid()) if worker else (folder, os.getpid())
    report = folder / "cluster.json"
    with (folder / "cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not report.exists():
            words = ["--nodes", "1", "--heap", "512m", "--until", str(run), "--report", str(report)]
            with (folder / "cluster.log").open("wb") as log:
                command = [sys.executable, "-m", "tests.system.cluster.run", *words]
                started = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                _started.append(started)
            while not report.exists() and started.poll() is None:  # it reports within the patience of `run_cluster`
                time.sleep(POLL)
    facts = json.loads(report.read_text("utf-8")) if report.exists() else {"error": (folder / "cluster.log").read_text("utf-8")}
    if "error" in facts:
        absent = facts.get("absent") and not os.environ.get("CI")
        (pytest.skip if absent else pytest.fail)(f"no cluster: {facts['error']}")
    return TestCluster(facts["hosts"])


@pytest.fixture
def engine_address(cluster: TestCluster) -> Iterator[str]:
    """The address of a new engine; what is stored under it is deleted afterwards."""
    with cluster.new_address() as address:
        yield address
