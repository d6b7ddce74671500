"""What was freed goes back to the system: a server holds what it uses, not the most that it ever used."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Small pieces, of which a few in between stay in use: so malloc cannot give the pages back by itself.
FREE_MUCH_AND_WAIT = """
import sys, time
from pathlib import Path
from qa.assembly import open_to_write
from qa.settings.settings import read_settings
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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked for it")
def test_memory_that_was_freed_is_given_back_when_nothing_is_left_to_take_in(
    data_folder: Callable[[], Path], python: Callable[..., Any]
) -> None:
    result = python(FREE_MUCH_AND_WAIT, data_folder())
    assert result.code == 0, result.stderr
    assert int(result.stdout) > 60
