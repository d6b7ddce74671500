"""Without network: first start, serving and searching make no attempt to connect to another machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

# Python imports `sitecustomize` at every start; the hook cannot be removed. Blocked attempts are also recorded in a file, because
# a library may swallow the exception.
GUARD = """
import os, sys

def _here(host):
    host = host.decode() if isinstance(host, bytes) else host
    return host in (None, "", "localhost", "::1", "0.0.0.0", "::") or str(host).startswith("127.")

def _guard(event, arguments):
    if event == "socket.connect" or event == "socket.sendto":
        address = arguments[1]
        outside = isinstance(address, tuple) and not _here(address[0])
    elif event == "socket.getaddrinfo" or event in ("socket.gethostbyname", "socket.gethostbyaddr"):
        outside = not _here(arguments[0])
    else:
        return
    if outside:
        with open(os.environ["NETWORK_LOG"], "a") as log:
            print(event, arguments, file=log)
        raise OSError(101, "the network is cut off")

sys.addaudithook(_guard)
open(os.environ["NETWORK_LOG"], "a").close()
"""


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Environment variables that guard every Python process; at the end, no attempt may have been blocked."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    log = tmp_path / "network.log"
    path = os.pathsep.join(filter(None, [str(tmp_path / "guard"), os.environ.get("PYTHONPATH")]))
    folders = {
        "HF_HOME": "hub",
        "HOME": "home",
        "XDG_CACHE_HOME": "network.log",
    }  # models go to the data folder: this is a file
    yield {"PYTHONPATH": path, "NETWORK_LOG": str(log)} | {name: str(tmp_path / folder) for name, folder in folders.items()}
    assert log.exists(), "no process was guarded"
    assert log.read_text() == ""


def test_guard_blocks_connections(guarded: dict[str, str], python: Run, tmp_path: Path) -> None:
    for program in (
        "import socket; socket.create_connection(('192.0.2.1', 80))",
        "import socket; socket.getaddrinfo('example.org', 80)",
        "import urllib.request; urllib.request.urlopen('http://example.org')",
    ):
        refused = python(program, **guarded)
        assert refused.code == 1
        assert "the network is cut off" in refused.stderr
    log = tmp_path / "network.log"
    assert len(log.read_text().splitlines()) == 3
    log.write_text("")


def test_first_start_works_without_network(
    guarded: dict[str, str], start_server: Callable[..., Any], qa: Run, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with start_server(data, **guarded) as running:
        assert "Preparing the model" in running.log
        found = running.search("Who signed the memorandum?")
        assert found["answerable"]
        assert running.get("/?q=memorandum").status == 200
        searched = qa("--data", data, "search", "Who signed the memorandum?", "--json", **guarded)
        assert searched.code == 0, searched.stderr
        assert searched.json()["results"] == found["results"]
        assert searched.stderr == ""
        assert running.log.count("cannot write the cache of models") == 1
    note = tmp_path / "note.md"
    note.write_text("# Note\n\nThe library opens at nine.")
    added = qa("--data", data, "add", note, **guarded)
    assert added.code == 0, added.stderr
    backup, restored = tmp_path / "backup", tmp_path / "restored"
    assert qa("--data", data, "backup", backup, **guarded).code == 0
    assert qa("--data", restored, "restore", backup, **guarded).code == 0
    shown = qa("--data", restored, "search", "When does the library open?", **guarded)
    assert "Preparing the model" in shown.stderr  # it is not in the backup
    assert "“The library opens at nine.”" in shown.stdout
    # Libraries that send telemetry do so by then; the guard does not see native sockets.
    home = tmp_path / "home"
    assert not [path for path in home.rglob("*") if path.is_file()]


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (apt-get install strace)")
def test_no_library_opens_a_socket_outside_python(
    data_folder: Callable[[], Path], qa: Run, qa_path: Path, run_process: Run, tmp_path: Path
) -> None:
    data, calls = data_folder(), tmp_path / "calls"
    assert qa("--data", data, "add", Path(__file__)).code == 0
    trace = f"strace -f -qq -e trace=connect,sendto,sendmsg,sendmmsg -o {calls} {qa_path} --data {data} chat"
    ended = run_process("sh", "-c", f"(echo Who signed it?; sleep 15) | {trace}", HOME=str(tmp_path))
    assert ended.code == 0, ended.stderr
    assert "AF_INET" not in calls.read_text()


def test_rejects_a_model_that_must_be_downloaded(guarded: dict[str, str], qa: Run, tmp_path: Path) -> None:
    result = qa(
        "--data", tmp_path / "data", "serve", "--port", "0", QA_MODEL="sentence-transformers/all-mpnet-base-v2", **guarded
    )
    assert result.code == 1
    assert "all-mpnet-base-v2" in result.stderr
    assert "offline = false" in result.stderr
    assert "Traceback" not in result.stderr
