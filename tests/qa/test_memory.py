"""An idle worker returns freed memory to the operating system."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunProcess

# Small pieces; some between them stay in use, so malloc does not return the pages by itself.
FREE_MUCH_AND_WAIT = """
import sys, time
from pathlib import Path
from qa.assembly import open_to_write
from qa.settings.reading import read_settings
from qa.ingest.worker import Worker

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20

worker = Worker(open_to_write(read_settings({"data": Path(sys.argv[1])})))
pieces = [bytes(1000) for _ in range(100_000)]
kept = pieces[::100]
del pieces
before = resident()
worker.start()
for _ in range(100):
    if before - resident() > 60:
        break
    time.sleep(.1)
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_idle_worker_returns_freed_memory(data_folder: Callable[[], Path], python: RunProcess) -> None:
    result = python(FREE_MUCH_AND_WAIT, data_folder())
    assert result.code == 0, result.stderr
    assert int(result.stdout) > 60
