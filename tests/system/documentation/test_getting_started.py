"""Runs every command of docs/getting-started.md, in order, in a new folder, with real servers.

`make install` is a dry run, because these tests run in its result. The server takes a free port instead of 8000, and a loopback address
stands for 192.0.2.10.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, environment
from tests.system.documentation.documented import ROOT, fenced

GUIDE = ROOT / "docs" / "getting-started.md"
PAGE = GUIDE.read_text("utf-8")
COMMANDS = fenced(GUIDE)
SERVES = "Serving on http://"
REFUNDS = "Refunds are paid within ten working days of the claim."
PERMIT = "A parking permit costs forty pounds a year."
# Text that each command prints, in page order; "" for none.
PRINTED = {
    "make install": "",
    ". .venv/bin/activate": "",
    "qa serve": SERVES,
    'qa search "who signed the memorandum?"': "Sam Altman",
    "mkdir guidance": "",
    f'echo "{REFUNDS}" > guidance/refunds.txt': "",
    "qa --data my-data add guidance": "guidance/refunds.txt: added",
    'qa --data my-data search "how long do refunds take?"': f"“{REFUNDS}”",
    'qa --data my-data search "who won the cup in 1974?"': "Not in these documents",
    "qa --data my-data serve": SERVES,
    'curl -s "http://127.0.0.1:8000/v1/search?q=how+long+do+refunds+take"': REFUNDS,
    f'echo "{PERMIT}" > permits.txt': "",
    "curl -s -F file=@permits.txt http://127.0.0.1:8000/v1/documents": '"job"',
    'curl -s "http://127.0.0.1:8000/v1/search?q=what+does+a+parking+permit+cost"': PERMIT,
    "qa --data my-data list": "permits",
    'qa --data my-data key create --role write --name "the web site" > web-site.key': "",
    "qa --data my-data serve --host 0.0.0.0": SERVES,
    'curl -s "http://192.0.2.10:8000/v1/search?q=how+long+do+refunds+take"': '"status": 401',
    'curl -s -H "Authorization: Bearer $(cat web-site.key)" "http://192.0.2.10:8000/v1/search?q=how+long+do+refunds+take"': REFUNDS,
    "qa --data my-data backup my-data.backup": "Backed up to my-data.backup",
    "qa --data restored restore my-data.backup": "Restored restored from my-data.backup",
    "qa --data restored check": "restored is intact.",
    'qa --data restored search "what does a parking permit cost?"': PERMIT,
    "qa --data restored key list": "the web site",
    "qa --data my-data status": "passages",
    "qa --data my-data check": "my-data is intact.",
}
# Errors the page describes: after which command, which command fails, and its message.
REFUSED = {
    "qa --data my-data serve": ("qa --data my-data serve --port 0", "is being written by another process"),
    'qa --data my-data key create --role write --name "the web site" > web-site.key': (
        "qa --data other serve --host 0.0.0.0",
        "a key is needed to serve on",
    ),
    "qa --data my-data serve --host 0.0.0.0": ("qa --data qa-data serve", "Address already in use"),
}


class Newcomer:
    """Follows the page in one terminal, with a second one for the server."""

    def __init__(self, folder: Path, qa_path: Path) -> None:
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        path = f"{qa_path.parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = environment({"PATH": path, "QA_PORT": str(self._port), "no_proxy": "*"})

    def run(self, command: str) -> str:
        """Run a command and return its output; leave a server running. Fail if the command fails."""
        here = command.replace("192.0.2.10", "127.0.0.2").replace(":8000", f":{self._port}")
        if " serve" in here:
            return self._start(here)
        ended = self._shell(here, PATIENCE)
        assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def fail(self, command: str) -> str:
        """Run a command that must fail soon and return its message."""
        ended = self._shell(f"exec {command}", PATIENCE / 6)
        assert ended.returncode == 1, ended.stdout
        return ended.stderr

    def _shell(self, command: str, patience: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command], cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=patience
        )

    def _start(self, command: str) -> str:
        self.stop_server()
        log = self._folder / "log"
        with log.open("wb") as file:
            self._server = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self._folder, env=self._environment, stdout=file, stderr=file
            )
        for _ in range(PATIENCE * 20):
            if SERVES in log.read_text("utf-8") or self._server.poll() is not None:
                break
            time.sleep(0.05)
        return log.read_text("utf-8")

    def stop_server(self) -> None:
        if self._server is not None:
            self._server.terminate()
            assert self._server.wait(PATIENCE) == 0
            self._server = None


@pytest.fixture(scope="module")
def newcomer(data_folder: Callable[[], Path], qa_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    if not shutil.which("curl"):
        pytest.skip("curl is not there")
    folder = tmp_path_factory.mktemp("newcomer")
    # The clone as far as the page touches it, and data folders that have the prepared model: it is prepared once for all tests.
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy2(ROOT / name, folder)
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy2(qa_path.parent / "activate", folder / ".venv" / "bin")
    for name in {"qa-data", "other", *re.findall(r"--data (\S+)", "\n".join(COMMANDS))}:
        data_folder().rename(folder / name)
    newcomer = Newcomer(folder, qa_path)
    yield newcomer
    newcomer.stop_server()


def test_page_has_exactly_these_commands() -> None:
    assert list(PRINTED) == COMMANDS


def test_runs_every_command(newcomer: Newcomer) -> None:
    for command in COMMANDS:
        if command == "make install":
            assert "pip install" in newcomer.run("make --dry-run --always-make install")
            continue
        if "key create" in command:
            newcomer.stop_server()
        said = newcomer.run(command)
        for _ in range(50):  # an accepted document is found a moment later
            if PRINTED[command] in said or not re.search(r"/v1/search|\blist$", command):
                break
            time.sleep(0.2)
            said = newcomer.run(command)
        assert PRINTED[command] in said, f"{command}: {said}"
        if command in REFUSED:
            another, because = REFUSED[command]
            assert because in PAGE
            assert because in newcomer.fail(another)
