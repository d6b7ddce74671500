"""The lock of a data folder: one writer, released with its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from index.embedded.folder_lock import FolderLock
from index.types import StoreError

HOLD_LOCK = """
import sys
from pathlib import Path
from index.embedded.folder_lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
"""


def test_refuses_a_second_writer_with_the_id_of_the_first(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(StoreError, match=f"{os.getpid()}"):
        FolderLock(tmp_path)
    lock.release()
    FolderLock(tmp_path).release()


def test_holds_until_the_owning_process_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=f"{owner.pid}.*stop it first"):
            FolderLock(tmp_path)
        owner.send_signal(signal.SIGKILL)
    FolderLock(tmp_path).release()


def test_refuses_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot write in .*missing"):
        FolderLock(tmp_path / "missing")
